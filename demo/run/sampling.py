"""Draws with the base model, without and with the LoRA, and asks the judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def draw(
    model: Any,
    prompts: Sequence[str],
    first_seed: int,
    sampler: dict[str, Any],
    lora: Path | None = None,
    strength: float = 1.0,
) -> list[Image.Image]:
    """One picture a prompt with the seeds `first_seed`, `first_seed` + 1, …; with the LoRA where one is given."""
    from ...trainer_core.generate.sample import Request, generate
    from ...trainer_core.networks.apply import applied

    requests = [Request(prompt=prompt, seed=first_seed + number, **sampler) for number, prompt in enumerate(prompts)]
    loras = [(lora, strength, strength)] if lora and strength else []
    with applied(model, loras):
        return generate(model, requests)


def draw_strengths(
    model: Any,
    prompts: Sequence[str],
    first_seed: int,
    sampler: dict[str, Any],
    lora: Path,
    strengths: Sequence[float],
) -> list[list[Image.Image]]:
    """Rows of pictures [prompt][strength]; strength 0 is the base model alone."""
    columns = [draw(model, prompts, first_seed, sampler, lora, strength) for strength in strengths]
    return [list(row) for row in zip(*columns, strict=True)]


def labelled_grid(rows: list[list[Image.Image]], prompts: Sequence[str], strengths: Sequence[float]) -> Image.Image:
    """The grid with its prompts and strengths."""
    from ...trainer_core.generate.grid import draw_grid

    columns = ["without the LoRA" if strength == 0 else f"strength {strength:g}" for strength in strengths]
    return draw_grid(rows, list(prompts), columns)


def open_judge(folder: Path) -> tuple[Callable[[Sequence[Image.Image]], np.ndarray], list[str]]:
    """The judge as a function from pictures to probabilities [pictures, tags], and its tags."""
    from ...tagger.model import Tagger

    judge = Tagger.load(folder)
    return lambda images: np.asarray(judge.probabilities(list(images))), [label.name for label in judge.labels]
