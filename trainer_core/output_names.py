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


def is_taken(folder: Path, name: str) -> bool:
    """Whether a file or state of a run of that name lies in the folder."""
    if not folder.is_dir():
        return False
    pattern = re.compile(re.escape(name) + r"(-(\d{6}|step\d{8}))?((-ema)?\.safetensors|-state)", re.IGNORECASE)
    return any(pattern.fullmatch(path.name) for path in folder.iterdir())


def free_output_name(folder: Path, name: str | None, overwrite: bool = False) -> str:
    """`name` (default "last"), or where its files exist and may not be overwritten `name-2`, `name-3`, …"""
    wanted = name or DEFAULT
    candidate, number = wanted, 1
    while not overwrite and is_taken(folder, candidate):
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate
