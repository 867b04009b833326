"""What a user should know about his settings before the run: errors, likely mistakes, and defaults that bite."""

from __future__ import annotations

from collections.abc import Sequence

from ..dataset.augment import face_place
from ..dataset.batches import bucket_items, pictures_of_a_batch
from ..dataset.items import Item, TrainingSet
from ..dataset.scan_report import count_of, names
from ..optimizer_checks import optimizer_problems
from ..optimizer_table import sets_own_rate, spec_of
from ..problems import Problem
from ..settings import Settings
from ..settings.network_kinds import is_lycoris

FEW_STEPS, USUAL_STEPS = 800, 1000
_LARGE_RATE = 0.01


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


def settings_problems(settings: Settings, steps: int) -> list[Problem]:
    return [
        *optimizer_problems(settings),
        *_rate_problems(settings),
        *_step_problems(settings, steps),
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
    return found


def _step_problems(settings: Settings, steps: int) -> list[Problem]:
    found, module = [], settings.network_module
    twice = 2 if is_lycoris(module, settings.network_options()["algo"]) else 1  # as the guide found for characters
    if 0 < steps < USUAL_STEPS * twice:
        least = FEW_STEPS * twice if steps < FEW_STEPS * twice else USUAL_STEPS * twice
        message = f"{steps} steps is little: under {least} a character is seldom learnt on a full-size model."
        found.append(Problem("note", "few-steps", message, "Raise max_train_epochs or max_train_steps."))
    if settings.max_train_epochs is None and "max_train_steps" not in settings.given:
        message = f"Neither max_train_epochs nor max_train_steps is given: the default is {settings.max_train_steps} steps."
        found.append(Problem("note", "steps-default", message, "Set max_train_epochs."))
    return found


def dataset_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    return [*_bucket_problems(training_set), *_face_problems(settings, training_set), *_reg_problems(training_set)]


def _bucket_problems(training_set: TrainingSet) -> list[Problem]:
    small = []
    for (dataset, (width, height)), items in sorted(bucket_items(training_set).items()):
        count, size = sum(item.copies for item in items), pictures_of_a_batch(training_set, dataset)
        if count < size:
            small.append(f"{width}×{height} ({count})")
    found = []
    if small:
        message = f"Sizes with fewer pictures than a batch takes, repeats counted, train in part batches: {', '.join(small)}."
        found.append(Problem("warning", "small-buckets", message, "Crop those pictures to a usual shape, or raise repeats."))
    enlarged = [item for item in training_set.items if not item.subset.is_reg and _enlargement(item) > 1.5]
    if enlarged:
        which = names([one.path for one in enlarged])
        message = f"{count_of(enlarged, 'picture')} enlarged more than 1.5 times, which teaches blur: {which}."
        found.append(Problem("warning", "enlarged", message, "Use larger pictures, a lower resolution or bucket_no_upscale."))
    return found


def _enlargement(item: Item) -> float:
    return item.fit.resized[0] / item.size[0]


def _face_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    """Face crops act rarely; where they don't, that is said."""
    wanted = [item for item in training_set.items if item.subset.options.face_crop_aug_range]
    if not wanted:
        return []
    with_buckets = any(training_set.datasets[item.subset.dataset].enable_bucket for item in wanted)
    if with_buckets:
        why = "it acts only without enable_bucket"
    elif settings.cache_latents:
        why = "latents are cached as the whole picture is cropped"
    elif not any(face_place(item.path) for item in wanted):
        why = "no file name ends with the face's place, _cx_cy_w_h"
    else:
        return []
    return [Problem("warning", "face-crop-idle", f"face_crop_aug_range does nothing: {why}.", "Take it out, or change that.")]


def _reg_problems(training_set: TrainingSet) -> list[Problem]:
    reg = [subset for subset in training_set.subsets if subset.is_reg]
    if not reg or any(item.subset.is_reg for item in training_set.items):
        return []
    message = f"There are no regularization pictures in {', '.join(str(one.folder) for one in reg)}: the run goes without."
    return [Problem("note", "reg-empty", message)]


def kept_files(settings: Settings, steps: int, epochs: int, steps_per_epoch: int) -> int:
    """How many LoRA files the run will leave, the final one included."""
    every = settings.save_every_n_epochs
    if settings.save_n_epoch_ratio:
        every = max(1, epochs // settings.save_n_epoch_ratio)
    of_epochs = _kept((epochs - 1) // every if every else 0, settings.save_last_n_epochs)
    last_steps = settings.save_last_n_steps
    every_steps = settings.save_every_n_steps
    of_steps = _kept(
        (steps - 1) // every_steps if every_steps else 0, last_steps // every_steps + 1 if last_steps and every_steps else None
    )
    times = 2 if settings.ema_decay and settings.ema_save == "beside" else 1
    return (1 + of_epochs + of_steps) * times


def _kept(saved: int, last: int | None) -> int:
    return max(saved, 0) if last is None else max(min(saved, last), 0)


def sorted_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Errors first, then warnings, then notes; each told once."""
    order = ("error", "warning", "note")
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: order.index(one.severity)))
