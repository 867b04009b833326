"""The set-up from the page, with a set-up in small."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.setup import Setup, setup_command
from lora_workbench.tests.extension.parts import wait_for


def program(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_its_lines_are_kept_and_what_is_wrong_is_looked_at_afterwards() -> None:
    wrong = ["is not there"]
    code = "import sys; print('one'); print(); print('two ü', file=sys.stderr)"
    setup = Setup(lambda: program(code), lambda: wrong[0])
    wait_for(lambda: setup.state()["wrong"] == "The trainer's environment is not there.")
    with pytest.raises(Refused, match="Set up"):
        setup.must_be_ready()
    wrong[0] = ""
    setup.start()
    wait_for(lambda: not setup.state()["running"])
    state = setup.state()
    assert state["ready"] and not state["failed"] and sorted(state["lines"]) == ["one", "two ü"]
    setup.must_be_ready()


def test_a_set_up_that_fails_is_told(tmp_path: Path) -> None:
    setup = Setup(lambda: program("print('no network'); raise SystemExit(1)"), lambda: "is unfinished")
    setup.start()
    wait_for(lambda: not setup.state()["running"])
    state = setup.state()
    assert state["failed"] and not state["ready"] and "is unfinished" in state["wrong"] and state["lines"] == ["no network"]
    gone = Setup(lambda: [str(tmp_path / "python")], lambda: "is not there")
    gone.start()
    wait_for(lambda: not gone.state()["running"])
    assert gone.state()["failed"] and "install.py setup" in gone.state()["lines"][0]


def test_it_runs_once_at_a_time_and_its_lines_come_while_it_does(tmp_path: Path) -> None:
    starts = []
    may_end = tmp_path / "end"

    def command() -> list[str]:
        starts.append(1)
        return program(f"import os, time\nprint('begun')\nwhile not os.path.exists({str(may_end)!r}): time.sleep(0.05)")

    setup = Setup(command, lambda: "")
    setup.start()
    setup.start()
    wait_for(lambda: setup.state()["lines"] == ["begun"])
    assert setup.state()["running"] and not setup.state()["ready"]
    may_end.touch()
    wait_for(lambda: not setup.state()["running"])
    assert starts == [1]


def test_only_the_last_lines_are_kept() -> None:
    setup = Setup(lambda: program("for n in range(500): print(n, 'x' * 5000)"), lambda: "")
    setup.start()
    wait_for(lambda: not setup.state()["running"])
    lines = setup.state()["lines"]
    assert len(lines) == 200 and lines[-1].startswith("499 ") and max(map(len, lines)) <= 2000


def test_looking_never_blocks_the_first_answer() -> None:
    may_end = threading.Event()
    setup = Setup(list, lambda: "is broken" if may_end.wait(10) else "")
    assert setup.state()["running"] is False
    may_end.set()
    wait_for(lambda: "is broken" in setup.state()["wrong"])


def test_a_set_up_from_a_terminal_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.extension import setup as module

    stamps, wrong = [0], ["is not there"]
    monkeypatch.setattr(module, "_stamp_time", lambda: stamps[0])
    setup = Setup(list, lambda: wrong[0])
    wait_for(lambda: setup.state()["wrong"] == "The trainer's environment is not there.")
    stamps[0], wrong[0] = 1, ""
    wait_for(lambda: setup.ready and setup._wrong == "")


def test_the_real_command_takes_no_words_from_anyone() -> None:
    command = setup_command()
    assert command[0] == sys.executable and command[-1] == "setup" and Path(command[-2]).name == "install.py"
