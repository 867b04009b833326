"""Only one process draws into a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..events import JobLock
from ..problems import UserError

LOCK = ".drawing"


@contextlib.contextmanager
def drawing_in(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; UserError where another living one draws into it. It falls with the process."""
    lock = JobLock(folder / LOCK)
    if not lock.acquire():
        raise UserError(f"Another run is drawing into {folder}: wait for it or stop it, then start this one again.")
    try:
        yield
    finally:
        lock.release(remove=True)
