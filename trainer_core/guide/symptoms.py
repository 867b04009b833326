"""From what one sees in a LoRA's pictures to the next run's values.

`python -m trainer_core advise --symptom CODE --settings FILE` shows them. Light: standard library only.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..optimizer_table import sets_own_rate, spec_of
from ..settings import Settings
from . import tables
from .facts import Reasoned, guide

_SEED = 420  # of the guide's scripts, where a run's own isn't known


@dataclass(frozen=True)
class Symptom:
    """What one sees, why that may be, and what to do: `mends` change settings, `advice` is for the user's own hands.

    A mend is (what it does, its figure, why); each kind of mend is a function in this file.
    """

    code: str
    sees: str
    causes: tuple[str, ...]
    mends: tuple[tuple[str, float, str], ...]
    advice: tuple[str, ...]
    line: str


@functools.cache
def symptoms() -> tuple[Symptom, ...]:
    """All symptoms, in the order in which lists show them."""
    return tables.rows("symptoms", "symptoms", Symptom)


def symptom(code: str) -> Symptom:
    """The symptom of that code; KeyError for another."""
    return {one.code: one for one in symptoms()}[code]


def next_run(code: str, settings: Settings) -> tuple[Reasoned, ...]:
    """The settings that the next run should have, in place of those of the run that was seen; empty where no setting helps."""
    found: dict[str, Reasoned] = {}
    one = symptom(code)
    for kind, figure, why in one.mends:
        for name, value, reason in _MENDS[kind](settings, figure, why):
            if value != getattr(settings, name):
                found[name] = Reasoned(name, value, reason, guide(one.line))
    return tuple(found.values())


Change = tuple[str, object, str]


def _rate(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    yield from _unet(settings, factor, why)
    if not sets_own_rate(settings):
        yield from _text(settings, factor, why)


def _unet(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    if sets_own_rate(settings):
        yield from _damp(settings, factor, why)
        return
    old = settings.learning_rates()["unet_lr"]
    new = _times(settings, old, factor)
    yield "unet_lr", new, f"The UNet's rate was {old:g}: {why}."
    yield "learning_rate", new, "The same as the UNet's."
    if settings.text_encoder_lr is None and not settings.network_train_unet_only:
        kept = settings.learning_rates()["text_encoder_lr"]
        yield "text_encoder_lr", (kept,), "The rate that the text encoder had, which it took from learning_rate."


def _text(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    if sets_own_rate(settings) or settings.network_train_unet_only:
        return
    old = settings.learning_rates()["text_encoder_lr"]
    yield "text_encoder_lr", (_times(settings, old, factor),), f"The text encoder's rate was {old:g}: {why}."


def _times(settings: Settings, rate: float, factor: float) -> float:
    """A rate times a factor; a multiple of what an optimizer finds for itself stays between 0.1 and 2."""
    new = rate * factor
    return float(f"{min(max(new, 0.1), 2.0) if spec_of(settings).adaptive else new:.3g}")


def _damp(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    """Where the optimizer knows no rate of the user's, alpha takes its place."""
    rank = settings.network_dim or 4
    old = settings.network_alpha or rank
    new = float(f"{min(max(old * factor, 1.0), rank):.3g}")
    yield "network_alpha", new, f"{settings.optimizer_type} sets its own rate, and alpha damps as well: {why}."


def _alpha(settings: Settings, share: float, why: str) -> Iterator[Change]:
    rank = settings.network_dim or 4
    if settings.network_alpha > rank * share:
        yield "network_alpha", float(rank * share), f"Alpha was {settings.network_alpha:g} with rank {rank}: {why}."


def _length(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    if settings.max_train_epochs:
        old = settings.max_train_epochs
        rounded = math.ceil(old * factor) if factor > 1 else math.floor(old * factor)
        yield "max_train_epochs", max(1, rounded), f"It ran {old} epochs: {why}."
    else:
        old = settings.max_train_steps
        yield "max_train_steps", max(1, round(old * factor)), f"It ran {old} steps: {why}."


def _epochs(settings: Settings, more: float, why: str) -> Iterator[Change]:
    if settings.max_train_epochs:
        old = settings.max_train_epochs
        yield "max_train_epochs", max(1, old + int(more)), f"It ran {old} epochs: {why}."
    else:
        old = settings.max_train_steps
        yield "max_train_steps", max(1, old + 100 * int(more)), f"It ran {old} steps: {why}, some 100 steps each."


def _rank(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    old = settings.network_dim or 4
    new = max(1, round(old * factor))
    yield "network_dim", new, f"The rank was {old}: {why}."
    if settings.network_alpha > new:
        yield "network_alpha", float(new), "Alpha stays at or below the rank."


def _resolution(settings: Settings, more: float, why: str) -> Iterator[Change]:
    if settings.resolution is None:
        return
    step = int(more)
    width, height = settings.resolution
    yield "resolution", (width + step, height + step), f"It was trained at {width}×{height}: {why}."
    if settings.enable_bucket and max(width, height) + step > settings.max_bucket_reso:
        yield "max_bucket_reso", max(width, height) + step, "Buckets must reach the resolution."


def _noise_offset(settings: Settings, value: float, why: str) -> Iterator[Change]:
    if value or settings.noise_offset:
        yield "noise_offset", value or None, f"It was {settings.noise_offset or 0:g}: {why}."


def _norms(settings: Settings, value: float, why: str) -> Iterator[Change]:
    if not spec_of(settings).averages and settings.scale_weight_norms is None:
        yield "scale_weight_norms", value, f"{why[0].upper()}{why[1:]}."


def _flip(settings: Settings, _value: float, why: str) -> Iterator[Change]:
    yield "flip_aug", True, f"{why[0].upper()}{why[1:]}."


def _reg(settings: Settings, factor: float, why: str) -> Iterator[Change]:
    if settings.reg_data_dir is None:
        yield from _length(settings, factor, why)


def _no_reg(settings: Settings, _value: float, why: str) -> Iterator[Change]:
    if settings.reg_data_dir is not None:
        yield "reg_data_dir", None, f"It had {settings.reg_data_dir}: {why}."


def _lierla(settings: Settings, _value: float, why: str) -> Iterator[Change]:
    if settings.network_module != "networks.lora" or settings.network_options()["algo"]:
        yield "network_module", "networks.lora", f"{why[0].upper()}{why[1:]}."
        yield "network_args", None, "Arguments of the other kind of network don't count any more."


def _precision(settings: Settings, _value: float, why: str) -> Iterator[Change]:
    if settings.mixed_precision == "fp16":
        yield "mixed_precision", "bf16", f"It was fp16: take {why}; leave fp16 where the GPU doesn't know bf16."


def _seed(settings: Settings, more: float, why: str) -> Iterator[Change]:
    old = _SEED if settings.seed is None else settings.seed
    yield "seed", old + int(more), f"It was {old}: {why}."


def _adaptive(settings: Settings, rate: float, why: str) -> Iterator[Change]:
    if spec_of(settings).adaptive:
        yield from _unet(settings, 0.5, "it finds its own rate and still burns, so half of it")
        return
    row = tables.optimizer("Prodigy")
    assert row is not None
    yield "optimizer_type", row.code, f"It was {settings.optimizer_type}: {why}."
    yield "optimizer_args", row.arguments, "Prodigy's arguments."
    yield "learning_rate", rate, "A multiple of the rate that Prodigy finds."
    yield "unet_lr", rate, "A multiple of the rate that Prodigy finds."
    yield "text_encoder_lr", (rate,), "A multiple of the rate that Prodigy finds."
    yield "lr_scheduler", "constant", "What finds its own rate needs no schedule."


_MENDS: dict[str, Callable[[Settings, float, str], Iterator[Change]]] = {
    "rate": _rate,
    "unet": _unet,
    "text": _text,
    "alpha": _alpha,
    "length": _length,
    "epochs": _epochs,
    "rank": _rank,
    "resolution": _resolution,
    "noise_offset": _noise_offset,
    "norms": _norms,
    "flip": _flip,
    "reg": _reg,
    "no_reg": _no_reg,
    "lierla": _lierla,
    "precision": _precision,
    "seed": _seed,
    "adaptive": _adaptive,
}
