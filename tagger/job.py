"""A tag job of the queue: a folder of pictures through a tagger, told in the job folder's events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

from ..trainer_core.endings import Stopped
from ..trainer_core.events import EventLog
from ..trainer_core.files import data_folder
from .batch import Plan, Summary, tag_folder
from .cache import opened_store
from .captions import same_tag
from .ensemble import HOWS
from .hub import find_or_download
from .results import Choice

_EVERY = 0.5  # seconds between two progress events


class Requests(Protocol):
    """What users ask of a running job: files in its folder (trainer_core/requests.py)."""

    def taken(self, folder: Path, what: str) -> bool: ...


def run_tag_job(folder: Path, job: dict[str, Any], events: EventLog, requests: Requests) -> None:
    """Tags `job["folder"]` as `job["options"]` says; `folder` is the job's own.

    Events: fetching {file, done, total} in bytes, where a model that is given by its name isn't there yet; start {total},
    progress {step, steps, seconds_left, per_second, picture}, then done {summary, changed, kept, failed, change}; or, where a
    request to stop came, stopped {step, message, path, state, change} once what was tagged so far is written. Raises UserError
    where there is no picture or no usable model.
    """
    options = job.get("options") or {}
    data = folder.parent.parent if folder.parent.name == "jobs" else data_folder()
    told = _Told(events)

    def fetching(file: str, there: int, total: int) -> None:
        told.fetching(file, there, total)
        if requests.taken(folder, "stop"):
            raise Stopped("Stopped while the tagger was fetched; the next tagging goes on with that.", 0)

    models = options["model"] if isinstance(options["model"], list) else [options["model"]]
    with opened_store(data / "cache") as store:
        summary = tag_folder(
            job["folder"],
            [find_or_download(str(model), data / "models" / "taggers", fetching) for model in models],
            plan=_plan(options),
            choice=_choice(options),
            own_thresholds=options.get("general") == "model",
            combine=options.get("combine") or HOWS[0],
            recursive=bool(options.get("recursive", False)),
            store=store,
            progress=told.progress,
            stop=lambda: requests.taken(folder, "stop"),
        )
    told.end(summary)


def _plan(options: dict[str, Any]) -> Plan:
    return Plan(
        mode=options.get("mode") or "if-empty",
        first=options.get("first") or (),
        last=options.get("last") or (),
        name_as_tag=bool(options.get("name_as_tag", False)),
        extension=options.get("caption_extension") or ".txt",
    )


def _choice(options: dict[str, Any]) -> Choice:
    """`general` may be "model": each model's suggested threshold, and the usual one where there is none."""
    general = options.get("general")
    return Choice(
        threshold=Choice.threshold if general in (None, "", "model") else float(general),
        character_threshold=float(options.get("character") or Choice.character_threshold),
        mcut=bool(options.get("mcut", False)),
        underscores=bool(options.get("underscores", False)),
        characters_first=bool(options.get("characters_first", False)),
        series_apart=bool(options.get("series_apart", False)),
        rating=options.get("rating") or "no",
        exclude=options.get("exclude") or (),
        per_tag={same_tag(tag): float(value) for tag, value in (options.get("thresholds") or {}).items()},
    )


class _Told:
    """Turns progress into events, not more than two a second."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._begun = self._last = 0.0
        self._done = 0

    def fetching(self, file: str, there: int, total: int) -> None:
        """A tagger that is given by its name comes, in bytes."""
        now = time.monotonic()
        if there < total and now - self._last < _EVERY:
            return
        self._last = now
        self._events.write("fetching", file=file, done=there, total=total)

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
        text, change = "\n".join([summary.text(), *summary.notes]), summary.change
        if summary.stopped:
            self._events.write("stopped", path=None, state=None, step=self._done, message=text, change=change)
            return
        failed = [{"path": str(path), "reason": reason} for path, reason in summary.skipped]
        counts = {"changed": summary.written, "kept": summary.kept + summary.unchanged}
        self._events.write("done", summary=text, **counts, failed=failed, change=change)
