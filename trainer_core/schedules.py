"""Learning rate schedules under kohya's names, from transformers and diffusers, or any class of torch's."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from .optimizer_table import sets_own_schedule
from .optimizers import load_class
from .problems import UserError
from .settings import Settings


def steps_of(value: float, total: int) -> int:
    """A number of steps, or a share of `total` where it is below 1, rounded down as kohya's."""
    return int(value * total) if isinstance(value, float) and 0 < value < 1 else int(value)


def make_schedule(settings: Settings, optimizer: torch.optim.Optimizer, total: int) -> LRScheduler | None:
    """The schedule over `total` optimizer steps, stepped once after each; None where the optimizer has one of its own."""
    if sets_own_schedule(settings):
        return None
    name = settings.lr_scheduler_type or settings.lr_scheduler
    try:
        if settings.lr_scheduler_type:
            return _of_class(settings.lr_scheduler_type, optimizer, settings.scheduler_options())
        return _of_name(settings, optimizer, total)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"lr_scheduler {name} can't be made: {error}; check lr_scheduler_args and the warm-up steps."
        ) from error


def _of_name(settings: Settings, optimizer: torch.optim.Optimizer, total: int) -> LRScheduler:
    name, extra = settings.lr_scheduler, settings.scheduler_options()
    warmup, decay = steps_of(settings.lr_warmup_steps, total), steps_of(settings.lr_decay_steps, total)
    for argument, value in _own_arguments(settings, warmup, decay, total).items():
        extra.setdefault(argument, value)
    if name == "piecewise_constant":
        from diffusers.optimization import get_piecewise_constant_schedule

        return get_piecewise_constant_schedule(optimizer, **extra)
    from transformers.optimization import get_scheduler

    return get_scheduler(
        name, optimizer, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=extra or None
    )


def _own_arguments(settings: Settings, warmup: int, decay: int, total: int) -> dict[str, Any]:
    """What kohya's flags say to a schedule; lr_scheduler_args stand above them. Half a cycle falls once, from top to bottom."""
    name, lowest = settings.lr_scheduler, settings.lr_scheduler_min_lr_ratio or 0.0
    if name == "cosine_with_restarts":
        return {"num_cycles": settings.lr_scheduler_num_cycles}
    if name == "polynomial":
        return {"power": settings.lr_scheduler_power}
    if name == "inverse_sqrt":
        return {"timescale": settings.lr_scheduler_timescale or warmup or 10_000}
    if name == "cosine_with_min_lr":
        return {"num_cycles": settings.lr_scheduler_num_cycles / 2, "min_lr_rate": lowest}
    if name == "warmup_stable_decay":
        falling = decay or max(1, total // 10)
        return {"num_cycles": settings.lr_scheduler_num_cycles / 2, "num_decay_steps": falling, "min_lr_ratio": lowest}
    return {}


def _of_class(path: str, optimizer: torch.optim.Optimizer, arguments: dict[str, Any]) -> LRScheduler:
    schedule_class = load_class("lr_scheduler_type", path if "." in path else f"torch.optim.lr_scheduler.{path}")
    if not issubclass(schedule_class, LRScheduler):
        raise UserError(f"lr_scheduler_type {path} is not a schedule: give a class of torch.optim.lr_scheduler.")
    if "metrics" in inspect.signature(schedule_class.step).parameters:
        raise UserError(
            f"lr_scheduler_type {path} waits for a measure that falls, which a LoRA's loss doesn't: choose another."
        )
    return schedule_class(optimizer, **arguments)
