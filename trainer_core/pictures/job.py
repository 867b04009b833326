"""A job of the queue that looks at a folder's pictures, and writes copies where that is asked for.

Events: start {total}, progress {step, steps, seconds_left, picture}, done {summary, report, made, change}; or stopped, after a
request or a signal: what was looked at by then is remembered, and the same again goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import requests
from ..endings import Stopped, StopSignal, stop_signals
from ..events import EventLog
from ..files import write_json
from ..problems import UserError
from ..questions import path_of, settings_of, text_of
from .command import extension_of, report_of
from .cutting import Cut, Made, write_cuts
from .places import face_crop
from .report import Report
from .sentences import NEED_PLAIN
from .words import FACE, FACE_TAG

DEEDS = ("look", "cut_bars", "plain", "faces")
_EVERY = 0.5  # seconds between two progress events


def run_pictures_job(folder: Path, job: Mapping[str, Any], events: EventLog) -> None:
    """`job`: folder (the pictures'), settings, out (where the report goes) and options: deed, one of DEEDS, target, and faces,
    the detector of faces that is asked, "" for none. The deed faces writes those that are small as pictures of their own."""
    options = job.get("options")
    if not isinstance(options, dict) or options.get("deed") not in DEEDS:
        raise UserError(f"{folder} asks for no deed with pictures: there are {', '.join(DEEDS)}.")
    pictures, settings, out = path_of(job, "folder"), settings_of(job), Path(text_of(job, "out"))
    faces = str(options.get("faces") or "")
    with stop_signals() as stop:
        told = _ToldInJob(events, stop)
        report = report_of(pictures, settings, told, faces)
        made = Made()
        if options["deed"] != "look":
            target = path_of(options, "target") if options.get("target") else None
            made = write_cuts(pictures, cuts(report, options["deed"]), target, extension_of(settings), told)
            report = report_of(pictures, settings, told, faces)
        write_json(out, report.as_dict())
    events.write("done", summary=_summary(report, made, options["deed"]), report=str(out), made=len(made.files))


def cuts(report: Report, deed: str) -> list[Cut]:
    """Copies, or faces, of all pictures that need it."""
    if deed == "cut_bars":
        found = [found for one in report.findings if one.code == "bars" for found in one.files]
        return [Cut(report.folder / one.name, "nobars", one.box, part=False) for one in found]
    if deed == "faces":
        return [
            Cut(report.folder / name, FACE, face_crop(face.box, report.sizes[name]), (FACE_TAG,))
            for name in report.of("small-face")
            for face in report.faces[name]
        ]
    names = dict.fromkeys(name for code in NEED_PLAIN for name in report.of(code))
    return [Cut(report.folder / name, "plain", part=False) for name in names]


def _summary(report: Report, made: Made, deed: str) -> str:
    if deed != "look":
        written = f"{len(made.files)} new pictures written, {len(made.there)} were there."
        return written if not made.failed else f"{written} {len(made.failed)} captions could not be written."
    faulty = {found.name for one in report.findings if one.severity != "note" for found in one.files}
    return f"{report.count} pictures looked at, {len(faulty)} with something to mend."


class _ToldInJob:
    """Tells a job's events how far it is; a request to stop raises Stopped, a pause waits."""

    def __init__(self, events: EventLog, stop: StopSignal) -> None:
        self._events, self._stop = events, stop
        self._begun = time.monotonic()
        self._told = 0.0
        self._started = False

    def __call__(self, done: int, total: int, newest: Path) -> None:
        now = time.monotonic()
        if not self._started:
            self._events.write("start", total=total)
            self._started = True
        if done == total or now - self._told >= _EVERY:
            left = (now - self._begun) / done * (total - done)
            self._events.write("progress", step=done, steps=total, seconds_left=round(left, 1), picture=str(newest))
            self._told = now
        folder = self._events.folder
        self._begun += requests.wait_while_paused(folder, self._events, done, lambda: self._stop.asked)
        if self._stop.asked or requests.STOP in requests.asked(folder):
            raise Stopped(f"Stopped after {done} of {total} pictures: the same again goes on from there.", done)
