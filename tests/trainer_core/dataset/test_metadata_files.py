"""Metadata files of kohya's fine-tuning datasets: their pictures are trained with their captions, and nothing is silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.items import TrainingSet
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Settings]


@pytest.fixture
def train(folder: Path, settings: Make, tmp_path: Path) -> Callable[..., TrainingSet]:
    """Scans the three pictures of `folder` with a metadata file."""

    def make(content: object, name: str = "meta.json", **changes: object) -> TrainingSet:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return scan(settings(**{"train_data_dir": str(folder), "in_json": str(path), **changes}))

    return make


def captions(found: TrainingSet) -> dict[str, str]:
    return {item.path.stem: item.caption for item in found.items}


def test_captions_and_tags_are_the_files(train: Callable[..., TrainingSet], folder: Path) -> None:
    """Names with and without an extension, whole paths, and paths of another machine all find their picture."""
    found = train(
        {
            str(folder / "0.png"): {"caption": "a doll", "tags": "penny, hat", "train_resolution": [128, 128]},
            "D:\\sets\\2_penny\\1.png": {"tags": "penny"},
            "2": {"caption": r"penny \(doll\)"},
        },
        dataset_repeats=5,
    )
    assert captions(found) == {"0": "a doll, penny, hat", "1": "penny", "2": "penny (doll)"}
    assert [item.copies for item in found.items] == [5, 5, 5] and all(item.caption_file is None for item in found.items)
    assert found.problems == () and [one.path.suffix for one in found.ignored] == []


def test_what_has_no_other_half_is_told(train: Callable[..., TrainingSet], folder: Path) -> None:
    found = train({"0.png": {"caption": "penny"}, "7.png": {"caption": "gone"}})
    assert captions(found) == {"0": "penny"}
    (missing,) = found.problems
    assert missing.code == "metadata-missing" and "7.png" in missing.message
    assert {one.path.name for one in found.ignored if "doesn't name it" in one.reason} == {"1.png", "2.png"}


def test_lines_of_json_and_wildcards(train: Callable[..., TrainingSet]) -> None:
    text = '{"image_path": "0.png", "caption": "one\\ntwo", "tags": "hat"}\n\n{"image_path": "1.png", "caption": "three"}\n'
    assert captions(train(text, "meta.jsonl", enable_wildcard=True)) == {"0": "one, hat\ntwo, hat", "1": "three"}
    assert captions(train(text, "meta.jsonl"))["0"] == "one, two, hat"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nonsense", "not such JSON"),
        ({}, "names no picture"),
        ('{"0": "penny"}', "must be"),
        ('["0"]', "must be"),
    ],
)
def test_wrong_files_are_one_sentence(train: Callable[..., TrainingSet], content: object, words: str) -> None:
    problems = [one for one in train(content).problems if one.severity == "error"]
    assert problems[0].code == "bad-file" and words in problems[0].message and "meta.json" in problems[0].message
    wrong = train('{"caption": "no path"}', "meta.jsonl").problems[0]
    assert "image_path" in wrong.message


def test_a_file_that_is_not_there(settings: Make, folder: Path) -> None:
    found = scan(settings(train_data_dir=str(folder), in_json=str(folder / "none.json")))
    assert "none.json can't be read" in found.problems[0].message


def test_subsets_of_a_dataset_file(settings: Make, folder: Path, tmp_path: Path) -> None:
    (folder / "meta.json").write_text(json.dumps({"0": {"tags": "penny, hat"}, "1": {}}), encoding="utf-8")
    path = tmp_path / "data.toml"
    path.write_text(
        f"[[datasets]]\nresolution = 128\n  [[datasets.subsets]]\n  metadata_file = '{folder / 'meta.json'}'\n"
        "  num_repeats = 4\n  class_tokens = 'doll'\n",
        encoding="utf-8",
    )
    found = scan(settings(train_data_dir=None, dataset_config=str(path)))
    assert captions(found) == {"0": "penny, hat", "1": "doll"} and [one.copies for one in found.items] == [4, 4]
    assert [one.code for one in found.problems] == ["captions-missing"]


def test_imports_keep_it() -> None:
    found = import_text(
        "[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = '/sets/a'\nmetadata_file = '/sets/m.json'\n"
    )
    assert found.values["in_json"] == Path("/sets/m.json") and found.values["train_data_dir"] == Path("/sets/a")
