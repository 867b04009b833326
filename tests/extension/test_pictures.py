"""Listing a folder: names, captions, folders below, and five thousand of them in time."""

from __future__ import annotations

import time
from pathlib import Path

from lora_workbench.extension.pictures import list_folder


def fill(folder: Path, **files: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, caption in files.items():
        (folder / f"{name}.png").touch()
        if caption is not None:
            (folder / f"{name}.txt").write_text(caption)


def test_pictures_and_their_captions(tmp_path: Path) -> None:
    fill(tmp_path, b="x", a="", c=None)
    for name in ("d.JPEG", "e.gif", "f.txt", ".hidden.png", "b.caption"):
        (tmp_path / name).write_text("x")
    found = list_folder(tmp_path)
    assert found.names == ["a.png", "b.png", "c.png", "d.JPEG"] and found.captioned == 1
    assert list_folder(tmp_path, ".caption").captioned == 1


def test_folders_below_where_they_are_asked_for(tmp_path: Path) -> None:
    fill(tmp_path, a="x")
    fill(tmp_path / "10_penny", a="x", b=None)
    fill(tmp_path / ".lora_workbench", a="x")
    assert list_folder(tmp_path).names == ["a.png"]
    found = list_folder(tmp_path, recursive=True)
    assert found.names == ["a.png", "10_penny/a.png", "10_penny/b.png"] and found.captioned == 2


def test_a_link_to_itself_is_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, a="x")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "b.txt").symlink_to(tmp_path / "taken away")
    assert list_folder(tmp_path, recursive=True).names == ["a.png"]


def test_five_thousand_pictures(tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / f"{number}.png").touch()
        (tmp_path / f"{number}.txt").write_text("x")
    begun = time.process_time()
    assert list_folder(tmp_path).captioned == 5000
    assert time.process_time() - begun < 1
