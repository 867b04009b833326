"""What the installer notices about its environment, and how it makes and mends it."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from lora_workbench.installer import environment
from lora_workbench.installer.environment import fingerprint, long_path_objection, set_up, what_is_wrong
from lora_workbench.installer.torch_build import Gpu
from lora_workbench.trainer_core.problems import UserError

ROOT = Path(__file__).resolve().parents[2]


def gpu(capability: float, driver: str) -> list[Gpu]:
    return [Gpu("GeForce", capability, "8192 MiB", driver)]


def stamped(folder: Path, **changes: str) -> Path:
    venv = folder / "venv"
    venv.mkdir(parents=True, exist_ok=True)
    values = {"fingerprint": fingerprint(environment.LOCK), "root": str(ROOT), "python": "3.11.7"}
    values |= {"asked": "auto", "build": "cpu", "torch": "2"}
    (venv / environment.STAMP).write_text(json.dumps({**values, **changes}), encoding="utf-8")
    return venv


def test_what_is_wrong_with_an_environment_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_is_wrong(tmp_path / "none") == "is not there"
    (tmp_path / "half").mkdir()
    assert "interrupted" in what_is_wrong(tmp_path / "half")
    (tmp_path / "half" / environment.STAMP).write_text('{"fingerprint":', encoding="utf-8")
    assert "interrupted" in what_is_wrong(tmp_path / "half")
    assert "moved" in what_is_wrong(stamped(tmp_path, root="/elsewhere"))
    assert "another version" in what_is_wrong(stamped(tmp_path, fingerprint="old"))
    assert "broken" in what_is_wrong(stamped(tmp_path))
    monkeypatch.setattr(environment, "venv_python", lambda *_: Path(sys.executable))
    assert what_is_wrong(stamped(tmp_path)) == ""


def test_the_fingerprint_follows_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1\n", encoding="utf-8")
    first = fingerprint(lock)
    lock.write_bytes(b"a==1\r\n")  # as git may check it out on Windows
    assert fingerprint(lock) == first
    lock.write_text("a==2\n", encoding="utf-8")
    assert fingerprint(lock) != first


class SetUp:
    """A set-up in a folder of its own whose pip is a note of what it was asked; `fail_at` makes the n-th call fail."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.venv, self.log, self.said, self.fail_at = folder / "venv", folder / "log.txt", [], 0
        self.pip: list[list[str]] = []
        monkeypatch.setattr(environment, "VENV", self.venv)
        monkeypatch.setattr(environment, "find_gpus", list)
        monkeypatch.setattr(environment, "has_rocm", lambda: False)
        monkeypatch.setattr(environment, "is_reachable", lambda _: False)
        monkeypatch.setattr(environment, "run", self.run)
        monkeypatch.setattr(environment, "ask", self.ask)
        monkeypatch.setattr(environment, "_SPACE", {True: 0, False: 0})
        monkeypatch.delenv("TORCH_INDEX_URL", raising=False)

    @property
    def stamp(self) -> str:
        path = self.venv / environment.STAMP
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def run(self, words: list, **_: object) -> int:
        words = [str(word) for word in words]
        if "venv" in words:
            assert not self.venv.exists()
            self.venv.mkdir()
            return 0
        self.pip.append(
            [word for word in words[words.index("install") + 1 :] if word not in ("-qqq", "--quiet", "--progress-bar=off")]
        )
        with self.log.open("a", encoding="utf-8") as log:
            if len(self.pip) == self.fail_at:
                log.write("2026 ERROR: No space left on device\n")
                return 1
            if "torch==2.13.0+cpu" in words:
                log.write("2026 ERROR: No matching distribution found for torch==2.13.0+cpu\n")
                return 1
        return 0

    def ask(self, words: list, **_: object) -> str:
        if "import torch;" in words[-1]:
            return "2.13.0+cu130 13.0"
        return f"{self.venv / 'site-packages'}\n"

    def __call__(self, python: Path | None = None, torch: str | None = None) -> None:
        set_up(python, torch, self.said.append, self.log)


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetUp:
    return SetUp(tmp_path, monkeypatch)


def test_a_set_up_installs_without_dependencies_and_stamps_last(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt()
    assert attempt.pip[0] == ["--no-deps", "-r", str(environment.LOCK)]
    torch = [["--no-warn-conflicts", "torch==2.13.0+cpu"], ["--no-warn-conflicts", "torch==2.13.0"]]
    assert attempt.pip[1:] == [*torch, ["--no-deps", "onnxruntime==1.23.2"]]
    package = attempt.venv / "site-packages" / "lora_workbench" / "__init__.py"
    names: dict = {}
    for before, after in ((None, "3000"), ("70000", "70000")):  # what is set already stays
        monkeypatch.setenv("GOMP_SPINCOUNT", before or "")
        if before is None:
            monkeypatch.delenv("GOMP_SPINCOUNT")
        exec(package.read_text(encoding="utf-8"), names)
        assert names["__path__"] == [str(ROOT)] and os.environ["GOMP_SPINCOUNT"] == after
    assert json.loads(attempt.stamp)["asked"] == "auto"


def test_a_whole_environment_is_left_alone(attempt: SetUp) -> None:
    attempt()
    attempt.pip.clear()
    attempt()
    assert attempt.pip == [] and "whole" in attempt.said[-1]
    attempt(python=Path(sys.executable))
    assert attempt.pip == []


@pytest.mark.parametrize("fail_at", [1, 3, 4])
def test_an_interrupted_set_up_is_mended_by_the_next(attempt: SetUp, fail_at: int) -> None:
    attempt.fail_at = fail_at
    with pytest.raises(UserError, match=r"No space left on device.*run the set-up again.*log\.txt"):
        attempt()
    assert attempt.venv.is_dir() and attempt.stamp == ""
    (attempt.venv / "half a package").write_text("", encoding="utf-8")
    attempt.pip.clear()
    attempt.fail_at = 0
    attempt()
    assert attempt.stamp and not (attempt.venv / "half a package").exists()
    assert any("interrupted" in line for line in attempt.said)


def test_another_torch_makes_it_anew_and_is_remembered(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt(torch="cpu")
    monkeypatch.setattr(environment, "find_gpus", lambda: gpu(8.6, "580.1"))
    attempt()
    assert "whole" in attempt.said[-1]  # cpu was asked for
    attempt.pip.clear()
    attempt(torch="auto")
    assert ["--no-warn-conflicts", "torch==2.13.0+cu130"] in attempt.pip
    assert json.loads(attempt.stamp)["build"] == "cu130"


def test_no_build_to_be_had_is_one_sentence(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(words: list, **_: object) -> int:
        if "pip" in words and any("torch==" in str(word) for word in words):
            attempt.log.write_text("2026 ERROR: No matching distribution found for torch\n", encoding="utf-8")
            return 1
        return attempt.run(words)

    monkeypatch.setattr(environment, "run", refuse)
    with pytest.raises(UserError, match=r"torch==2\.13\.0\+cu126.*TORCH_INDEX_URL"):
        attempt(torch="cu126")
    assert attempt.stamp == ""


def test_a_full_disk_is_noticed_before_anything_is_made(attempt: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_SPACE", {True: 1 << 60, False: 1 << 60})
    with pytest.raises(UserError, match="free some space"):
        attempt()
    assert not attempt.venv.exists()


def test_long_paths_on_windows() -> None:
    short, long = "C:\\w\\trainer_core\\venv", "C:\\" + "x" * 90
    assert long_path_objection(short, False) == "" and long_path_objection(long, True) == ""
    message = long_path_objection(long, False)
    assert "LongPathsEnabled" in message and long in message
    room = int(re.search(r"at most (\d+) letters", message)[1])  # type: ignore[index]
    assert long_path_objection("x" * room, False) == "" and long_path_objection("x" * (room + 1), False)
