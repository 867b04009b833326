"""Makes the optimizer of a run, each from the library that keeps it."""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch

from .optimizer_checks import lora_plus_ratios
from .optimizer_table import ParameterGroup, optimizer_arguments, sets_own_rate, spec_of
from .problems import UserError
from .settings import Settings


def make_optimizer(
    settings: Settings, groups: Sequence[ParameterGroup], others: Sequence[Settings] = ()
) -> torch.optim.Optimizer:
    """The optimizer over `groups`, each with its rate; those whose rate is 0 and empty ones are left out.

    others: the settings of the other stages that the same optimizer trains; what learns in one of them is not left out.
    An optimizer that finds its own rate finds one for all; so where rates differ, each rate has an optimizer of its own.
    Param groups carry their part's name as "part". Raises UserError where the library is missing or refuses the arguments.
    """
    found = _by_rates(groups, (settings, *others))
    made = [{"params": parameters, "lr": rates[0], "part": part} for (part, rates), parameters in found.items()]
    optimizer_class = load_class("optimizer_type", spec_of(settings).import_path, spec_of(settings).package)
    arguments = optimizer_arguments(settings)
    if settings.optimizer_type == "AdaFactor":
        arguments.setdefault("relative_step", True)
    if settings.optimizer_type == "ProdigyPlusScheduleFree" and len(made) == 1:
        arguments.setdefault("split_groups", False)  # it does so by itself, and says so in the terminal
    sets: dict[Any, list[dict[str, Any]]] = {}
    for (_part, rates), group in zip(found, made, strict=True):
        sets.setdefault(rates if spec_of(settings).adaptive else None, []).append(group)
    highest = max((rate for _, rates in found for rate in rates if rate), default=None)  # some refuse to be made with none
    try:
        with redirect_stdout(io.StringIO()):  # Prodigy and DAdaptAdam print that they decouple the weight decay, as was asked
            optimizers = [optimizer_class(one, lr=one[0]["lr"] or highest, **arguments) for one in sets.values()]
    except (TypeError, ValueError) as error:
        raise UserError(f"{settings.optimizer_type} doesn't take its optimizer_args: {error}.") from error
    optimizer = SeparateOptimizers(optimizers) if len(optimizers) > 1 else optimizers[0]
    if is_averaging(optimizer):
        optimizer.train()
    return optimizer


def _by_rates(
    groups: Sequence[ParameterGroup], stages: Sequence[Settings]
) -> dict[tuple[str, tuple[float | None, ...]], list[torch.nn.Parameter]]:
    """Parameters by part and rates in each stage; what has the same is one group, since some find a rate for each."""
    found: dict[tuple[str, tuple[float | None, ...]], list[torch.nn.Parameter]] = {}
    for group in groups:
        rates = tuple(None if sets_own_rate(one) else _group_rate(one, group) for one in stages)
        if group.parameters and any(rate != 0 for rate in rates):
            found.setdefault((group.part, rates), []).extend(group.parameters)
    return found


def set_rates(optimizer: torch.optim.Optimizer, settings: Settings, groups: Sequence[ParameterGroup]) -> None:
    """Gives each param group the rate that it has in another stage; all that the optimizer has learnt stays."""
    rates = {id(one): rates[0] for (_, rates), found in _by_rates(groups, (settings,)).items() for one in found}
    for group in optimizer.param_groups:
        group["lr"] = rates.get(id(group["params"][0]), 0.0)
        group.pop("initial_lr", None)  # a schedule would go on from it


def _group_rate(settings: Settings, group: ParameterGroup) -> float:
    rate = settings.learning_rates()[f"{group.part}_lr"] * group.factor
    ratios = lora_plus_ratios(settings) if group.is_up else {}
    return rate * ratios.get("unet" if group.part == "unet" else "text_encoder", 1.0)


def load_class(setting: str, path: str, package: str = "") -> Callable[..., Any]:
    """The class at a dotted path; UserError where the environment lacks it."""
    module_name, _, class_name = path.rpartition(".")
    if module_name.startswith("bitsandbytes"):  # on a CPU it warns of a package that only its 4-bit layers would use
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        missing = package or module_name.partition(".")[0]
        raise UserError(
            f"{setting} {path} can't be used: {error}. Check the name, or run `python install.py setup` if the package "
            f"{missing} is missing."
        ) from error
    if not isinstance(found, type):
        raise UserError(f"{setting} {path} is not a class: give the name of one.")
    return found


class SeparateOptimizers(torch.optim.Optimizer):
    """Several optimizers as one, for parameters that each finds its own rate for. Its param groups are theirs."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        super().__init__([dict(group) for one in optimizers for group in one.param_groups], {})
        self.optimizers = list(optimizers)
        self._share_groups()

    def _share_groups(self) -> None:
        self.param_groups = [group for one in self.optimizers for group in one.param_groups]

    def step(self, closure: None = None) -> None:
        for one in self.optimizers:
            one.step()

    def train(self) -> None:
        for one in self.optimizers:
            one.train()

    def eval(self) -> None:
        for one in self.optimizers:
            one.eval()

    def state_dict(self) -> dict[str, Any]:
        return {"separate": [one.state_dict() for one in self.optimizers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        states = state_dict.get("separate", [])
        if len(states) != len(self.optimizers):
            raise ValueError(f"it has {len(states)} separate optimizers, this run {len(self.optimizers)}")
        for one, state in zip(self.optimizers, states, strict=True):
            load_optimizer(one, state)
        self._share_groups()


@contextmanager
def averaged(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Within, the parameters are what a schedule-free optimizer has learnt; afterwards, to the bit, what it trains.

    Going there and back by its own eval() and train() would round, so that a run that saves would not equal one that
    doesn't. Other optimizers train what they have learnt: nothing changes.
    """
    if not is_averaging(optimizer):
        yield
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    kept = [parameter.detach().clone() for parameter in parameters]
    optimizer.eval()
    try:
        yield
    finally:
        optimizer.train()
        with torch.no_grad():
            for parameter, trained in zip(parameters, kept, strict=True):
                parameter.copy_(trained)


def is_averaging(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it is schedule-free: its param groups know whether they are trained or looked at."""
    return any("train_mode" in group for group in optimizer.param_groups)


def shown_rates(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Each part's highest rate at this step as it acts: what an adaptive optimizer found, times the schedule's."""
    shown: dict[str, float] = {}
    for group in optimizer.param_groups:
        shown[group["part"]] = max(_rate(optimizer, group), shown.get(group["part"], 0.0))
    return shown


def _rate(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> float:
    rate = group.get("lr")
    if rate is None:
        rate = optimizer._get_lr(group, optimizer.state[group["params"][0]]) if optimizer.state else 0.0
    return float(rate) * float(group.get("d", 1.0))


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Puts a state dict in as it was saved: torch turns its numbers into the parameters' precision, but
    ProdigyPlusScheduleFree keeps some in bf16 and computes with them as they are."""
    optimizer.load_state_dict(dict(saved))
    if isinstance(optimizer, SeparateOptimizers):
        return  # each of them was loaded by this function
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    for number, parameter in zip(numbers, parameters, strict=True):
        for name, value in saved["state"].get(number, {}).items():
            loaded = optimizer.state[parameter].get(name)
            if isinstance(value, torch.Tensor) and isinstance(loaded, torch.Tensor) and loaded.dtype != value.dtype:
                optimizer.state[parameter][name] = value.to(loaded.device)
