"""`python -m trainer_core`: its words, its exit status, and how each kind of error reaches the user."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.trainer_core import commands
from lora_workbench.trainer_core.problems import UserError, WordsError

ROOT = Path(__file__).resolve().parents[1]


def pretend(monkeypatch: pytest.MonkeyPatch, command: Callable[[list[str]], int]) -> None:
    monkeypatch.setattr(commands, "_command", lambda _: command)


def raising(error: BaseException) -> Callable[[list[str]], int]:
    def command(_: list[str]) -> int:
        raise error

    return command


def test_the_words_and_the_exit_status_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    pretend(monkeypatch, lambda words: given.extend(words) or 7)
    assert commands.main(["train", "--network_dim", "4"]) == 7
    assert given == ["--network_dim", "4"]


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert "train " in told and "plan " in told


@pytest.mark.parametrize("command", [name for name in commands.COMMANDS if name != "train"])
def test_every_command_has_help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Also `job`, which takes a folder, and `export`, which wants a form. (`train` has the same parser as `plan`.)"""
    monkeypatch.setenv("COLUMNS", "128")
    try:
        status = commands.main([command, "--help"])
    except SystemExit as stop:
        status = stop.code
    told = capsys.readouterr()
    assert (status, told.err) == (0, "")
    assert told.out.startswith(f"usage: python -m trainer_core {command} ")
    assert max(len(line) for line in told.out.splitlines()) <= 128


@pytest.mark.parametrize(
    ("words", "told"),
    [([], "a command is missing"), (["trian"], "did you mean train?"), (["merg"], "did you mean merge?"), (["xyz"], "'xyz'")],
)
def test_wrong_words(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("error", "status"), [(UserError("The cat is out."), 1), (WordsError("The cat is out."), 2)])
def test_errors_for_users_are_one_sentence(
    error: UserError, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_data_folder: Path
) -> None:
    pretend(monkeypatch, raising(error))
    assert commands.main(["train"]) == status
    assert capsys.readouterr().err == "error: The cat is out.\n"
    assert not own_data_folder.exists()


def test_unexpected_errors_leave_their_traceback_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_data_folder: Path
) -> None:
    pretend(monkeypatch, raising(ZeroDivisionError("no cats")))
    assert commands.main(["train", "--seed", "3"]) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError: no cats" in told and "Traceback" not in told and len(told.splitlines()) == 1
    (report,) = (own_data_folder / "logs").iterdir()
    assert str(report) in told
    text = report.read_text(encoding="utf-8")
    assert "train --seed 3" in text and "Traceback" in text


@pytest.mark.parametrize("form", [["--data_dir", "{}"], ["--data_dir={}"], ["--data-dir={}"]])
def test_the_report_goes_where_the_data_goes(form: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, raising(ZeroDivisionError()))
    folder = tmp_path / "my-data_folder"
    assert commands.main(["train", *(word.format(folder) for word in form)]) == 1
    assert len(list((folder / "logs").iterdir())) == 1


@pytest.mark.parametrize(
    ("number", "mend"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "read-only"), (errno.EACCES, "change its rights")]
)
def test_errors_of_the_system_name_the_file_and_the_mend(
    number: int, mend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, raising(OSError(number, os.strerror(number), "out/penny.safetensors")))
    assert commands.main(["train"]) == 1
    told = capsys.readouterr().err
    assert mend in told and "out/penny.safetensors" in told and "report" not in told and told.count("\n") == 1


def test_the_keyboard_stops_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(monkeypatch, raising(KeyboardInterrupt()))
    assert commands.main(["train"]) == 1
    assert capsys.readouterr().err == "error: stopped by the keyboard.\n"


def run(command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


@pytest.mark.parametrize(
    "words", [["-m", "trainer_core"], ["trainer_core"], ["-I", "-X", "utf8", "-m", "lora_workbench.trainer_core"]]
)
def test_it_starts_from_the_projects_folder(words: list[str]) -> None:
    done = run([sys.executable, *words, "trian"], ROOT)
    assert done.returncode == 2 and "did you mean train?" in done.stderr


@pytest.mark.parametrize("script", ["train_network.py", "sdxl_train_network.py"])
def test_kohyas_names_run_from_anywhere(script: str, tmp_path: Path) -> None:
    """In a folder like sd-scripts', beside folders whose names other packages have; flags are read as `train` reads them."""
    for name in ("train_network.py", "sdxl_train_network.py"):
        shutil.copy(ROOT / "trainer_core" / name, tmp_path)
    for name in ("networks", "tagger", "torch"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    for folder, path in ((tmp_path, script), (ROOT / "trainer_core", script)):
        done = run([sys.executable, path, "--netwrok_dim=8"], folder)
        assert done.returncode == 2 and "network_dim?" in done.stderr, done.stderr


SCRIPTS = [
    "networks/extract_lora_from_models", "networks/merge_lora", "networks/sdxl_merge_lora", "networks/svd_merge_lora",
    "networks/resize_lora", "networks/extract_lora_from_dylora", "networks/check_lora_weights", "tools/show_metadata",
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_kohyas_tools_run_beside_names_that_other_packages_have(script: str) -> None:
    done = run([sys.executable, f"{script}.py", "--save_to", "x", "--no_such_flag"], ROOT / "trainer_core")
    assert done.returncode == 2 and "error: " in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "--model_org" in done.stderr or "no_such_flag" in done.stderr


@pytest.mark.parametrize("path", ["trainer_core/__main__.py", "trainer_core/train_network.py"])
def test_a_python_without_the_environment_is_told_what_to_do(path: str) -> None:
    done = run([sys.executable, "-S", "-E", str(ROOT / path), "train"], ROOT)
    assert done.returncode == 1 and "install.py setup" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_a_reader_that_leaves_is_no_crash() -> None:
    # A reader that is gone at once: everything printed meets a broken pipe.
    done = run(["sh", "-c", f'"{sys.executable}" -m trainer_core train --help | true'], ROOT)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
