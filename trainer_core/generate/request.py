"""What is asked of the sampler; without torch, so that prompt files can be checked before a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..networks.lbw_prompt import lora_word
from ..problems import UserError
from .sampler_names import AUTOMATIC, SAMPLERS, least_steps, sampler_and_schedule, unknown

__all__ = ["SAMPLERS", "Lora", "Request", "check", "check_strength"]

_LEAST_STRENGTH = 0.01


@dataclass(frozen=True)
class Lora:
    """A LoRA that is put onto the model for a picture. Two of one hash are the same, wherever their files lie.

    `digest`: webui's hash of the file; `te`, `unet`: strengths of the two parts; `lbw`: block weights, a preset's name or a
    list, "" for none, with `x` for X in them.
    """

    name: str
    digest: str
    te: float = 1.0
    unet: float = 1.0
    lbw: str = ""
    x: float | None = None
    path: str = field(default="", compare=False)

    def word(self) -> str:
        """As a prompt of webui's has it."""
        return lora_word(self.name, te=self.te, unet=self.unet, lbw=self.lbw, x=self.x)


@dataclass(frozen=True)
class Request:
    """One picture to draw. Sizes in pixels, multiples of 8; cfg 1 leaves the negative prompt out.

    `sampler` and `schedule` by webui's names, of which old ones hold both ("DPM++ 2M Karras"). `loras` act on this picture
    beside those that the model has already; as JSON values they are read back.
    """

    prompt: str
    negative: str = ""
    width: int = 512
    height: int = 512
    seed: int = 0
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "Euler a"
    clip_skip: int = 1
    loras: tuple[Lora, ...] = ()
    schedule: str = AUTOMATIC

    def __post_init__(self) -> None:
        sampler, schedule = sampler_and_schedule(self.sampler, self.schedule)
        object.__setattr__(self, "sampler", sampler)
        object.__setattr__(self, "schedule", schedule)
        loras: Any = tuple(Lora(**one) if isinstance(one, dict) else one for one in self.loras)
        object.__setattr__(self, "loras", loras)


def check(request: Request) -> None:
    """Raises UserError with what the request asks and no model can draw."""
    wrong = unknown(request.sampler, request.schedule)
    if wrong:
        raise UserError(wrong)
    if min(request.width, request.height) < 8 or request.width % 8 or request.height % 8:
        raise UserError(f"A picture of {request.width}x{request.height} can't be drawn: sizes must be multiples of 8.")
    least = least_steps(request.sampler)
    if not least <= request.steps <= 1000:
        raise UserError(f"{request.steps} steps are not possible with {request.sampler}: give {least} to 1000.")


def check_strength(strength: float) -> None:
    """Raises UserError where nothing can be redrawn with that denoising strength."""
    if not _LEAST_STRENGTH <= strength <= 1:
        raise UserError(f"A denoising strength of {strength:g} is not possible: give {_LEAST_STRENGTH:g} to 1, 0.7 is usual.")
