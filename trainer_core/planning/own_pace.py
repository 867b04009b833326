"""AdaFactor's own rate: how far it will have brought a LoRA's ups, which begin at 0, when the run ends."""

from __future__ import annotations

import math

from ..optimizer_table import sets_own_rate
from ..problems import Problem
from ..settings import Settings

_SMALLEST = 1e-3  # a parameter counts as at least so large (transformers' eps[1])
_LEARNT = 0.01  # root mean square of ups; those of the toy world's creatures had 0.04 and more when they were learnt
_PACE = 0.3  # of what steps that all lead the same way would bring: measured over 360 steps with warmup_init and without
_LONGEST = 20_000


def pace_problems(settings: Settings, steps: int) -> list[Problem]:
    """A warning where the run ends before that."""
    if not sets_own_rate(settings) or not steps:
        return []
    needed = steps_to_learn(settings)
    if needed is None or steps >= needed:
        return []
    message = (
        f"AdaFactor hardly moves a LoRA in {steps} steps: its rate begins at next to nothing and grows with the weights, which "
        f"begin at 0. It takes about {round(needed, -2)} steps with these arguments."
    )
    fix = "Train longer, or take another optimizer."
    if settings.optimizer_options().get("warmup_init"):
        fix = "Take warmup_init out of optimizer_args, train longer, or take another optimizer."
    return [Problem("warning", "adafactor-slow", message, fix)]


def steps_to_learn(settings: Settings, pace: float = _PACE) -> int | None:
    """After how many steps ups are about as large as learnt ones; None where that is beyond any run. `pace`: see _PACE."""
    options, size = settings.optimizer_options(), 0.0
    for step in range(1, _LONGEST):
        first = 1e-6 * step if options.get("warmup_init") else 1e-2
        rate = min(first, 1 / math.sqrt(step))
        size += pace * rate * (max(_SMALLEST, size) if options.get("scale_parameter", True) else 1)
        if size >= _LEARNT:
            return step
    return None
