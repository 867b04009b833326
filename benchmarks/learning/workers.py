"""What a worker process does: it loads the base and the judge once, then measures arms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...trainer_core.problems import UserError
from .arms import run_arm
from .experiments import Arm
from .lab import Lab

_labs: list[Lab] = []


def open_lab(folder: Path, samples: int, steps: int | None, threads: int) -> None:
    """Once a process, before its first arm."""
    import torch

    torch.set_num_threads(threads)
    _labs[:] = [Lab(folder, samples, steps)]


def run(experiment: str, arm: Arm, seed: int) -> dict[str, Any] | str:
    """The result of the arm, or the sentence why it can't be trained: that is a result too, and the other arms go on."""
    try:
        return run_arm(_labs[0], experiment, arm, seed)
    except UserError as error:
        return str(error)
