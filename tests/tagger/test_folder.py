"""Which files of a folder are pictures, which captions are whose, and what belongs to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tagger.folder import open_folder, pictures_of
from lora_workbench.trainer_core.problems import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "a.jpg", "b.PNG", "c.d.webp", ".hidden.png", "notes.md", "deep/e.png", ".secret/f.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name, text in (("a.txt", "one, rating:safe"), ("c.d.txt", "two"), ("lost.txt", "x"), ("deep/e.txt", "three, Explicit")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_entries_shared_ones_and_orphans(folder: Path) -> None:
    found = open_folder(folder)
    assert [(entry.name, entry.caption.text, entry.place) for entry in found.entries] == [
        ("a.jpg", "one, rating:safe", ""),
        ("b.PNG", "", ""),
        ("c.d.webp", "two", ""),
    ]
    assert [(one.name, other.name) for one, other in found.shared] == [("a.png", "a.jpg")]
    assert [path.name for path in found.orphans] == ["lost.txt"]
    assert found.entries[1].caption.content is None and found.entries[0].rating == "safe"


def test_deeper_folders_are_asked_for(folder: Path) -> None:
    found = open_folder(folder, recursive=True)
    assert [(entry.name, entry.place, entry.rating) for entry in found.entries][-1] == ("e.png", "deep", "explicit")
    assert [(Path(path).name, owner) for path, owner in pictures_of(folder)] == [
        ("a.jpg", ""),
        ("a.png", "a.jpg"),
        ("b.PNG", ""),
        ("c.d.webp", ""),
    ]
    assert [Path(path) for path, _ in pictures_of(folder, recursive=True)][-1] == folder / "deep" / "e.png"


def test_nothing_there(tmp_path: Path) -> None:
    for look in (lambda folder: list(pictures_of(folder)), open_folder):
        with pytest.raises(UserError, match="holds no pictures"):
            look(tmp_path)
        with pytest.raises(UserError, match="is missing"):
            look(tmp_path / "nowhere")
