"""What is asked of the sampler; without torch, so that prompt files can be checked before a run."""

from __future__ import annotations

from dataclasses import dataclass

from ..problems import UserError

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


def check(request: Request) -> None:
    """Raises UserError with what the request asks and no model can draw."""
    if request.sampler not in SAMPLERS:
        raise UserError(f"There is no sampler {request.sampler!r}: choose one of {', '.join(SAMPLERS)}.")
    if min(request.width, request.height) < 8 or request.width % 8 or request.height % 8:
        raise UserError(f"A picture of {request.width}x{request.height} can't be drawn: sizes must be multiples of 8.")
    least = 2 if request.sampler == "DDIM" else 1
    if not least <= request.steps <= 1000:
        raise UserError(f"{request.steps} steps are not possible with {request.sampler}: give {least} to 1000.")
