"""A job's curves: loss, average, validation and rates by step, read on from where the last look ended."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ..trainer_core.events import EVENTS
from .job_reader import events_in, new_lines


class Curve:
    """All progress of one job; safe from several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._offset = 0
        self._steps: list[int] = []
        self._loss: list[float | None] = []
        self._average: list[float | None] = []
        self._rates: dict[str, list[float | None]] = {}
        self._measured: dict[str, list[float]] = {"steps": [], "loss": []}

    def since(self, first: int) -> dict[str, Any]:
        """Points from number `first` on, and how many there are in all; of the few validations all."""
        with self._lock:
            self._read()
            return {
                "steps": self._steps[first:],
                "loss": self._loss[first:],
                "average": self._average[first:],
                "lr": {part: rates[first:] for part, rates in self._rates.items()},
                "validation": {name: list(values) for name, values in self._measured.items()},
                "total": len(self._steps),
            }

    def _read(self) -> None:
        lines, self._offset, afresh = new_lines(self._path, self._offset)
        if afresh:
            self._forget()
            lines, self._offset, _ = new_lines(self._path, 0)
        for event in events_in([line for line in lines if b'"progress"' in line or b'"validation"' in line]):
            step, loss = event.get("step"), event.get("loss")
            if not isinstance(step, int) or not isinstance(loss, (int, float)):
                continue
            if event.get("kind") == "validation":
                self._measured["steps"].append(step)
                self._measured["loss"].append(loss)
            if event.get("kind") != "progress":
                continue
            rates = event.get("lr") if isinstance(event.get("lr"), dict) else {}
            for part in rates:
                self._rates.setdefault(part, [None] * len(self._steps))
            self._steps.append(step)
            self._loss.append(loss)
            self._average.append(event.get("average"))
            for part, values in self._rates.items():
                values.append(rates.get(part))
