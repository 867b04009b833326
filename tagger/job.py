"""A tag job of the queue: a folder of pictures through a tagger, told in the job folder's events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ..trainer_core.events import EventLog
from .batch import Summary, tag_folder
from .results import Choice

_EVERY = 0.5  # seconds between two progress events


class Requests(Protocol):
    """What users ask of a running job: files in its folder (trainer_core/requests.py)."""

    def taken(self, folder: Path, what: str) -> bool: ...


def run_tag_job(folder: Path, job: dict[str, Any], events: EventLog, requests: Requests) -> None:
    """Tags `job["folder"]` as `job["options"]` says; `folder` is the job's own.

    Events: start {total}, progress {step, steps, seconds_left, per_second, picture}, then done {summary, changed, kept,
    failed, change}; or, where a request to stop came, stopped {step, message, path, state, change} once what was tagged so
    far is written. Raises UserError where there is no picture or no usable model.
    """
    options = job.get("options") or {}
    told = _Told(events)
    summary = tag_folder(
        job["folder"],
        options["model"],
        first=options.get("first") or (),
        exclude=options.get("exclude") or (),
        threshold=float(options.get("general", Choice.threshold)),
        character_threshold=float(options.get("character", Choice.character_threshold)),
        mcut=bool(options.get("mcut", False)),
        underscores=bool(options.get("underscores", False)),
        rating=options.get("rating") or "no",
        mode=options.get("mode") or "if-empty",
        recursive=bool(options.get("recursive", False)),
        extension=options.get("caption_extension") or ".txt",
        progress=told.progress,
        stop=_asked_to_stop(folder, requests),
    )
    told.end(summary)


def _asked_to_stop(folder: Path, requests: Requests) -> Callable[[], bool]:
    return lambda: requests.taken(folder, "stop")


class _Told:
    """Turns progress into events, not more than two a second."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._begun = self._last = 0.0
        self._done = 0

    def progress(self, done: int, total: int, picture: Path | None) -> None:
        now = time.monotonic()
        if done == 0:
            self._begun = now
            self._events.write("start", total=total)
            return
        self._done = done
        if done < total and now - self._last < _EVERY:
            return
        self._last = now
        rate = done / max(now - self._begun, 1e-6)
        name = picture.name if picture else None
        left = round((total - done) / rate, 1)
        self._events.write("progress", step=done, steps=total, seconds_left=left, per_second=round(rate, 2), picture=name)

    def end(self, summary: Summary) -> None:
        if not self._begun:
            self._events.write("start", total=0)
        text, change = summary.text(), summary.change
        if summary.stopped:
            self._events.write("stopped", path=None, state=None, step=self._done, message=text, change=change)
            return
        failed = [{"path": str(path), "reason": reason} for path, reason in summary.skipped]
        counts = {"changed": len(summary.written), "kept": len(summary.kept) + len(summary.unchanged)}
        self._events.write("done", summary=text, **counts, failed=failed, change=change)
