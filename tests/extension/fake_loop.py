"""A rare-character loop in small: plain colours in place of pictures, a word in place of a LoRA; all else is the loop's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.files import write_atomically
from lora_workbench.trainer_core.generate.telling import Between
from lora_workbench.trainer_core.loop import candidates, rounds
from lora_workbench.trainer_core.loop.job import run_loop_job
from lora_workbench.trainer_core.loop.project import Project, Round


def run_loop(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """In a process of its own, whose trainings and pictures take no time."""
    rounds.train_round = train
    candidates._drawn_batches = draw
    run_loop_job(folder, job, events)


def train(project: Project, current: Round, stop: Callable[[], bool], told: Callable[[dict[str, Any]], None]) -> bool:
    path = project.round_folder(current.number) / "lora" / f"mia-r{current.number:02d}.safetensors"
    write_atomically(path, "a LoRA")
    current.lora, current.lora_sha256, current.steps = path.relative_to(project.folder).as_posix(), "0" * 64, 3
    told({"step": 3, "steps": 3, "loss": 0.1, "average": 0.1})
    return True


def draw(
    project: Project, current: Round, missing: dict[str, Any], stop: Callable[[], bool], between: Between
) -> Iterator[list[str]]:
    for number, name in enumerate(missing):
        path = project.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), (60 * number % 256, 90 * current.number % 256, 170 * current.number % 256)).save(path)
        missing[name].infotext = f"infotext of {name}"
    yield list(missing)
