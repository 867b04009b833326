"""Who is told of drawn pictures, and of the steps between them: a terminal, or a job's events. Whoever is told may end it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from .. import requests
from ..endings import Stopped, StopSignal
from ..events import EventLog

Between = Callable[[float, int], None]  # as `Told.between`
_SAID_EVERY = 1.0  # seconds between two words about one batch, which takes minutes where there is no GPU


class Told:
    """Nobody: for callers that need no word. What one of the methods raises ends the drawing."""

    def __call__(self, made: int, total: int, newest: Path) -> None:
        """So many pictures of all are on the disk; the newest one."""

    def between(self, pictures: float, total: int) -> None:
        """Steps of a batch are done, and of all pictures together as much as of so many; 0 before the first step."""


class ToldInTerminal(Told):
    """One line for each batch; where people look on, a line that changes while one is drawn."""

    def __init__(self) -> None:
        self._made, self._said, self._pace = 0, 0.0, Pace()

    def __call__(self, made: int, total: int, newest: Path) -> None:
        self._made = made
        self._pace.left(made, total)
        self._wipe()
        print(f"{made} of {total} pictures drawn", file=sys.stderr, flush=True)

    def between(self, pictures: float, total: int) -> None:
        left, now = self._pace.left(pictures, total), time.monotonic()
        if not sys.stderr.isatty() or now - self._said < _SAID_EVERY:
            return
        self._said = now
        time_left = f", {_minutes(left)} left" if left is not None else ""
        self._wipe()
        print(f"{self._made} of {total} pictures drawn, {100 * pictures / total:.0f} % of the steps{time_left} ", end="",
              file=sys.stderr, flush=True)  # fmt: skip

    def _wipe(self) -> None:
        if self._said:
            print("\r\x1b[K", end="", file=sys.stderr)


class ToldInJob(Told):
    """Writes start and progress into the job's events; a request to stop raises Stopped, a pause waits."""

    def __init__(self, events: EventLog, stop: StopSignal) -> None:
        self._events, self._stop = events, stop
        self._made, self._newest, self._said, self._pace = 0, "", float("-inf"), Pace()

    def start(self, total: int) -> None:
        """Before the model is loaded: how many pictures will be drawn."""
        self._events.write("start", total=total)
        self._heed(total)

    def __call__(self, made: int, total: int, newest: Path) -> None:
        self._made, self._newest = made, str(newest)
        self._write(made, total)
        if made < total:
            self._heed(total)

    def between(self, pictures: float, total: int) -> None:
        self._heed(total)
        if time.monotonic() - self._said >= _SAID_EVERY:
            self._write(max(pictures, self._made), total)
        else:
            self._pace.left(pictures, total)

    def _write(self, pictures: float, total: int) -> None:
        self._said = time.monotonic()
        left = self._pace.left(pictures, total)
        self._events.write(
            "progress",
            step=self._made,
            steps=total,
            share=round(pictures / total, 4) if total else 1.0,
            seconds_left=None if left is None else round(left, 1),
            picture=self._newest or None,
        )

    def _heed(self, total: int) -> None:
        folder = self._events.folder
        self._pace.waited(requests.wait_while_paused(folder, self._events, self._made, lambda: self._stop.asked))
        if self._stop.asked or requests.STOP in requests.asked(folder):
            raise Stopped(
                f"Stopped after {self._made} of {total} pictures: what is drawn stays, the same again goes on.", self._made
            )


class Pace:
    """How long the rest takes, by what was done since the first look: reading the model is not counted."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None  # when, and what was done by then

    def left(self, done: float, total: int) -> float | None:
        """Seconds; None where nothing was done yet."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now, done if done < total else 0.0
        began, before = self._begun
        return (now - began) / (done - before) * (total - done) if done > before else None

    def waited(self, seconds: float) -> None:
        """In a pause, which is no drawing."""
        if self._begun:
            self._begun = self._begun[0] + seconds, self._begun[1]


def steps_told(between: Between, made: int, count: int, total: int) -> Callable[[int, int], None]:
    """What the sampler calls after each step, where it draws `count` pictures and `made` of all are drawn already."""
    return lambda done, steps: between(made + count * done / max(1, steps), total)


def drawn_words(made: int, kept: int, place: Path) -> str:
    """What was done, in a sentence whose end is the place."""
    if not kept:
        return f"1 picture drawn: {place}" if made == 1 else f"{made} pictures drawn: {place}"
    if made == 1:
        return f"1 picture drawn, {kept} were there: {place}"
    return f"{made} pictures drawn, {kept} were there: {place}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
