"""Variants in small: plain colours in place of pictures, no model is read; all else is the job's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from lora_workbench.trainer_core.endings import endings_told
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.generate.telling import Told
from lora_workbench.trainer_core.variants import draw
from lora_workbench.trainer_core.variants.job import run_variants_job
from lora_workbench.trainer_core.variants.review import Review

SLOW = 0.4  # seconds of a picture where the prompt asks for it


def run_variants(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """In a process of its own, which ends with it."""
    draw._drawn = drawn
    with endings_told(folder, events):
        run_variants_job(folder, job, events)


def drawn(
    review: Review, missing: dict[str, Any], settings: Any, batch_size: int, stop: Callable[[], bool], told: Told
) -> Iterator[tuple[int, list[str]]]:
    for done, name in enumerate(missing, 1):
        one = review.variants[name]
        if "slowly" in one.request["prompt"]:
            time.sleep(SLOW)
        seed = int(one.request["seed"])
        Image.new("RGB", (64, 48), (40 * seed % 256, 90, 200 if one.mask else 60)).save(review.folder / name)
        one.infotext = f"{one.request['prompt']}\nSeed: {seed}"
        yield done, [name]
