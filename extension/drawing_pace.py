"""How long drawing takes on this machine, by what the jobs that drew before tell: loading a model, and each picture."""

from __future__ import annotations

from datetime import datetime

from ..trainer_core.events import read_events
from .job_reader import JobReader
from .jobs import Jobs

DRAWING = ("grid", "prior", "reg")
_FEWEST, _LOOKED_AT = 2, 12


def seconds_for(jobs: Jobs, pictures: int, work: int, base: str) -> float | None:
    """About how long so many pictures take; None where nothing was drawn by this base model yet: another may be far slower.

    `work`: sampling steps times pixels of one picture, by which jobs are compared.
    """
    if not pictures or not work:
        return None
    drawn = [reader for reader in jobs.refresh() if reader.kind in DRAWING and reader.ended and reader.job.get("work")]
    same = [reader for reader in drawn if reader.job.get("base") == base]
    for reader in same[:_LOOKED_AT]:
        pace = _pace(reader)
        if pace is not None:
            load, each = pace
            return load + pictures * each * work / float(reader.job["work"])
    return None


def _pace(reader: JobReader) -> tuple[float, float] | None:
    """Seconds until the first picture was begun, and for each picture; from the second batch on, where there are several."""
    events = [event for event in read_events(reader.folder) if event.get("kind") in ("start", "progress")]
    marks = [(_seconds(event), int(event.get("step") or 0)) for event in events]
    if len(marks) < 2 or events[0]["kind"] != "start" or marks[-1][1] < _FEWEST:
        return None
    (begun, _), (first, some), (last, most) = marks[0], marks[1], marks[-1]
    each = (last - first) / (most - some) if most > some else (last - begun) / most
    return max(0.0, first - begun - some * each), each


def _seconds(event: dict[str, object]) -> float:
    return datetime.fromisoformat(str(event["time"])).timestamp()
