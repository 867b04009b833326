"""Variants from the command line: drawn, resumed, accepted with where they are from, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lora_workbench.tagger.commands import main as tagger
from lora_workbench.trainer_core.files import file_sha256
from lora_workbench.trainer_core.problems import UserError, WordsError
from lora_workbench.trainer_core.variants import draw
from lora_workbench.trainer_core.variants.command import main

Run = Callable[..., int]
TAGGER = Path(__file__).resolve().parents[3] / "demo" / "models" / "toy_tagger"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """`pictures/10_mia` with a captioned picture of 128×96 px and one without a caption."""
    folder = tmp_path / "pictures" / "10_mia"
    folder.mkdir(parents=True)
    Image.linear_gradient("L").resize((128, 96)).convert("RGB").save(folder / "a.png")
    (folder / "a.txt").write_text("mia, red hat (big)", encoding="utf-8")
    Image.new("RGB", (64, 64), "teal").save(folder / "b.png")
    return folder


@pytest.fixture
def run(dataset: Path, random_base: Path) -> Run:
    """The command with a base of random weights, three steps and the resolution 96."""

    def go(*words: str) -> int:
        drawn = not {"--accept", "--reject", "--undo", "--status"} & set(words)
        base = (
            [
                f"--pretrained_model_name_or_path={random_base}",
                "--resolution=96",
                "--min_bucket_reso=64",
                "--seed=7",
                "--steps=3",
            ]
            if drawn
            else []
        )
        return main([str(dataset), *words, *base])

    return go


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names as they are drawn; the picture follows from the seed, and no model is loaded."""
    made: list[str] = []

    def redraw(review: Any, model: Any, names: list[str], settings: Any, device: str, progress: Any) -> None:
        for name in names:
            seed = review.variants[name].request["seed"]
            Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(review.folder / name)
            made.append(name)

    monkeypatch.setattr(draw, "_redraw", redraw)
    monkeypatch.setattr("lora_workbench.trainer_core.models.checkpoint.load_model", lambda *words, **more: Model())
    return made


class Model:
    """Nothing to put a LoRA onto."""


def review(own_data_folder: Path) -> Path:
    (folder,) = (own_data_folder / "variants").iterdir()
    return folder


def content(own_data_folder: Path) -> dict[str, Any]:
    return json.loads((review(own_data_folder) / "variants.json").read_text(encoding="utf-8"))["variants"]


def test_drawn_for_real_and_a_region_alone(run: Run, dataset: Path, own_data_folder: Path, tmp_path: Path) -> None:
    run("--pictures", "a.png", "--count=1")
    mask = Image.new("L", (128, 96))
    mask.paste(255, (40, 30, 80, 60))
    mask.save(tmp_path / "mask.png")
    run("--pictures", "a.png", "--count=1", "--mask", str(tmp_path / "mask.png"), "--denoise=0.9", "--sampler=Euler")
    found, folder = content(own_data_folder), review(own_data_folder)
    assert list(found) == ["a-v001.png", "a-v002.png"]
    with Image.open(folder / "a-v001.png") as whole, Image.open(folder / "a-v002.png") as part:
        assert whole.size == (112, 80)  # the picture's shape in as many pixels as 96 by 96
        prompt, values = whole.info["parameters"].split("\n")
        assert prompt == r"mia, red hat \(big\)" and "CFG scale: 6" in values and "Seed: 7" in values
        assert values.endswith("Denoising strength: 0.7")
        before, after = np.asarray(Image.open(dataset / "a.png").convert("RGB")), np.asarray(part.convert("RGB"))
    white = np.asarray(mask) == 255
    assert (before[~white] == after[~white]).all() and (before[white] != after[white]).any()
    assert found["a-v002.png"]["mask_sha256"] == file_sha256(tmp_path / "mask.png")
    assert found["a-v001.png"]["source_sha256"] == file_sha256(dataset / "a.png")


def test_the_same_again_draws_nothing_and_more_draws_more(run: Run, quick: list[str], own_data_folder: Path) -> None:
    run("--pictures", "a.png", "--count=2")
    run("--pictures", "a.png", "--count=2")
    assert quick == ["a-v001.png", "a-v002.png"]
    run("--pictures", "a.png", "--count=3")
    run("--pictures", "a.png", "--count=1", "--denoise=0.5")
    assert quick[2:] == ["a-v003.png", "a-v004.png"]
    assert [one["request"]["seed"] for one in content(own_data_folder).values()] == [7, 8, 9, 7]


def test_cut_off_it_draws_what_is_missing(
    run: Run, quick: list[str], own_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        pass

    real = draw._note
    monkeypatch.setattr(draw, "_note", lambda *words: (_ for _ in ()).throw(Cut()))
    with pytest.raises(Cut):
        run("--pictures", "a.png", "--count=3", "--batch_size=2")
    monkeypatch.setattr(draw, "_note", real)
    assert {one["state"] for one in content(own_data_folder).values()} == {"planned"}
    run("--pictures", "a.png", "--count=3", "--batch_size=2")
    assert quick == ["a-v001.png", "a-v002.png", "a-v003.png"]
    assert {one["state"] for one in content(own_data_folder).values()} == {"waiting"}


def test_accepted_ones_come_into_the_dataset_with_where_they_are_from(
    run: Run, quick: list[str], dataset: Path, own_data_folder: Path, capsys: Any
) -> None:
    run("--pictures", "a.png", "--count=3")
    (dataset / "a-v002.txt").write_text("mine", encoding="utf-8")  # a name that is taken
    run("--accept", "a-v001.png", "a-v002.png", "--reject", "a-v003.png")
    assert (dataset / "a-v001.txt").read_text(encoding="utf-8") == "mia, red hat (big)"
    assert (dataset / "a-v002-2.png").read_bytes() == (review(own_data_folder) / "a-v002.png").read_bytes()
    assert (dataset / "a-v002.txt").read_text(encoding="utf-8") == "mine" and not (dataset / "a-v002.png").exists()
    told = json.loads((dataset / "provenance.json").read_text(encoding="utf-8"))
    one = told["a-v001.png"]
    assert (one["source"], one["denoise"], one["by"], one["request"]["seed"]) == ("a.png", 0.7, "person", 7)
    assert one["model"] and len(one["model_sha256"]) == 64 and one["sha256"] == file_sha256(dataset / "a-v001.png")
    before = {path.name: path.stat().st_mtime_ns for path in dataset.iterdir() if path.is_file()}
    run("--accept", "a-v001.png")  # nothing twice
    assert before == {path.name: path.stat().st_mtime_ns for path in dataset.iterdir() if path.is_file()}
    capsys.readouterr()
    run("--status", "--json")
    states = {name: one["state"] for name, one in json.loads(capsys.readouterr().out)["variants"].items()}
    assert states == {"a-v001.png": "accepted", "a-v002.png": "accepted", "a-v003.png": "rejected"}
    tagger(["undo", str(dataset)])
    assert not (dataset / "a-v002-2.txt").exists() and (dataset / "a-v001.txt").exists()


def test_a_tagger_writes_the_caption(run: Run, quick: list[str], dataset: Path) -> None:
    run("--pictures", "a.png", "--count=1")
    run("--accept", "a-v001.png", "--tagger", str(TAGGER), "--threshold=0.2")
    tags = (dataset / "a-v001.txt").read_text(encoding="utf-8").split(", ")
    assert tags[0] == "mia" and "1creature" in tags and "red hat (big)" not in tags


def test_what_other_words_left_undrawn_is_not_drawn_along(run: Run, quick: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = draw._drawn
    monkeypatch.setattr(draw, "_drawn", lambda *words: iter(()))
    run("--pictures", "a.png", "--count=3", "--denoise=0.9")
    monkeypatch.setattr(draw, "_drawn", real)
    run("--pictures", "a.png", "--count=1")
    assert quick == ["a-v004.png"]
    run("--pictures", "a.png", "--count=3", "--denoise=0.9")
    assert sorted(quick) == ["a-v001.png", "a-v002.png", "a-v003.png", "a-v004.png"]


def test_a_variant_is_drawn_over_and_stays_its_pictures(run: Run, dataset: Path, own_data_folder: Path, tmp_path: Path) -> None:
    run("--pictures", "a.png", "--count=1", "--prompt=mia, boots")
    mask = Image.new("L", (112, 80))
    mask.paste(255, (40, 30, 80, 60))
    mask.save(tmp_path / "mask.png")
    run("--over", "a-v001.png", "--count=1", "--mask", str(tmp_path / "mask.png"), "--denoise=0.9")
    folder, one = review(own_data_folder), content(own_data_folder)["a-v002.png"]
    assert (one["source"], one["over"], one["request"]["prompt"]) == ("a.png", "a-v001.png", "mia, boots")
    first, second = (np.asarray(Image.open(folder / f"a-v00{number}.png").convert("RGB")) for number in (1, 2))
    white = np.asarray(mask) == 255
    assert (first[~white] == second[~white]).all() and (first[white] != second[white]).any()
    run("--accept", "a-v002.png")
    assert (dataset / "a-v002.txt").read_text(encoding="utf-8") == "mia, red hat (big)"


def test_decisions_while_others_are_drawn_are_kept(run: Run, quick: list[str], dataset: Path, own_data_folder: Path) -> None:
    run("--pictures", "a.png", "--count=1")
    real = draw._redraw

    def redraw(*words: Any) -> None:
        if not (dataset / "a-v001.png").exists():
            run("--accept", "a-v001.png")
        real(*words)

    draw._redraw = redraw
    run("--pictures", "a.png", "--count=3", "--batch_size=1")
    draw._redraw = real
    assert [one["state"] for one in content(own_data_folder).values()] == ["accepted", "waiting", "waiting"]


def test_decisions_are_taken_back_where_nobody_changed_the_copy(
    run: Run, quick: list[str], dataset: Path, own_data_folder: Path, capsys: Any
) -> None:
    with pytest.raises(UserError, match="A denoising strength of 2 is not possible"):
        run("--pictures", "a.png", "--count=9", "--denoise=2")  # of which nothing is planned
    run("--pictures", "a.png", "--count=4")
    before = {path.name: path.read_bytes() for path in dataset.iterdir() if path.is_file()}
    run("--accept", "a-v001.png", "a-v002.png", "a-v003.png", "--reject", "a-v004.png", "--to", "5_more")
    assert (dataset / "5_more" / "a-v001.txt").read_text(encoding="utf-8") == "mia, red hat (big)"
    with pytest.raises(UserError, match=r"a-v001\.png is in the dataset already, as 5_more/a-v001\.png: take that back"):
        run("--reject", "a-v001.png")
    Image.new("RGB", (8, 8)).save(dataset / "5_more" / "a-v002.png")
    (dataset / "5_more" / "a-v003.txt").write_text("mine", encoding="utf-8")
    capsys.readouterr()
    run("--undo", "a-v001.png", "a-v002.png", "a-v003.png", "a-v004.png")
    out = capsys.readouterr().out
    assert "Waits again: a-v001.png\nWaits again: a-v004.png\n" in out
    assert "a-v002.png, the picture was changed since." in out and "a-v003.png, its caption was changed since." in out
    states = [one["state"] for one in content(own_data_folder).values()]
    assert states == ["waiting", "accepted", "accepted", "waiting"]
    kept = {path.name for path in (dataset / "5_more").iterdir() if path.is_file()}
    assert kept == {"a-v002.png", "a-v002.txt", "a-v003.png", "a-v003.txt"}
    assert sorted(json.loads((dataset / "provenance.json").read_text(encoding="utf-8"))) == [
        "5_more/a-v002.png",
        "5_more/a-v003.png",
    ]
    assert {name: (dataset / name).read_bytes() for name in before} == before
    run("--accept", "a-v001.png")
    assert (dataset / "a-v001.png").read_bytes() == (review(own_data_folder) / "a-v001.png").read_bytes()


def test_cut_off_while_accepting_the_same_again_finishes(
    run: Run, quick: list[str], dataset: Path, monkeypatch: pytest.MonkeyPatch, own_data_folder: Path
) -> None:
    class Cut(BaseException):
        pass

    run("--pictures", "a.png", "--count=1")
    real, left = os.replace, [0]

    def counted(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Cut
        real(source, target)

    monkeypatch.setattr(os, "replace", counted)
    cuts = 0
    for number in range(1, 30):
        left[0] = number
        try:
            run("--accept", "a-v001.png")
            break
        except Cut:
            cuts += 1
    assert cuts > 1
    assert sorted(path.name for path in dataset.iterdir() if path.is_file()) == [
        "a-v001.png", "a-v001.txt", "a.png", "a.txt", "b.png", "provenance.json",
    ]  # fmt: skip
    assert (dataset / "a-v001.txt").read_text(encoding="utf-8") == "mia, red hat (big)"


def test_a_high_cfg_is_pointed_out(run: Run, quick: list[str], dataset: Path, capsys: Any) -> None:
    info = PngInfo()
    info.add_text("parameters", "mia\nSteps: 20, CFG scale: 12, Seed: 1")
    Image.new("RGB", (64, 64)).save(dataset / "c.png", pnginfo=info)
    run("--pictures", "c.png", "--prompt", "mia", "--cfg=9", "--count=1")
    out = capsys.readouterr().out
    assert "note: CFG 9 is above 7" in out and "drawn with a CFG above 7, as their PNG info says: c.png." in out


@pytest.fixture
def nothing_written(own_data_folder: Path, dataset: Path) -> Iterator[None]:
    before = sorted(dataset.iterdir())
    yield
    assert sorted(dataset.iterdir()) == before
    assert not list(own_data_folder.rglob("*.png"))


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        ((), WordsError, "needs --pictures"), (("--pictures", "b.png"), UserError, r"b\.png has no caption"),
        (("--pictures", "z.png"), UserError, r"no picture z\.png"), (("--pictures", "../a.png"), UserError, "no picture a.png"),
        (("--pictures", "a.png", "--all"), WordsError, "--all is all pictures"),
        (("--pictures", "a.png", "--only_masked"), WordsError, "--only_masked needs --mask"),
        (("--pictures", "a.png", "--mask", "no.png"), UserError, r"no\.png can't be taken as a picture: it is not there"),
        (("--pictures", "a.png", "--sampler=None"), UserError, "sampler"),
        (("--pictures", "a.png", "--lora", "no.safetensors"), UserError, r"no\.safetensors"),
        (("--pictures", "a.png", "--review", "DATASET/x"), UserError, "lies in the dataset"),
        (("--accept", "a-v009.png"), UserError, r"no variant a-v009\.png"),
        (("--over", "a-v009.png"), UserError, r"no variant a-v009\.png"),
        (("--over", "a-v001.png", "--pictures", "a.png"), WordsError, "leave --pictures and --all out"),
        (("--undo", "a-v009.png"), UserError, r"no variant a-v009\.png"),
        (("--undo", "a.png", "--accept", "a.png"), WordsError, "but not in both"),
        (("--status", "--networkdim=3"), WordsError, "doesn't go with"),
    ],
)  # fmt: skip
def test_wrong_words(run: Run, dataset: Path, nothing_written: None, words: tuple[str, ...], kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        run(*(word.replace("DATASET", str(dataset)) for word in words))
