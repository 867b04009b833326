"""`python -m tagger`: its words, its exit statuses, and that it starts from the project's root and by its full name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger.commands import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / name)
    (folder / "b.txt").write_text("blue thing, cat", encoding="utf-8")
    return folder


def test_tag_and_undo(folder: Path, make_tagger: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--threshold", "0.6", "--character_threshold", "0.95", "--first", "zibbo", "--exclude", "a,red_hat"]
    assert main(["tag", str(folder), "--model", str(make_tagger()), *words]) == 0
    assert (folder / "a.txt").read_bytes() == b"zibbo" and (folder / "b.txt").read_bytes() == b"blue thing, cat"
    assert "1 picture tagged" in capsys.readouterr().out
    assert main(["tag", str(folder), "--model", str(make_tagger()), *words, "--mode", "prepend"]) == 0
    assert (folder / "b.txt").read_bytes() == b"zibbo, long hair, blue thing, cat"
    assert main(["undo", str(folder)]) == 0 and main(["undo", str(folder)]) == 0
    assert (folder / "b.txt").read_bytes() == b"blue thing, cat" and not (folder / "a.txt").exists()
    assert main(["undo", str(folder)]) == 1
    assert "nothing to undo" in capsys.readouterr().err


def test_stats_and_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "2 pictures, 1 with a caption, 1 without" in out and "1  100.0 %  blue thing" in out
    assert main(["check", str(folder), "--first", "zibbo"]) == 1
    out = capsys.readouterr().out
    assert "a.png: has no caption" in out and "b.txt: begins with 'blue thing', not 'zibbo'" in out
    (folder / "a.txt").write_text("zibbo, cat, Cat", encoding="utf-8")
    (folder / "b.txt").write_bytes("zibbo, 红色帽子".encode("gbk"))
    assert main(["check", str(folder), "--first", "zibbo"]) == 1
    out = capsys.readouterr().out
    assert "cat more than once" in out and "is in GBK" in out
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("zibbo, cat", encoding="utf-8")
    assert main(["check", str(folder), "--first", "zibbo"]) == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["edit", "DIR"], 2, "Nothing is to be edited"),
        (["tga", "DIR"], 2, "tga"),
        ([], 2, "COMMAND"),
        (["tag", "DIR"], 2, "--model"),
        (["tag", "DIR", "--model", "m", "--threshold", "2"], 2, "'2' is not a number from 0 to 1"),
        (["tag", "DIR", "--model", "m", "--mode", "all"], 2, "all"),
        (["tag", "DIR", "--model", "m", "--mode", "overwrite"], 2, "add --yes"),
        (["tag", "DIR", "--model", "nowhere"], 1, "nowhere is missing"),
        (["stats", "nowhere"], 1, "nowhere is missing"),
    ],
)
def test_wrong_words_and_missing_things(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert main([str(folder) if word == "DIR" else word for word in words]) == status
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["tagger", "lora_workbench.tagger"])
def test_it_starts_under_both_names(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", name, "stats", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0 and "2 pictures" in ended.stdout, ended.stderr
