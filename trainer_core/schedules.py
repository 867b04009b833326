"""Learning rate schedules under kohya's names, from transformers and diffusers."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from .optimizer_table import sets_own_schedule
from .problems import UserError
from .settings import Settings


def steps_of(value: float, total: int) -> int:
    """A number of steps, or a share of `total` where it is below 1."""
    return round(value * total) if isinstance(value, float) and 0 < value < 1 else int(value)


def make_schedule(settings: Settings, optimizer: torch.optim.Optimizer, total: int) -> LRScheduler | None:
    """The schedule over `total` optimizer steps, stepped once after each; None where the optimizer has one of its own."""
    if sets_own_schedule(settings):
        return None
    name = settings.lr_scheduler
    warmup, decay = steps_of(settings.lr_warmup_steps, total), steps_of(settings.lr_decay_steps, total)
    extra: dict[str, Any] = settings.scheduler_options()
    if name == "adafactor":
        raise UserError("lr_scheduler adafactor belongs to AdaFactor with relative_step: choose another schedule.")
    if name == "cosine_with_restarts":
        extra.setdefault("num_cycles", settings.lr_scheduler_num_cycles)
    elif name == "polynomial":
        extra.setdefault("power", settings.lr_scheduler_power)
    elif name == "inverse_sqrt":
        extra.setdefault("timescale", settings.lr_scheduler_timescale or warmup or 10_000)
    elif name == "cosine_with_min_lr":
        extra.setdefault("min_lr_rate", settings.lr_scheduler_min_lr_ratio or 0.0)
    elif name == "warmup_stable_decay":
        extra.setdefault("num_decay_steps", decay or max(1, total // 10))
        extra.setdefault("min_lr_ratio", settings.lr_scheduler_min_lr_ratio or 0.0)
    try:
        if name == "piecewise_constant":
            from diffusers.optimization import get_piecewise_constant_schedule

            return get_piecewise_constant_schedule(optimizer, **extra)
        from transformers.optimization import get_scheduler

        return get_scheduler(
            name, optimizer, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=extra or None
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"lr_scheduler {name} can't be made: {error}; check lr_scheduler_args and the warm-up steps."
        ) from error
