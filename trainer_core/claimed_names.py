"""The name that a run saves under, and the lock that keeps others from it: two runs at once never write the same file."""

from __future__ import annotations

from pathlib import Path

from .events import JobLock
from .output_names import DEFAULT, free_output_name
from .problems import UserError
from .resuming import Resumed, saved_as
from .settings import Settings


def claim_name(settings: Settings, resumed: Resumed | None) -> tuple[str, bool, JobLock]:
    """The name, whether a run that goes on leaves its own for it, and the lock; UserError where its own is being written."""
    output_dir = Path(settings.output_dir).expanduser()
    if resumed is None:
        return _free_name(output_dir, settings.output_name or DEFAULT, settings.overwrite, False)
    place = saved_as(settings, resumed.folder, resumed.state)
    if place.anew:
        return _free_name(output_dir, place.wanted, settings.overwrite, True)
    lock = _lock(output_dir, place.name)
    if lock is None:
        raise UserError(f"Another run is writing {place.name} in {output_dir}: wait for it or stop it first.")
    return place.name, False, lock


def _free_name(output_dir: Path, wanted: str, overwrite: bool, anew: bool) -> tuple[str, bool, JobLock]:
    name, number = free_output_name(output_dir, wanted, overwrite), 1
    while (lock := _lock(output_dir, name)) is None:
        number += 1
        name = free_output_name(output_dir, f"{wanted}-{number}", overwrite)
    if name != wanted:
        print(f"note: {wanted} is taken in {output_dir}: this run is saved as {name}.", flush=True)
    return name, anew, lock


def _lock(output_dir: Path, name: str) -> JobLock | None:
    lock = JobLock(output_dir / f".{name}.running")
    return lock if lock.acquire() else None
