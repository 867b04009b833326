"""New files cut out of pictures: with captions, never over what is there, taken back only where they are as they were made."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from made import scene, with_bars
from PIL import Image, ImageCms, ImageDraw

from lora_workbench.tagger.commands import main as tagger
from lora_workbench.tagger.framing import reframed
from lora_workbench.trainer_core.files import file_sha256
from lora_workbench.trainer_core.pictures.command import main
from lora_workbench.trainer_core.pictures.cutting import plain_picture
from lora_workbench.trainer_core.problems import UserError

BIG = (320, 400)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "10_mia"
    place.mkdir()
    scene(0, "drawing", BIG).save(place / "a.png")
    (place / "a.txt").write_text("mia, 1girl, full body, smile", encoding="utf-8")
    with_bars(scene(1, "photo", BIG), 0, 40, 0, 40, "black").save(place / "b.png")
    (place / "b.txt").write_text("mia, letterboxed, hat", encoding="utf-8")
    return place


def run(folder: Path, *words: str) -> None:
    assert main([str(folder), *words, "--resolution=128"]) == 0


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in folder.glob("*.*") if path.is_file()}


def test_a_rectangle_becomes_a_new_file_with_its_caption(folder: Path) -> None:
    before = bytes_of(folder)
    run(folder, "--crop", "10,20,100,120", "--pictures", "a.png", "--to", str(folder / "parts"), "--tags", "close-up")
    made = folder / "parts" / "a-crop.png"
    with Image.open(made) as part, Image.open(folder / "a.png") as whole:
        assert np.array_equal(np.asarray(part), np.asarray(whole.crop((10, 20, 110, 140))))
    assert made.with_suffix(".txt").read_text(encoding="utf-8") == "mia, close-up, 1girl, smile"
    assert {name: value for name, value in bytes_of(folder).items() if name != "provenance.json"} == before
    told = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["parts/a-crop.png"]
    assert told["source"] == "a.png" and told["box"] == [10, 20, 100, 120] and told["sha256"] == file_sha256(made)


def test_per_cent_details_and_the_upper_half(folder: Path) -> None:
    run(folder, "--crop", "0%,0%,50%,25%", "half", "details", "--count", "2", "--pictures", "a.png", "--beside")
    sizes = {path.name: Image.open(path).size for path in folder.glob("a-*.png")}
    assert sizes == {
        "a-crop.png": (160, 100),
        "a-half.png": (320, 200),
        "a-detail.png": (128, 128),
        "a-detail-2.png": (128, 128),
    }
    assert (folder / "a-half.txt").read_text(encoding="utf-8") == "mia, upper body, 1girl, smile"


def test_details_are_where_something_is(tmp_path: Path) -> None:
    plain = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(plain)
    for step in range(0, 60, 4):
        pen.line((300, 40 + step, 360, 40 + step), fill="black")
    plain.save(tmp_path / "a.png")
    run(tmp_path, "--crop", "details", "--count", "1", "--all", "--beside")
    (told,) = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8")).values()
    x, y, side, _ = told["box"]
    assert x <= 300 and x + side >= 360 and y <= 40 and y + side >= 100


def test_the_same_words_again_write_nothing_twice_and_finish_what_is_missing(folder: Path) -> None:
    words = ("--crop", "half", "--pictures", "a.png", "--beside")
    run(folder, *words)
    first = bytes_of(folder)
    run(folder, *words)
    assert bytes_of(folder) == first
    (folder / "a-half.png").unlink()
    (folder / "a-half.txt").unlink()
    run(folder, *words)
    assert bytes_of(folder) == first


def test_names_that_are_taken_are_never_written_over(folder: Path) -> None:
    (folder / "a-half.JPG").write_bytes(b"mine")
    run(folder, "--crop", "half", "--pictures", "a.png", "--beside")
    assert (folder / "a-half.JPG").read_bytes() == b"mine" and (folder / "a-half-2.png").is_file()


def test_bars_are_cut_off_into_copies(folder: Path, tmp_path: Path) -> None:
    run(folder, "--cut_bars", "--to", str(tmp_path / "clean"))
    assert [path.name for path in (tmp_path / "clean").glob("*.png")] == ["b-nobars.png"]
    assert Image.open(tmp_path / "clean" / "b-nobars.png").size == BIG
    assert (tmp_path / "clean" / "b-nobars.txt").read_text(encoding="utf-8") == "mia, letterboxed, hat"
    assert Image.open(folder / "b.png").size == (BIG[0], BIG[1] + 80)


def test_plain_copies_are_upright_and_tell_nothing(folder: Path, tmp_path: Path) -> None:
    told = Image.Exif()
    told[0x0112], told[0x013B] = 6, "Anna"
    scene(5, "photo", BIG).save(folder / "c.jpg", exif=told)
    run(folder, "--plain", "--to", str(tmp_path / "plain"))
    with Image.open(tmp_path / "plain" / "c-plain.png") as image:
        assert image.size == (BIG[1], BIG[0]) and image.mode == "RGB" and not image.getexif() and not image.info
    assert len(list((tmp_path / "plain").glob("*.png"))) == 1, "a.png and b.png need no plain copy"


def test_colours_are_brought_to_srgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile whose red and blue are swapped stands for any other: what is seen is what the profile says."""
    asked = []

    def convert(image: Image.Image, source: object, target: object, **more: object) -> Image.Image:
        asked.append((image.mode, more))
        red, green, blue = image.split()
        return Image.merge("RGB", (blue, green, red))

    monkeypatch.setattr(ImageCms, "profileToProfile", convert)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.new("RGB", (32, 32), (250, 10, 20)).save(tmp_path / "a.png", icc_profile=profile)
    assert plain_picture(tmp_path / "a.png").getpixel((0, 0)) == (20, 10, 250) and asked[0][0] == "RGB"
    content = io.BytesIO()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (32, 32), (250, 10, 20)).save(content, "PNG", icc_profile=srgb)
    (tmp_path / "b.png").write_bytes(content.getvalue())
    assert plain_picture(tmp_path / "b.png").getpixel((0, 0)) == (250, 10, 20)


def test_only_our_unchanged_files_are_taken_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = bytes_of(folder)
    run(folder, "--crop", "half", "0,0,64,64", "--all", "--beside")
    (folder / "a-half.txt").write_text("mia, edited", encoding="utf-8")
    Image.new("RGB", (9, 9)).save(folder / "b-crop.png")
    run(folder, "--take_back", "all")
    told = capsys.readouterr().out
    assert "Left as it is: a-half.png, its caption was changed since." in told
    assert "Left as it is: b-crop.png, the picture was changed since." in told
    left = {"a-half.png", "a-half.txt", "b-crop.png", "b-crop.txt", "provenance.json"}
    assert set(bytes_of(folder)) == set(before) | left
    assert {name: value for name, value in bytes_of(folder).items() if name not in left} == before
    with pytest.raises(UserError, match="a.png was not made by this command"):
        main([str(folder), "--take_back", "a.png"])


def test_captions_of_cuts_can_be_undone_as_any_other(folder: Path) -> None:
    run(folder, "--crop", "half", "--pictures", "a.png", "--beside")
    assert tagger(["undo", str(folder)]) == 0
    assert (folder / "a-half.png").is_file() and not (folder / "a-half.txt").exists()


def test_a_face_is_cut_where_the_name_tells_its_place(folder: Path) -> None:
    scene(3, "drawing", BIG).save(folder / "c_0150_0100_0060_0050.png")
    run(folder, "--crop", "face", "--pictures", "c_0150_0100_0060_0050.png", "--beside")
    assert Image.open(folder / "c_0150_0100_0060_0050-face.png").size == (96, 96)
    with pytest.raises(UserError, match=r"Where the face is in a\.png isn't known"):
        main([str(folder), "--crop", "face", "--pictures", "a.png", "--beside"])


def test_wrong_rectangles_and_names_get_one_sentence(folder: Path) -> None:
    for crop, sentence in (("0,0,900,10", "does not lie in a.png"), ("1,2,3", "is no rectangle"), ("nose", "is no rectangle")):
        with pytest.raises(UserError, match=sentence):
            main([str(folder), "--crop", crop, "--pictures", "a.png", "--beside"])
    with pytest.raises(UserError, match="There is no picture"):
        main([str(folder), "--crop", "half", "--pictures", "../10_mia.png", "--beside"])
    assert not list(folder.glob("a-*"))


@pytest.mark.parametrize(
    ("text", "new", "part", "expected"),
    [
        ("mia, full body, hat", ["portrait"], True, "mia, portrait, hat"),
        ("mia, full body, hat", [], False, "mia, full body, hat"),
        ("full_body, hat", ["close-up"], True, "full_body, close-up, hat"),  # the first tag stays first
        ("mia, a\nmia, wide shot", ["bust"], True, "mia, bust, a\nmia, bust"),
        ("", ["close-up"], True, "close-up"),
    ],
)
def test_captions_say_what_is_in_sight_now(text: str, new: list[str], part: bool, expected: str) -> None:
    assert reframed(text, new, part) == expected
