"""Who is told of each drawn picture: a terminal, or a job's events. Whoever is told may end the drawing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from .. import requests
from ..endings import Stopped, StopSignal
from ..events import EventLog

Told = Callable[[int, int, Path], None]  # (pictures drawn, pictures in all, the newest one); what it raises ends the drawing


def told_nobody(made: int, total: int, newest: Path) -> None:
    """For callers that need no word."""


def told_in_terminal(made: int, total: int, newest: Path) -> None:
    print(f"{made} of {total} pictures drawn", file=sys.stderr, flush=True)


class ToldInJob:
    """Writes start and progress into the job's events; a request to stop raises Stopped, a pause waits."""

    def __init__(self, events: EventLog, stop: StopSignal) -> None:
        self._events, self._stop = events, stop
        self._begun = time.monotonic()

    def start(self, total: int) -> None:
        """Before the model is loaded: how many pictures will be drawn."""
        self._events.write("start", total=total)
        self._heed(0, total)
        self._begun = time.monotonic()

    def __call__(self, made: int, total: int, newest: Path) -> None:
        left = (time.monotonic() - self._begun) / made * (total - made)
        self._events.write("progress", step=made, steps=total, seconds_left=round(left, 1), picture=str(newest))
        if made < total:
            self._heed(made, total)

    def _heed(self, made: int, total: int) -> None:
        folder = self._events.folder
        self._begun += requests.wait_while_paused(folder, self._events, made, lambda: self._stop.asked)
        if self._stop.asked or requests.STOP in requests.asked(folder):
            raise Stopped(f"Stopped after {made} of {total} pictures: what is drawn stays, the same again goes on.", made)
