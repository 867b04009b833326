"""What a user should know about his settings before the run: errors, likely mistakes, and defaults that bite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..optimizer_checks import optimizer_problems
from ..optimizer_table import sets_own_rate, spec_of
from ..problems import Problem
from ..settings import Settings

_LARGE_RATE, _SMALL_RATE = 0.01, 1e-5


def trained_parts(settings: Settings) -> tuple[str, ...]:
    """The parts that will learn: wanted, and with a rate above zero."""
    no_text = settings.network_train_unet_only
    left_out = {"unet": settings.network_train_text_encoder_only, "text_encoder": no_text, "text_encoder_2": no_text}
    rates = settings.learning_rates()
    return tuple(part for part, out in left_out.items() if not out and rates[f"{part}_lr"])


def resolved_rates(settings: Settings) -> dict[str, float]:
    """learning_rate, and the rates that UNet and text encoders will get: 0 where a part isn't trained.

    A second text encoder is named only where it has a rate of its own.
    """
    rates, parts = settings.learning_rates(), trained_parts(settings)
    if rates["text_encoder_2_lr"] == rates["text_encoder_lr"]:
        del rates["text_encoder_2_lr"]
    return {name: rate if name == "learning_rate" or name[:-3] in parts else 0.0 for name, rate in rates.items()}


def settings_problems(settings: Settings) -> list[Problem]:
    return [
        *optimizer_problems(settings),
        *_rate_problems(settings),
    ]


def _rate_problems(settings: Settings) -> list[Problem]:
    if sets_own_rate(settings):
        return []
    found, rates, parts = [], resolved_rates(settings), trained_parts(settings)
    inheriting = [part for part in parts if part != "text_encoder_2" and not getattr(settings, f"{part}_lr")]
    adaptive = spec_of(settings).adaptive
    if inheriting and "learning_rate" not in settings.given:
        message = f"learning_rate isn't given, and its default {settings.learning_rate:g} (kohya's) is far too low for a LoRA."
        fix = f"Set learning_rate to {'1' if adaptive else '1e-4'}."
        found.append(Problem("warning", "learning-rate-default", message, fix))
    elif "text_encoder" in inheriting and not adaptive:
        message = f"text_encoder_lr isn't given: the text encoder will get learning_rate, {rates['text_encoder_lr']:g}."
        found.append(Problem("note", "text-encoder-rate", message, "Half of unet_lr is usual, for instance 5e-5."))
    high = {name: rate for name, rate in rates.items() if name[:-3] in parts and rate >= _LARGE_RATE}
    if high and not adaptive:
        shown = ", ".join(f"{name} {rate:g}" for name, rate in high.items())
        message = f"{shown} is very high for {settings.optimizer_type}: the LoRA will learn noise."
        found.append(Problem("warning", "learning-rate-high", message, "1e-4 is usual."))
    return found if adaptive else [*found, *_range_problems(settings, rates, parts)]


def _range_problems(settings: Settings, rates: Mapping[str, float], parts: Sequence[str]) -> list[Problem]:
    """Rates outside of what the guide (l. 448-449, 462) gives, for optimizers that take them as they are."""
    found = []
    unet, text = rates["unet_lr"], rates["text_encoder_lr"]
    if (
        "unet" in parts
        and unet < _SMALL_RATE
        and settings.given & {"unet_lr", "learning_rate"}
        and "Lion" not in settings.optimizer_type
    ):
        message = f"The UNet's rate {unet:g} is very low for {settings.optimizer_type}: hardly anything will be learnt."
        found.append(Problem("note", "learning-rate-low", message, "1e-4 is usual."))
    if {"unet", "text_encoder"} <= set(parts) and text > unet and settings.text_encoder_lr:
        message = f"text_encoder_lr {text:g} is above the UNet's rate {unet:g}: words learn before pictures do."
        found.append(Problem("note", "text-encoder-rate-high", message, "Half of the UNet's rate is usual."))
    return found


def sorted_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Errors first, then warnings, then notes; each told once."""
    order = ("error", "warning", "note")
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: order.index(one.severity)))
