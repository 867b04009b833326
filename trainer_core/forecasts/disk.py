"""The disk space that a run will take: LoRA files, states, and what is encoded once and kept; against what is free."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset.items import Item, TrainingSet
from ..files import data_folder
from ..planning.files import megabytes
from ..problems import Problem
from ..settings import Settings
from .activations import FULL, numbers_of
from .architecture import Architecture
from .optimizer_bytes import state_bytes

_FILE = 600  # bytes of a small tensor file beside its numbers: header and digest
_STATE = 60_000  # of a state's JSON, and of torch's own format beside the numbers


@dataclass(frozen=True)
class Disk:
    """Bytes that a run will write at most. `states`: what resumes need; `caches`: encoded pictures and captions."""

    loras: int
    states: int
    caches: int

    @property
    def total(self) -> int:
        return self.loras + self.states + self.caches

    def as_dict(self) -> dict[str, Any]:
        return {"loras": self.loras, "states": self.states, "caches": self.caches}


def forecast_disk(
    settings: Settings,
    architecture: Architecture,
    placed: Sequence[Any],
    learning: Sequence[Any],
    training_sets: Sequence[TrainingSet],
    lora_bytes: int,
    counts: tuple[int, int],
) -> Disk:
    """training_sets: those of the run's stages. counts: how many LoRA files and how many states the run will leave."""
    network = FULL * sum(numbers_of(one.shapes) for one in placed)
    average = FULL * sum(numbers_of(one.shapes) for one in learning) if settings.ema_decay else 0
    state = network + average + state_bytes(settings, learning) + _STATE
    files, states = counts
    items = [item for one in training_sets for item in (*one.items, *one.validation)]
    caches = _latents(items) if settings.cache_latents_to_disk else 0
    if settings.cache_text_encoder_outputs_to_disk:
        caches += _text_states(settings, architecture, items)
    return Disk(lora_bytes * files, state * states, caches)


def _latents(items: Iterable[Item]) -> int:
    """Mean and log variance of four channels each, in float32, of each picture at each size and its mirror image."""
    views = {(item.path, item.fit, False) for item in items}
    views |= {(item.path, item.fit, True) for item in items if item.subset.options.flip_aug}
    total = 0
    for _, fit, _ in views:
        width, height = fit.bucket
        total += 2 * 4 * (width // 8) * (height // 8) * FULL + _FILE
    return total


def _text_states(settings: Settings, architecture: Architecture, items: Iterable[Item]) -> int:
    captions = {item.caption for item in items}
    width = sum(one.width for one in architecture.text)
    penultimate = all(one.facts.penultimate for one in architecture.text)
    element = 2 if penultimate and settings.mixed_precision in ("fp16", "bf16") else FULL  # a last norm ends in float32
    tokens = (settings.max_token_length or 75) + 2
    pooled = sum(one.width for one in architecture.text if one.facts.pooled)
    return len(captions) * (element * tokens * width + FULL * pooled + _FILE)


def disk_problems(settings: Settings, disk: Disk, lora_bytes: int) -> list[Problem]:
    """Whether the disks have room for one LoRA (else an error) and for everything that the run will leave (else a warning)."""
    if settings.output_dir is None:
        return []
    output, data = Path(settings.output_dir).expanduser(), data_folder(settings.data_dir)
    try:
        free = _free(output)
        together = _existing(output).stat().st_dev == _existing(data).stat().st_dev
        free_caches = free if together else _free(data)
    except OSError:  # told with the output folder already
        return []
    if free < lora_bytes:
        message = f"The disk of {_existing(output)} has {megabytes(free)} left, and the LoRA takes {megabytes(lora_bytes)}."
        return [Problem("error", "disk-full", message, "Make room, or give another output_dir.")]
    kept = disk.loras + disk.states
    need = kept + disk.caches if together else kept
    if free < need:
        message = f"The disk of {_existing(output)} has {megabytes(free)} left; the run will write {megabytes(need)}."
        fix = "Make room, save less often, or keep fewer with save_last_n_epochs."
        if disk.states:
            fix = "Make room, save less often, or keep fewer with save_last_n_epochs and save_last_n_epochs_state."
        return [Problem("warning", "disk-nearly-full", message, fix)]
    if not together and free_caches < disk.caches:
        message = (
            f"The disk of {_existing(data)} has {megabytes(free_caches)} left, and encoded pictures and captions take "
            f"{megabytes(disk.caches)}: what has no room is encoded anew by the next run."
        )
        return [Problem("warning", "disk-nearly-full", message, "Make room, or give another data_dir.")]
    return []


def _free(folder: Path) -> int:
    return shutil.disk_usage(_existing(folder)).free


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
