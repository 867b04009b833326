"""Only one process draws into a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..events import JobLock
from ..problems import UserError

LOCK = ".drawing"
_HALF_WRITTEN = ".*.png.????????.tmp"  # as `files.atomic_path` calls them; only who draws here writes pictures


@contextlib.contextmanager
def drawing_in(folder: Path, *within: Path) -> Iterator[None]:
    """Holds the folder for this process; UserError where another living one draws into it. It falls with the process.

    What a killed one left half written there, and `within` folders of it, is taken away.
    """
    lock = JobLock(folder / LOCK)
    if not lock.acquire():
        raise UserError(f"Another run is drawing into {folder}: wait for it or stop it, then start this one again.")
    try:
        for place in (folder, *within):
            for left in place.glob(_HALF_WRITTEN):
                left.unlink(missing_ok=True)
        yield
    finally:
        lock.release(remove=True)
