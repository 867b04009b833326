"""AdaFactor's own rate: whether a run is long enough for it to teach a LoRA anything."""

from __future__ import annotations

import math

from ..optimizer_table import sets_own_rate
from ..problems import Problem
from ..settings import Settings

# The rate is a share of each weight's own size, so its sum over the steps says how far they get. The toy world's creature was
# hardly there after a sum of 5.4, half there after 8.1 and learnt after this (docs/optimizers.md).
_NEEDED = 13.5
_LONGEST = 20_000


def pace_problems(settings: Settings, steps: int) -> list[Problem]:
    """A warning where the run ends before that."""
    if not sets_own_rate(settings) or not steps:
        return []
    needed = steps_to_learn(settings)
    if needed is None or steps >= needed:
        return []
    message = (
        f"AdaFactor hardly moves a LoRA in {steps} steps: its rate is a share of each weight's size, and half of a LoRA begins "
        f"at 0. It takes about {round(needed, -2)} steps with these arguments."
    )
    fix = "Train longer, or take another optimizer."
    if settings.optimizer_options().get("warmup_init"):
        fix = "Take warmup_init out of optimizer_args, train longer, or take another optimizer."
    return [Problem("warning", "adafactor-slow", message, fix)]


def steps_to_learn(settings: Settings) -> int | None:
    """After how many steps the rates' sum is what is needed; None where the rate is no share, or that is beyond any run."""
    options, done = settings.optimizer_options(), 0.0
    if not options.get("scale_parameter", True):
        return None
    for step in range(1, _LONGEST):
        done += min(1e-6 * step if options.get("warmup_init") else 1e-2, 1 / math.sqrt(step))  # as transformers computes it
        if done >= _NEEDED:
            return step
    return None
