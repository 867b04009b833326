"""A job's folder: the lock that says that it lives, and its events, one JSON object a line.

`job.json` holds what the job was asked to do, `events.jsonl` what happened, `log.txt` what went wrong in full. Whoever
watches a job only reads these files, so that a closed browser or a killed webui stops nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from .problems import UserError

JOB, EVENTS, LOG, LOCK = "job.json", "events.jsonl", "log.txt", "lock"


class EventLog:
    """Appends to a job's events.jsonl; every line is on disk when `write` returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / EVENTS).open("a+b")
        self._end_half_line()

    def _end_half_line(self) -> None:
        """A killed writer may have left half a line, which must not swallow the next one."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, kind: str, **values: Any) -> None:
        """One event: `kind` (start, progress, sample, saved, warning, error, done, …), the time and the values."""
        event = {"time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "kind": kind, **values}
        self._file.write(json.dumps(event, ensure_ascii=False).encode("utf-8") + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class Unheard(EventLog):
    """For the processes of a run that don't write: they know the job's folder, and leave it alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, kind: str, **values: Any) -> None:
        pass

    def close(self) -> None:
        pass


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The job's events; half a line left by a killed writer is passed over."""
    path = folder / EVENTS
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue


class JobLock:
    """Held by a living process on a file; it falls with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """True where this process now holds the lock, False where another living one does."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+b")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self, *, remove: bool = False) -> None:
        if self._file is None:
            return
        if remove and os.name == "posix":  # before unlocking, so that nobody can lock the removed file's successor twice
            self.path.unlink(missing_ok=True)
        self._file.close()
        self._file = None
        if remove and os.name != "posix":
            self.path.unlink(missing_ok=True)


def _lock(file: BinaryIO) -> None:
    """Locks the file's first byte for this process or raises OSError at once."""
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold_job(folder: Path, patience: float = 0.5) -> JobLock:
    """Locks a job's folder for this process; raises UserError where another process works in it.

    Whoever looks whether the job lives holds the lock for a moment, so it is tried for `patience` seconds.
    """
    lock = JobLock(folder / LOCK)
    end = time.monotonic() + patience
    while not lock.acquire():
        if time.monotonic() > end:
            raise UserError(f"Another run is working in {folder}: wait for it, stop it, or choose another --job_dir.")
        time.sleep(0.02)
    return lock


def is_alive(folder: Path) -> bool:
    """Whether a living process works in the job's folder."""
    return is_held(folder / LOCK)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on the file. Looking makes nothing: what is being removed must not come back."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return False
    with file:
        try:
            _lock(file)
        except OSError:
            return True
    return False


def new_job_folder(jobs: Path, kind: str) -> Path:
    """A new folder `<date>-<time>-<kind>` in `jobs`; a number follows where two start within a second."""
    stem = time.strftime("%Y%m%d-%H%M%S") + f"-{kind}"
    for number in range(1, 1000):
        folder = jobs / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError(f"No new job folder can be made in {jobs}: remove old ones.")
