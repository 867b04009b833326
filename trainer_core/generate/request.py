"""What is asked of the sampler; without torch, so that prompt files can be checked before a run."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLERS = ("DDIM", "Euler", "Euler a", "DPM++ 2M")


@dataclass(frozen=True)
class Request:
    """One picture to draw. Sizes in pixels, multiples of 8; cfg 1 leaves the negative prompt out."""

    prompt: str
    negative: str = ""
    width: int = 512
    height: int = 512
    seed: int = 0
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "Euler a"
    clip_skip: int = 1
