"""Finding models and taggers in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.models import (
    allowed_tagger,
    checkpoints_in,
    demo_checkpoints,
    fetchable,
    fetched_tagger,
    taggers_in,
)
from lora_workbench.extension.rights import Rights


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


def test_taggers_that_are_fetched_by_name(tmp_path: Path) -> None:
    names = fetchable([])
    assert names[0].endswith("-v3") and names[-1].startswith("wd-v1-4") and len(names) == len(set(names)) > 10
    there = [{"name": "wd-vit-tagger-v3", "path": str(tmp_path)}]
    assert set(names) - set(fetchable(there)) == {"wd-vit-tagger-v3"}
    assert allowed_tagger("wd-vit-tagger-v3", Rights()) == "wd-vit-tagger-v3" and allowed_tagger("", Rights()) == ""
    assert allowed_tagger(str(tmp_path), Rights()) == str(tmp_path)
    for asked, rights in (("wd-vit-tagger-v9", Rights()), ("wd-vit-tagger-v3", Rights(restricted=True))):
        with pytest.raises(Refused):
            allowed_tagger(asked, rights)
    assert fetched_tagger("wd-vit-tagger-v3", there) == fetched_tagger(str(tmp_path), there) == str(tmp_path)
    with pytest.raises(Refused, match="wd-vit-tagger-v3 has to be fetched first: tag pictures with it once") as refused:
        fetched_tagger("wd-vit-tagger-v3", [])
    assert refused.value.status == 409
