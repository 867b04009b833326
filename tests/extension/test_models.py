"""Finding models and taggers in folders."""

from __future__ import annotations

from pathlib import Path

from lora_workbench.extension.models import checkpoints_in, demo_checkpoints, taggers_in


def tagger(folder: Path, tags: str = "selected_tags.csv") -> None:
    folder.mkdir(parents=True)
    (folder / "model.onnx").touch()
    (folder / tags).touch()


def test_taggers_by_folder_and_by_download_cache(tmp_path: Path) -> None:
    tagger(tmp_path / "mine")
    tagger(tmp_path / "models--SmilingWolf--wd-vit-tagger-v3" / "snapshots" / "abc123")
    tagger(tmp_path / "camie", "tag_mapping.json")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.onnx").touch()
    tagger(tmp_path / ".hidden")
    found = taggers_in([tmp_path, tmp_path / "no such folder"])
    assert [one["name"] for one in found] == ["camie", "mine", "wd-vit-tagger-v3", "toy_tagger (demo)"]
    assert all((Path(one["path"]) / "model.onnx").is_file() for one in found)


def test_checkpoints_by_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("z.safetensors", "a/b/x.CKPT", "readme.txt"):
        (tmp_path / name).touch()
    assert [one["name"] for one in checkpoints_in([tmp_path])] == ["a/b/x", "z"]
    assert checkpoints_in([tmp_path / "no such folder"]) == []


def test_the_demos_base_is_offered() -> None:
    assert [one["name"] for one in demo_checkpoints()] == ["toy_base (demo)"]
