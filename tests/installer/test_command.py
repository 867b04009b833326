"""What install.py does as webui calls it, and the words of its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lora_workbench.installer import command, environment

ROOT = Path(__file__).resolve().parents[2]


def install(*words: str, cwd: Path | None = None, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "install.py"), *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_without_words_it_returns_at_once_and_touches_nothing(tmp_path: Path) -> None:
    """From webui's folder, with webui's PYTHONPATH, from a checkout without an environment."""
    copy = tmp_path / "extensions" / "workbench"
    copy.mkdir(parents=True)
    (copy / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    files = sorted(tmp_path.rglob("*"))
    begun = os.times()
    done = install(cwd=tmp_path, root=copy, PYTHONPATH=str(tmp_path), PIP_NO_INDEX="1")
    used = (os.times().children_user + os.times().children_system) - (begun.children_user + begun.children_system)
    assert done.returncode == 0 and done.stderr == ""
    assert "setup" in done.stdout and len(done.stdout.splitlines()) == 1
    assert used < 1
    assert sorted(tmp_path.rglob("*")) == files


def test_without_words_it_is_silent_once_set_up(tmp_path: Path) -> None:
    (tmp_path / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    stamp = tmp_path / "trainer_core" / "venv" / "lora_workbench.json"
    stamp.parent.mkdir(parents=True)
    stamp.write_text("{}", encoding="utf-8")
    done = install(root=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_words_it_imports_nothing_of_ours(tmp_path: Path) -> None:
    """A broken checkout must not break webui's start."""
    (tmp_path / "install.py").write_bytes((ROOT / "install.py").read_bytes())
    (tmp_path / "installer").mkdir()
    (tmp_path / "installer" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    assert install(root=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "words", [["setpu"], ["setup", "--torch", "cuda"], ["setup", "stray"], ["ui", "--port", "http"], ["doctor", "--deep"]]
)
def test_wrong_words_end_with_2_and_no_traceback(words: list[str]) -> None:
    done = install(*words)
    assert done.returncode == 2
    assert "error:" in done.stderr and "Traceback" not in done.stderr


def test_a_folder_of_another_name_on_the_path_is_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("installer", "trainer_core"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    done = install("setup", "--help", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0 and "--torch" in done.stdout


def test_demo_and_test_hand_their_words_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(command, "run", lambda words, **_: ran.append([str(word) for word in words]) or 7)
    assert command.main(["demo", "--out", str(tmp_path / "my demo"), "--creature", "mirra"]) == 7
    assert command.main(["test", "-k", "walls"]) == 7
    assert ran[0][0] == str(environment.venv_python(environment.VENV))
    assert ran[0][1:] == [
        "-I", "-X", "utf8", "-m", "lora_workbench.demo", "--out", str(tmp_path / "my demo"), "--creature", "mirra",
    ]  # fmt: skip
    assert ran[1][1:] == ["-I", "-X", "utf8", "-m", "pytest", "-q", "-k", "walls"]


def test_demo_and_test_set_up_what_is_missing_first(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(command, "what_is_wrong", lambda _: "is not there")
    monkeypatch.setattr(command, "set_up", lambda *_: done.append("set up"))
    monkeypatch.setattr(command, "run", lambda *_, **__: done.append("run") or 0)
    assert command.main(["test"]) == 0
    assert done == ["set up", "run"]


def test_two_set_ups_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def second(*_: object) -> None:
        assert command.main(["setup"]) == 1
        assert "Another set-up is at work" in capsys.readouterr().err

    monkeypatch.setattr(command, "set_up", second)
    assert command.main(["setup"]) == 0
    assert capsys.readouterr().out.startswith("Next: `python install.py ui`"), "a set-up says what comes after it"
