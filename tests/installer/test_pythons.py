"""Which Python the installer takes, what it says where none will do, and how it starts programs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from lora_workbench.installer.processes import ask, clean_environment
from lora_workbench.installer.pythons import Python, describe, find_python
from lora_workbench.trainer_core.problems import UserError


def fake_python(folder: Path, name: str, answer: object) -> Path:
    """A program that answers as a Python with those traits would."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


needs_sh = pytest.mark.skipif(os.name == "nt", reason="the pretended Pythons are shell scripts")


def test_this_python_describes_itself() -> None:
    python = describe(Path(sys.executable))
    assert python is not None
    assert python.version == sys.version_info[:3] and python.missing == () and python.objection == ""


@pytest.mark.parametrize(
    ("version", "missing", "is_64_bit", "words"),
    [
        ((3, 9, 18), (), True, "3.10 to 3.13 is needed"),
        ((3, 14, 0), (), True, "3.10 to 3.13 is needed"),
        ((3, 11, 7), ("ssl",), True, "lacks the module ssl"),
        ((3, 10, 0), ("venv", "ensurepip"), True, "lacks the modules venv, ensurepip"),
        ((3, 11, 7), (), False, "32-bit"),
    ],
)
def test_what_is_held_against_a_python(version: tuple, missing: tuple, is_64_bit: bool, words: str) -> None:
    assert words in Python(Path("python"), version, missing, is_64_bit).objection


@needs_sh
def test_another_python_is_looked_for_where_the_given_lacks_ssl(tmp_path: Path) -> None:
    bad = fake_python(tmp_path, "bad", [str(tmp_path / "bad"), [3, 11, 7], ["ssl"], True])
    old = fake_python(tmp_path, "old", [str(tmp_path / "old"), [3, 9, 1], [], True])
    good = fake_python(tmp_path, "good", [str(tmp_path / "good"), [3, 12, 1], [], True])
    python, notice = find_python(bad, candidates=[tmp_path / "nowhere", old, good])
    assert python.path == good
    assert "ssl" in notice and str(bad) in notice and str(good) in notice


@needs_sh
def test_without_a_fitting_python_it_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    bad = fake_python(tmp_path, "bad", [str(tmp_path / "bad"), [3, 12, 1], ["ensurepip"], True])
    with pytest.raises(UserError, match=r"lacks the module ensurepip.*python3\.12-venv.*--python"):
        find_python(bad, candidates=[])
    with pytest.raises(UserError, match="can't be run as a Python.*--python"):
        find_python(tmp_path / "nowhere", candidates=[])


def test_subprocesses_get_a_clean_environment() -> None:
    kept = {"PIP_INDEX_URL": "https://mirror.example/simple", "HTTPS_PROXY": "http://proxy.example:3128"}
    dropped = {"PYTHONPATH": "x", "PYTHONHOME": "y", "LD_PRELOAD": "z", "PIP_TARGET": "t"}
    assert clean_environment({**kept, **dropped}) == {**kept, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def test_ask_returns_nothing_for_what_fails() -> None:
    assert ask([sys.executable, "-c", "raise SystemExit(3)"]) is None
    assert ask(["no such program"]) is None
    assert ask([sys.executable, "-c", "import time; time.sleep(9)"], timeout=0.5) is None
