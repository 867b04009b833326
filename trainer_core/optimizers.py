"""Makes the optimizer of a run, each from the library that keeps it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

import torch

from .optimizer_table import TABLE, optimizer_arguments, sets_own_schedule
from .problems import UserError
from .settings import Settings


def make_optimizer(settings: Settings, parameters: Mapping[str, Sequence[torch.nn.Parameter]]) -> torch.optim.Optimizer:
    """The optimizer over `parameters` by part ("unet", "text_encoder"), each with its rate; empty parts are left out.

    Groups carry their part's name as "part". Raises UserError where the library is missing or refuses the arguments.
    """
    spec = TABLE[settings.optimizer_type]
    rates = settings.learning_rates()
    groups = [
        {"params": list(parameters[part]), "lr": None if sets_own_schedule(settings) else rates[f"{part}_lr"], "part": part}
        for part in ("text_encoder", "unet")
        if parameters.get(part)
    ]
    module_name, _, class_name = spec.import_path.rpartition(".")
    try:
        optimizer_class = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise UserError(
            f"{settings.optimizer_type} needs the package {spec.package}, which can't be used ({error}): run "
            "`python install.py setup`."
        ) from error
    arguments = optimizer_arguments(settings)
    if settings.optimizer_type == "AdaFactor":
        arguments.setdefault("relative_step", True)
    try:
        return optimizer_class(groups, lr=groups[0]["lr"], **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"{settings.optimizer_type} doesn't take its optimizer_args: {error}.") from error


def shown_rates(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Each part's rate at this step as it acts: what an adaptive optimizer found, times the schedule's."""
    shown = {}
    for group in optimizer.param_groups:
        rate = group.get("lr")
        if rate is None:
            rate = optimizer._get_lr(group, optimizer.state[group["params"][0]]) if optimizer.state else 0.0
        shown[group["part"]] = float(rate) * float(group.get("d", 1.0))
    return shown
