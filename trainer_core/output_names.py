"""Names of what a run writes into its output folder, as kohya names them, and which of them are free."""

from __future__ import annotations

import re
from pathlib import Path

DEFAULT = "last"


def final_file(name: str) -> str:
    return f"{name}.safetensors"


def epoch_file(name: str, epoch: int) -> str:
    """The snapshot after `epoch` epochs, counted from 1."""
    return f"{name}-{epoch:06d}.safetensors"


def step_file(name: str, step: int) -> str:
    """The snapshot after `step` optimizer steps, counted from 1."""
    return f"{name}-step{step:08d}.safetensors"


def average_file(file_name: str) -> str:
    """The moving average that is saved beside a snapshot."""
    return file_name.removesuffix(".safetensors") + "-ema.safetensors"


def state_folder(file_name: str) -> str:
    """The folder of the state that belongs to a snapshot's file name."""
    return file_name.removesuffix(".safetensors") + "-state"


def states_of(folder: Path, name: str | None, numbered: bool = False) -> list[Path]:
    """The folders of a run's states, or with None of any run's, in no order; half-written ones have other names.

    numbered: also those of runs that were saved as `name-2`, `name-3`, …, because the name was taken.
    """
    number = r"(-\d{1,5})?" if numbered else ""
    pattern = re.compile((r"[^.].*" if name is None else re.escape(name)) + number + r"(-(\d{6}|step\d{8}))?-state")
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name)] if folder.is_dir() else []


def run_of_state(folder_name: str) -> tuple[str, float, float]:
    """A run's name by that of a state's folder, and the step and the epoch of that state; infinity where it isn't told."""
    found = re.fullmatch(r"(?P<name>.+?)(?:-(?P<epoch>\d{6})|-step(?P<step>\d{8}))?(?:-state)?", folder_name)
    name, step, epoch = (found["name"], found["step"], found["epoch"]) if found else (folder_name, None, None)
    return name, float(step or "inf"), float(epoch or "inf")


def is_of_run(file_name: str, name: str) -> bool:
    """Whether a run of that name writes such a file or state."""
    pattern = re.escape(name) + r"(-(\d{6}|step\d{8}))?((-ema)?\.safetensors|-state)"
    return re.fullmatch(pattern, file_name, re.IGNORECASE) is not None


def wanted_name(name: str, among: str) -> int | None:
    """Which number of `among`'s names the name is: 1 for itself, 2 for `among-2`, …; None where it is another's."""
    if name == among:
        return 1
    number = name.removeprefix(f"{among}-")
    return int(number) if number != name and number.isdecimal() and int(number) > 1 else None


def is_taken(folder: Path, name: str) -> bool:
    """Whether a file or state of a run of that name lies in the folder."""
    return folder.is_dir() and any(is_of_run(path.name, name) for path in folder.iterdir())


def free_output_name(folder: Path, name: str | None, overwrite: bool = False) -> str:
    """`name` (default "last"), or where its files exist and may not be overwritten `name-2`, `name-3`, …"""
    wanted = name or DEFAULT
    candidate, number = wanted, 1
    while not overwrite and is_taken(folder, candidate):
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate
