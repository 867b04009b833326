"""The name that a run saves under, and the lock that keeps others from it: two runs at once never write the same file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .events import JobLock
from .output_names import DEFAULT, free_output_name, wanted_name
from .problems import UserError
from .resuming import Resumed, state_folders
from .settings import Settings
from .state import TrainState, read_train_state


@dataclass(frozen=True)
class SavedAs:
    """How a run's files are called that goes on. `anew`: under another name or in another folder than those before, which
    are left alone; `wanted`: the name that was asked for."""

    name: str
    wanted: str
    anew: bool


def saved_as(settings: Settings, folder: Path, state: TrainState) -> SavedAs:
    """The run's own name where the state lies in output_dir and no other name is given, else a free one: never are files
    of another run replaced, nor those of this one beside the state."""
    wanted, output_dir = settings.output_name or state.output_name, Path(settings.output_dir).expanduser()
    home = folder.expanduser().absolute().parent
    if home.resolve() == output_dir.resolve() and wanted_name(state.output_name, wanted):
        return SavedAs(state.output_name, wanted, anew=False)
    return SavedAs(free_output_name(output_dir, wanted, settings.overwrite), wanted, anew=True)


def goes_on_as(settings: Settings) -> SavedAs | None:
    """How the files of a run are called that goes on; None where no state of it can be read."""
    for folder in state_folders(settings):
        try:
            return saved_as(settings, folder, read_train_state(folder))
        except UserError:
            continue  # the plan tells of it elsewhere
    return None


@dataclass(frozen=True)
class Claimed:
    """A name, whether a run that goes on leaves its own for it, and the lock."""

    name: str
    anew: bool
    lock: JobLock


def claim_name(settings: Settings, resumed: Resumed | None) -> Claimed:
    """The name that the run saves under; UserError where it goes on, and its own is being written."""
    output_dir = Path(settings.output_dir).expanduser()
    if resumed is None:
        return _free_name(output_dir, settings.output_name or DEFAULT, settings.overwrite, False)
    place = saved_as(settings, resumed.folder, resumed.state)
    if place.anew:
        return _free_name(output_dir, place.wanted, settings.overwrite, True)
    lock = _lock(output_dir, place.name)
    if lock is None:
        raise UserError(f"Another run is writing {place.name} in {output_dir}: wait for it or stop it first.")
    return Claimed(place.name, False, lock)


def _free_name(output_dir: Path, wanted: str, overwrite: bool, anew: bool) -> Claimed:
    name, number = free_output_name(output_dir, wanted, overwrite), 1
    while (lock := _lock(output_dir, name)) is None:
        number += 1
        name = free_output_name(output_dir, f"{wanted}-{number}", overwrite)
    if name != wanted:
        print(f"note: {wanted} is taken in {output_dir}: this run is saved as {name}.", flush=True)
    return Claimed(name, anew, lock)


def _lock(output_dir: Path, name: str) -> JobLock | None:
    lock = JobLock(output_dir / f".{name}.running")
    return lock if lock.acquire() else None
