"""Client of the resident helper: a process of the trainer's environment that answers what needs more than the standard library.

One JSON object a line on its pipes. It is started on first use, started anew when it has died, and ends with its pipe.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..installer.environment import VENV, venv_python
from ..installer.processes import clean_environment
from .errors import BROKEN, NOT_NOW, Refused

PATIENCE = 60.0
_GONE: dict[str, Any] = {"gone": True}
_NO_WINDOW = 0x08000000


def worker_command(kind: str) -> list[str]:
    return [str(venv_python(VENV)), "-I", "-X", "utf8", "-u", "-m", "lora_workbench.trainer_core.worker", kind]


class Helper:
    """One process, which several threads may ask at once. Its complaints go to `<data>/logs/helper-<kind>.txt`."""

    def __init__(self, kind: str, data: Path, command: Callable[[str], list[str]] = worker_command) -> None:
        self._kind, self._command, self._data = kind, command, data
        self._log = data / "logs" / f"helper-{kind}.txt"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._is_over = False

    def ask(self, what: str, *, patience: float = PATIENCE, **values: Any) -> Any:
        """The result; Refused with the helper's sentence where it can't be had. `patience`: seconds from when it is the turn of
        this question, as most are answered one after the other."""
        while True:  # a process that ended meanwhile, as an idle tagger does, is started anew
            process, is_fresh = self._running()
            try:
                answer = process.ask({"id": next(self._numbers), "what": what, **values}, patience)
            except TimeoutError:
                self._drop(process)
                raise Refused(f"The trainer's helper took more than {patience:.0f} s, so it was ended.", BROKEN) from None
            if answer is not _GONE:
                if "error" in answer:
                    raise Refused(str(answer["error"]))
                return answer.get("result")
            was_ended = process.was_ended  # for another question, which took too long: that says nothing of this one
            self._drop(process)
            if is_fresh and not was_ended:
                raise Refused(f"The trainer's helper ended at once; {self._log} says why.", BROKEN)

    def end(self) -> None:
        """Ends it for good: whoever still waits is refused."""
        with self._lock:
            self._is_over = True
            process, self._process = self._process, None
        if process is not None:
            process.end()

    def _running(self) -> tuple[_Process, bool]:
        """The process, and whether it was started just now."""
        with self._lock:
            if self._is_over:
                raise Refused("The page's server is ending: start it again.", NOT_NOW)
            if self._process is not None and self._process.is_alive():
                return self._process, False
            self._log.parent.mkdir(parents=True, exist_ok=True)
            environment = {**clean_environment(), "LORA_WORKBENCH_DATA": str(self._data)}
            try:
                self._process = _Process(self._command(self._kind), environment, self._log)
            except OSError:
                raise Refused("The trainer is not set up: press Set up.", NOT_NOW) from None
            return self._process, True

    def _drop(self, process: _Process) -> None:
        with self._lock:
            if self._process is process:
                self._process = None
        process.end()


class _Process:
    """A started helper and the questions that wait for its answers."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        no_window: dict[str, Any] = {"creationflags": _NO_WINDOW} if os.name == "nt" else {}
        with log.open("wb") as complaints:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment,
                text=True,
                encoding="utf-8",
                **no_window,
            )
        self._lock = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}  # in the order in which they were asked
        self._answered = 0.0  # when the last answer came
        self._is_gone = False
        self.was_ended = False
        threading.Thread(target=self._read, name="lora_workbench-helper", daemon=True).start()

    def is_alive(self) -> bool:
        return not self._is_gone and self._process.poll() is None

    def ask(self, question: dict[str, Any], patience: float) -> dict[str, Any]:
        """The answer, or `_GONE` where the process ended before it; TimeoutError where none comes."""
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        assert self._process.stdin is not None
        with self._lock:
            if self._is_gone:
                return _GONE
            self._waiting[question["id"]] = answers
            try:
                self._process.stdin.write(json.dumps(question) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):  # its pipe is closed
                return _GONE
        asked = time.monotonic()
        try:
            while True:
                with contextlib.suppress(queue.Empty):
                    return answers.get(timeout=max(0.0, self._turn(question["id"], asked) + patience - time.monotonic()))
                if self._turn(question["id"], asked) + patience <= time.monotonic():
                    raise TimeoutError
        finally:
            with self._lock:
                self._waiting.pop(question["id"], None)

    def _turn(self, number: int, asked: float) -> float:
        """When a question's turn came: now where another one still waits that was asked before it."""
        with self._lock:
            is_first = next(iter(self._waiting), number) == number
            return max(asked, self._answered) if is_first else time.monotonic()

    def _read(self) -> None:
        """Hands answers to whoever waits for them, until the process ends; what a library printed is passed over."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while it was read
            for line in self._process.stdout:
                answer = _answer(line)
                with self._lock:
                    waiting = self._waiting.pop(answer.get("id", 0), None)
                    if answer:  # and nothing that a library printed
                        self._answered = time.monotonic()
                if waiting is not None:
                    waiting.put(answer)
        with self._lock:
            self._is_gone = True
            left, self._waiting = self._waiting, {}
        for waiting in left.values():
            waiting.put(_GONE)

    def end(self) -> None:
        self.was_ended = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # half a line was still to be written to a process that is gone
                    pipe.close()


def _answer(line: str) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and isinstance(answer.get("id"), int) else {}
