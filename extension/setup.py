"""The trainer's set-up from the page: `install.py setup` as a process whose lines are kept, and what is wrong without it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ..installer.environment import ROOT, STAMP, VENV, read_stamp, venv_python, what_is_wrong
from ..installer.processes import clean_environment
from .errors import NOT_NOW, Refused

_KEPT_LINES, _LONGEST_LINE = 200, 2000
_NOT_BEGUN = "The set-up could not be started ({why}): run `python install.py setup` in the extension's folder."


def setup_command() -> list[str]:
    return [sys.executable, "-X", "utf8", "-u", str(ROOT / "install.py"), "setup"]


def _stamp_time() -> int:
    """Changes with every set-up, whoever ran it; 0 while there is no whole environment."""
    try:
        return (VENV / STAMP).stat().st_mtime_ns
    except OSError:
        return 0


class Setup:
    """The state of the trainer's environment. Looking deeply costs a process, so that is done in a thread of its own."""

    def __init__(
        self, command: Callable[[], list[str]] = setup_command, what_is_wrong: Callable[[], str] = lambda: what_is_wrong(VENV)
    ) -> None:
        self._command, self._what_is_wrong = command, what_is_wrong
        self._lock = threading.Lock()
        self._wrong: str | None = None
        self._seen = _stamp_time()
        self._looking = False
        self._running = False
        self._failed = False
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def state(self) -> dict[str, Any]:
        """For the page; the first call answers by the stamp alone and begins the deep look."""
        self._begin_look()
        wrong = self._quick() if self._wrong is None else self._wrong
        return {
            "ready": not wrong and not self._running,
            "wrong": f"The trainer's environment {wrong}." if wrong and not self._running else "",
            "running": self._running,
            "failed": self._failed,
            "lines": list(self._lines),
        }

    @property
    def ready(self) -> bool:
        return bool(self.state()["ready"])

    def must_be_ready(self) -> None:
        if not self.ready:
            raise Refused("The trainer is not set up: press Set up.", NOT_NOW)

    def start(self) -> None:
        """Starts the set-up unless one runs."""
        with self._lock:
            if self._running:
                return
            self._running, self._failed = True, False
            self._lines.clear()
        threading.Thread(target=self._run, name="lora_workbench-setup", daemon=True).start()

    def _run(self) -> None:
        failed = True
        try:
            failed = self._run_process() != 0
        except OSError as error:
            self._lines.append(_NOT_BEGUN.format(why=error.strerror))
        finally:
            seen, wrong = _stamp_time(), self._what_is_wrong()
            with self._lock:
                self._wrong, self._seen, self._failed, self._running = wrong, seen, failed, False

    def _run_process(self) -> int:
        process = subprocess.Popen(
            self._command(),
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.strip():
                    self._lines.append(line.rstrip()[:_LONGEST_LINE])
        return process.wait()

    def _quick(self) -> str:
        """What can be seen without starting anything."""
        if read_stamp(VENV) is None or not venv_python(VENV).exists():
            return "is not there" if not VENV.is_dir() else "is unfinished: its set-up was interrupted"
        return ""

    def _begin_look(self) -> None:
        with self._lock:
            if self._seen != _stamp_time():  # set up, or taken away, from a terminal
                self._wrong = None
            if self._wrong is not None or self._looking or self._running:
                return
            self._looking = True
        threading.Thread(target=self._look, name="lora_workbench-look", daemon=True).start()

    def _look(self) -> None:
        seen, wrong = _stamp_time(), self._what_is_wrong()
        with self._lock:
            if not self._running:
                self._wrong, self._seen = wrong, seen
            self._looking = False
