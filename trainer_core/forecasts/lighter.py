"""What to change so that a run fits a GPU: from what costs nothing to what costs most of what is learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..problems import UserError
from ..settings import Settings
from .memory import Load, Memory

_EIGHT_BIT = {"AdamW": "AdamW8bit", "Lion": "Lion8bit", "SGDNesterov": "SGDNesterov8bit", "PagedAdamW": "PagedAdamW8bit"}
_LEAST_RANK, _SIZE_STEP = 8, 64
_WORTH = 0.995  # a change that leaves more than that of the memory is not worth a line

Change = Callable[[Settings], dict[str, Any]]
Ask = Callable[[Settings, Load], Memory]


@dataclass(frozen=True)
class Lighter:
    """A change of settings, and the memory in bytes with it and all changes before it; `cost`: what it costs, in words."""

    settings: dict[str, Any]
    cost: str
    peak: int


def _cached(settings: Settings) -> dict[str, Any]:
    return {} if settings.cache_latents else {"cache_latents": True}


def _half(settings: Settings) -> dict[str, Any]:
    return {"mixed_precision": "bf16"} if settings.mixed_precision == "no" else {}


def _optimizer(settings: Settings) -> dict[str, Any]:
    name = _EIGHT_BIT.get(settings.optimizer_type)
    return {"optimizer_type": name} if name and not settings.optimizer_args else {}


def _checkpointing(settings: Settings) -> dict[str, Any]:
    return {} if settings.gradient_checkpointing else {"gradient_checkpointing": True}


def _base(settings: Settings) -> dict[str, Any]:
    eight = settings.int8_base or settings.fp8_base
    return {} if eight or settings.fp8_base_unet else {"int8_base": True}


def _batch(settings: Settings) -> dict[str, Any]:
    """Half of the pictures at once, and twice as many times before a step: it learns the same."""
    if settings.dataset_config or settings.train_batch_size < 2:
        return {}
    accumulation = settings.gradient_accumulation_steps * 2
    return {"train_batch_size": settings.train_batch_size // 2, "gradient_accumulation_steps": accumulation}


def _unet_only(settings: Settings) -> dict[str, Any]:
    if settings.cache_text_encoder_outputs or settings.network_train_text_encoder_only:
        return {}
    return {"network_train_unet_only": True, "cache_text_encoder_outputs": True}


def _rank(settings: Settings) -> dict[str, Any]:
    rank, alpha = settings.network_dim or 4, settings.network_alpha
    if settings.dim_from_weights or rank // 2 < _LEAST_RANK:
        return {}
    same = {"network_alpha": float(rank // 2)} if "network_alpha" in settings.given and alpha > rank // 2 else {}
    return {"network_dim": rank // 2, **same}


def _resolution(settings: Settings) -> dict[str, Any]:
    """Three quarters of each side."""
    if settings.dataset_config or not settings.resolution:
        return {}
    sides = [side * 3 // 4 // _SIZE_STEP * _SIZE_STEP for side in settings.resolution]
    if min(sides) < 4 * _SIZE_STEP:
        return {}
    text = str(sides[0]) if len(set(sides)) == 1 else ",".join(map(str, sides))
    return {"resolution": text}


ORDER: tuple[tuple[Change, str], ...] = (
    (_cached, "nothing"),
    (_half, "nothing that can be seen"),
    (_optimizer, "hardly anything: its states are rounded to 8 bits"),
    (_checkpointing, "time: what was let go is computed a second time"),
    (_base, "some time, and a little of the base's precision"),
    (_batch, "time: a step takes its pictures one after the other"),
    (_unet_only, "the text encoder learns nothing"),
    (_rank, "the LoRA holds less"),
    (_resolution, "the LoRA learns fewer details"),
)


def lighter(settings: Settings, load: Load, now: int, fits: Callable[[int], bool], ask: Ask) -> tuple[Lighter, ...]:
    """The changes that make a run fit, in their order, none that can be left out; all that help where nothing is enough.

    now: the run's memory as it is; ask: the memory with other settings and another load.
    """
    taken: list[tuple[dict[str, Any], str]] = []
    for change, cost in ORDER:
        for _ in range(4):  # batch, rank and resolution may be lowered more than once
            tried = _try(settings, load, [*(one for one, _ in taken), change(_with(settings, taken))], ask)
            if fits(now) or tried is None or tried > now * _WORTH:
                break
            taken.append((change(_with(settings, taken)), cost))
            now = tried
    for one in list(taken):
        others = [other for other in taken if other is not one]
        without = _try(settings, load, [changes for changes, _ in others], ask)
        if without is not None and fits(without):
            taken = others
    found = []
    for count in range(1, len(taken) + 1):
        peak = _try(settings, load, [changes for changes, _ in taken[:count]], ask)
        found.append(Lighter(*taken[count - 1], peak=now if peak is None else peak))
    return tuple(found)


def _with(settings: Settings, taken: list[tuple[dict[str, Any], str]]) -> Settings:
    merged = {name: value for changes, _ in taken for name, value in changes.items()}
    return settings.replaced(**merged) if merged else settings


def _try(settings: Settings, load: Load, changes: list[dict[str, Any]], ask: Ask) -> int | None:
    """Bytes with the changes; None where they change nothing or can't be given together."""
    merged = {name: value for one in changes for name, value in one.items()}
    if changes and not changes[-1]:
        return None
    try:
        changed = settings.replaced(**merged) if merged else settings
        return ask(changed, _load(settings, changed, load)).peak
    except UserError:  # another setting rules it out
        return None


def _load(before: Settings, after: Settings, load: Load) -> Load:
    """The load under other settings: fewer pictures, smaller ones."""
    pictures = max(1, load.pictures * after.train_batch_size // before.train_batch_size)
    chunks = max(1, load.chunks * pictures // load.pictures)
    if not (before.resolution and after.resolution):
        return replace(load, pictures=pictures, chunks=chunks)
    shrink = (after.resolution[0] / before.resolution[0], after.resolution[1] / before.resolution[1])
    width, height = (int(side * by) // 8 * 8 for side, by in zip((load.width, load.height), shrink, strict=True))
    return replace(load, pictures=pictures, chunks=chunks, width=width, height=height)
