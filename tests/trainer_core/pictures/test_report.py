"""The report of a folder: each fault under its code, quick the second time, and what tags tell."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import blurred, changed, scene, with_bars
from PIL import Image, ImageCms

from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.store import Scores, Store, content_key
from lora_workbench.trainer_core.pictures import memory
from lora_workbench.trainer_core.pictures.command import main
from lora_workbench.trainer_core.problems import UserError, WordsError

SMALL = (256, 320)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture of each fault, and two that have none: good.png, other.png."""
    place = tmp_path / "10_mia"
    place.mkdir()
    good = scene(0, "drawing", SMALL)
    good.save(place / "good.png")
    (place / "good.txt").write_text("mia, signature", encoding="utf-8")
    scene(1, "photo", SMALL).save(place / "other.png")
    (place / "again.png").write_bytes((place / "good.png").read_bytes())
    changed(good, "cropped").save(place / "near.png")
    changed(scene(1, "photo", SMALL), "mirrored").save(place / "turned_round.png")
    with_bars(scene(2, "photo", SMALL), 0, 30, 0, 30, "black").save(place / "bars.png")
    blurred(scene(3, "photo", SMALL), 3).save(place / "blurred.png")
    scene(4, "photo", (60, 70)).save(place / "small.png")
    scene(5, "photo", SMALL).convert("CMYK").save(place / "cmyk.jpg")
    grain = np.random.default_rng(0).random((300, 300)) * 65535
    Image.fromarray(grain.astype(np.uint16)).save(place / "deep.png")
    scene(6, "photo", SMALL).save(place / "camera.jpg", exif=exif())
    scene(7, "photo", SMALL).save(place / "lab.png", icc_profile=ImageCms.ImageCmsProfile(lab()).tobytes())
    scene(8, "photo", SMALL).save(place / "moving.webp", save_all=True, append_images=[scene(9, "photo", SMALL)])
    half = scene(10, "photo", SMALL)
    half.putalpha(128)
    half.save(place / "glass.png")
    (place / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    return place


def exif() -> Image.Exif:
    told = Image.Exif()
    told[0x0112] = 6
    told.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    told[0x013B] = "Anna"
    return told


def lab() -> Any:
    """A profile that isn't sRGB; Pillow makes those for XYZ and Lab."""
    return ImageCms.createProfile("XYZ")


def report(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[dict[str, Any]]]:
    capsys.readouterr()
    assert main([str(folder), "--resolution=256", "--json", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    return {one["code"]: one["files"] for one in told["findings"]}


def test_each_fault_is_found_and_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {code: {one["name"] for one in files} for code, files in report(folder, capsys).items()}
    assert found.pop("not-tagged") >= {"good.png", "other.png"}
    assert found == {
        "unreadable": {"broken.png"},
        "animated": {"moving.webp"},
        "too-small": {"small.png"},
        "blurred": {"blurred.png"},
        "duplicate": {"good.png"},  # again.png comes first by name
        "near-duplicate": {"near.png"},
        "mirrored-duplicate": {"turned_round.png"},
        "bars": {"bars.png"},
        "colour-profile": {"lab.png"},
        "cmyk": {"cmyk.jpg"},
        "deep-colour": {"deep.png"},
        "private-data": {"camera.jpg"},
        "turned": {"camera.jpg"},
        "transparent": {"glass.png"},
        "watermark": {"good.png"},
    }


def test_the_terminal_gets_sentences_with_mends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--resolution=256"]) == 0
    text = capsys.readouterr().out
    assert "bars.png: left 0, top 30, right 0, bottom 30 px" in text and "Write copies without them. (--cut_bars)" in text
    assert "camera.jpg: where it was taken (GPS); the author's name" in text
    assert text.index("error:") < text.index("warning:") < text.index("note:")


def test_only_changed_pictures_are_looked_at_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(folder, capsys)
    looked: list[str] = []
    look = memory.look
    monkeypatch.setattr(memory, "look", lambda path: looked.append(path.name) or look(path))
    assert report(folder, capsys) == first and looked == []
    scene(20, "photo", SMALL).save(folder / "blurred.png")
    assert "blurred" not in report(folder, capsys) and looked == ["blurred.png"]


def test_a_cache_that_cant_be_used_costs_time_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], own_data_folder: Path
) -> None:
    own_data_folder.mkdir(exist_ok=True)
    (own_data_folder / "cache").write_text("in the way", encoding="utf-8")
    assert main([str(folder), "--resolution=256"]) == 0
    told = capsys.readouterr()
    assert "[bars]" in told.out and "can't be kept" in told.err


def test_a_damaged_store_costs_time_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with memory._opened(tmp_path / "cache") as kept:
        kept.execute("DROP TABLE seen")
        memory._keep(kept, [(tmp_path / "a.png", "mark", memory.look(tmp_path / "a.png"))])
    assert "can't be kept" in capsys.readouterr().err


def test_what_a_tagger_saw_tells_of_text_and_heads(
    folder: Path, capsys: pytest.CaptureFixture[str], own_data_folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"a tagger")
    labels = [Label(name, 0, name) for name in ("1girl", "head_out_of_frame", "speech_bubble", "watermark")]
    content = (folder / "other.png").read_bytes()
    with Store(own_data_folder / "cache") as store:
        key = store.model_key(model, labels)
        scores = Scores(array("I", [0, 1, 2, 3]), array("f", [0.99, 0.8, 0.6, 0.2]))
        store.remember(
            [(folder / "other.png", (folder / "other.png").stat(), content_key(content))], [(content_key(content), key, scores)]
        )
    found = report(folder, capsys)
    assert [one["words"] for one in found["cut-head"]] == ["head out of frame 0.80"]
    assert [one["name"] for one in found["text"]] == ["other.png"]
    assert [one["name"] for one in found["watermark"]] == ["good.png"], "0.2 is no watermark; the caption says signature"
    assert "other.png" not in {one["name"] for one in found["not-tagged"]}


@pytest.mark.parametrize("ending", [".html", ".png"])
def test_the_contact_sheet_shows_what_was_found(folder: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    sheet = folder.parent / f"sheet{ending}"
    report(folder, capsys, "--sheet", str(sheet))
    if ending == ".png":
        with Image.open(sheet) as image:
            assert image.width > 1000 and image.getcolors(100) is None
        return
    page = sheet.read_text(encoding="utf-8")
    assert "bars.png" in page and page.count("data:image/webp") > 15 and "http" not in page


def test_a_good_folder_has_nothing_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene(30, "drawing", SMALL).save(tmp_path / "a.png")
    assert set(report(tmp_path, capsys)) == {"not-tagged"}


def test_wrong_words_and_folders_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder .* is missing"):
        main([str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match="holds no pictures"):
        main([str(tmp_path)])
    for words in (
        ["--sheet", "a.docx"],
        ["--crop", "half", "--all"],
        ["--crop", "half", "--beside"],
        ["--cut_bars"],
        ["--all"],
    ):
        with pytest.raises(WordsError):
            main([str(tmp_path), *words])
