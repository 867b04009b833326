"""What trainings have written, by what their jobs say: their LoRA files, in order, and the settings they had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..trainer_core.events import JobLock
from .errors import MISSING, NOT_NOW, Refused
from .job_reader import JobReader
from .jobs import Jobs
from .rights import Rights, shown

_SNAPSHOT = re.compile(r"-(?:(?P<epoch>\d{6})|step(?P<step>\d{8}))$")


@dataclass(frozen=True)
class Trained:
    """A training and those of its files that are there. `name`: what its files are called after."""

    job: JobReader
    name: str
    files: tuple[Path, ...]
    settings: dict[str, Any]

    def file(self, name: Any) -> Path:
        """The run's own file of that name; Refused for any other."""
        for path in self.files:
            if path.name == name:
                return path
        raise Refused(f"The run {self.name} has no file {shown(name)}; it may have been deleted.", MISSING)


def label_of(path: Path) -> dict[str, Any]:
    """How a snapshot's file name says when it was saved: its epoch or its step, or that it is the last."""
    match = _SNAPSHOT.search(path.stem)
    epoch, step = (match["epoch"], match["step"]) if match else (None, None)
    return {"epoch": int(epoch) if epoch else None, "step": int(step) if step else None, "last": match is None}


def trained_by(jobs: Jobs, job_id: Any) -> Trained:
    """The run of a job with its files; Refused where there is none, or nothing of it is left."""
    reader = jobs.get(job_id)
    if reader.kind != "train":
        raise Refused("That job is no training.", MISSING)
    found = _of(jobs, reader)
    if not found.files:
        raise Refused(f"The run {found.name} has no LoRA file that is still there: train it again.", NOT_NOW)
    return found


def all_trained(jobs: Jobs, project: str | None) -> Iterator[Trained]:
    """The project's runs that have left files, newest first; of one that was gone on with, the last job alone."""
    seen: set[Path] = set()
    for reader in jobs.refresh():
        if reader.kind != "train" or reader.job.get("project") != project:
            continue
        found = _of(jobs, reader)
        if found.files and not seen.issuperset(found.files):
            yield found
        seen.update(found.files)


def _of(jobs: Jobs, reader: JobReader) -> Trained:
    written = list(dict.fromkeys(_written(jobs, reader)))
    name = _SNAPSHOT.sub("", written[-1].stem) if written else str(reader.job.get("title") or reader.id)
    settings = reader.job.get("settings")
    own = [path for path in written if _SNAPSHOT.sub("", path.stem) == name and path.is_file()]
    return Trained(reader, name, tuple(own), settings if isinstance(settings, dict) else {})


def _written(jobs: Jobs, reader: JobReader) -> Iterator[Path]:
    """The files that the job says it saved in its output folder, after those of the jobs that it went on from."""
    before = reader.job.get("resumed_from")
    if isinstance(before, str):
        yield from _written_before(jobs, before, {reader.id})
    folder = _folder(reader)
    yield from (path for path in reader.written if folder is not None and path.parent == folder)


def _written_before(jobs: Jobs, job_id: str, seen: set[str]) -> Iterator[Path]:
    try:
        reader = jobs.get(job_id)
    except Refused:  # removed from the history
        return
    before = reader.job.get("resumed_from")
    if isinstance(before, str) and before not in seen:
        yield from _written_before(jobs, before, {*seen, reader.id})
    folder = _folder(reader)
    yield from (path for path in reader.written if folder is not None and path.parent == folder)


def _folder(reader: JobReader) -> Path | None:
    settings = reader.job.get("settings")
    given = settings.get("output_dir") if isinstance(settings, dict) else None
    return Path(given) if isinstance(given, str) and Path(given).is_absolute() else None


def delete_files(run: Trained, names: Sequence[str], rights: Rights) -> list[str]:
    """Deletes files of the run's own by their names, never while it is still writing; the names of those that are gone."""
    paths = [run.file(name) for name in names]
    for path in paths:
        rights.may_write(str(path), "The snapshot")
    if run.job.alive:
        raise Refused(f"The run {run.name} is still going on: wait for it or stop it before snapshots are deleted.", NOT_NOW)
    gone = []
    for path in paths:
        lock = JobLock(path.parent / f".{run.name}.running")
        if not lock.acquire():
            raise Refused(
                f"The run {run.name} is still going on: wait for it or stop it before snapshots are deleted.", NOT_NOW
            )
        try:
            path.unlink(missing_ok=True)
            gone.append(path.name)
        finally:
            lock.release(remove=True)
    return gone
