"""Mends of steps, rates, optimizer, noise and loss: settings only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..optimizer_table import spec_of
from .advice import resolved_rates, trained_parts
from .base_name import wanted_clip_skip
from .mend import Mend, Mender, sets, takes_out, with_arguments
from .own_pace import steps_to_learn
from .subject import wanted_steps

if TYPE_CHECKING:
    from ..plan import Plan

_RATES = {"unet_lr": 1e-4, "text_encoder_lr": 5e-5}
_NAMES = ("learning_rate", *_RATES)


def _steps(plan: Plan) -> Mend | None:
    """As many epochs as make the usual number of steps; steps where the user counts in steps."""
    if not plan.steps_per_epoch or plan.settings.stages:  # each stage has a length of its own
        return None
    wanted = wanted_steps(plan.settings, plan.training_set)[1]
    if plan.settings.max_train_epochs is None and "max_train_steps" in plan.settings.given:
        return Mend(settings={"max_train_steps": wanted})
    return Mend(settings={"max_train_epochs": -(-wanted // plan.steps_per_epoch)})


def _usual_rates(plan: Plan) -> Mend:
    """1 for optimizers that find their rate; else 1e-4, and half of it for the text encoder."""
    if spec_of(plan.settings).adaptive:
        return Mend(settings={"learning_rate": 1.0, **{name: None for name in _RATES if name in plan.settings.given}})
    return Mend(settings={"learning_rate": _RATES["unet_lr"]})


def _lower_rates(plan: Plan) -> Mend:
    """The rates that are far too high, at their usual height."""
    rates, parts = resolved_rates(plan.settings), trained_parts(plan.settings)
    return Mend(settings={name: usual for name, usual in _RATES.items() if name[:-3] in parts and rates[name] >= 0.01})


def _half_rate(plan: Plan) -> Mend:
    return Mend(settings={"text_encoder_lr": plan.learning_rates["unet_lr"] / 2})


def _full_rates(plan: Plan) -> Mend:
    """Multiples of what the optimizer finds: 1."""
    given = [name for name in _NAMES if name in plan.settings.given]
    return Mend(settings=dict.fromkeys(given or ["learning_rate"], 1.0))


def _clip_skip(plan: Plan) -> Mend | None:
    header = plan.header
    wanted = wanted_clip_skip(header) if header else None
    return Mend(settings={"clip_skip": wanted}) if wanted else None


def _plain_dadapt(plan: Plan) -> Mend:
    options = plan.settings.optimizer_options()
    missing = {name: value for name, value in (("growth_rate", "1.05"), ("momentum", "0.9")) if name not in options}
    return Mend(settings={"optimizer_args": with_arguments(plan.settings.optimizer_args, **missing)})


def _without_unknown(plan: Plan) -> Mend | None:
    """optimizer_args without those that the optimizer doesn't have."""
    known = spec_of(plan.settings).arguments
    if known is None:
        return None
    unknown: dict[str, Any] = {name: None for name in plan.settings.optimizer_options() if name not in known}
    return Mend(settings={"optimizer_args": with_arguments(plan.settings.optimizer_args, **unknown)})


def _without_slow_beginning(plan: Plan) -> Mend | None:
    """AdaFactor without warmup_init, where that is fast enough."""
    settings = plan.settings
    if not settings.optimizer_options().get("warmup_init"):
        return None
    arguments = with_arguments(settings.optimizer_args, warmup_init=None)
    needed = steps_to_learn(settings.replaced(optimizer_args=arguments))
    return Mend(settings={"optimizer_args": arguments}) if needed and plan.steps >= needed else None


def _without_idle_validation(plan: Plan) -> Mend | None:
    names = ("validation_seed", "validate_every_n_steps", "validate_every_n_epochs", "max_validation_steps")
    return takes_out(*names)(plan)


def _without_ignored(plan: Plan) -> Mend | None:
    """The settings that change nothing here."""
    from ..settings import ALL

    return takes_out(*(name for name, one in ALL.items() if one.treatment == "ignored"))(plan)


def _reg_seed(plan: Plan) -> Mend | None:
    """The seed with which the regularization pictures were drawn, where the run has none of its own."""
    from ..problems import UserError
    from ..reg.manifest import read_manifest

    if plan.settings.seed is not None:
        return None
    for folder in dict.fromkeys(subset.folder for subset in plan.training_set.subsets if subset.is_reg):
        try:
            manifest = read_manifest(folder)
        except UserError:  # a problem of its own
            continue
        seeds = sorted({entry.training_seed for entry in manifest.pictures.values()}) if manifest else []
        if seeds:
            return Mend(settings={"seed": seeds[0]})
    return None


def _warm_up(plan: Plan) -> Mend:
    """constant has a twin with a warm-up; the others have none to give."""
    constant = plan.settings.lr_scheduler == "constant" and not plan.settings.lr_scheduler_type
    return Mend(settings={"lr_scheduler": "constant_with_warmup"} if constant else {"lr_warmup_steps": None})


MENDS: dict[str, Mender] = {
    "few-steps": _steps,
    "steps-default": _steps,
    "learning-rate-default": _usual_rates,
    "learning-rate-high": _lower_rates,
    "learning-rate-low": lambda plan: Mend(settings={"unet_lr": _RATES["unet_lr"]}),
    "text-encoder-rate": _half_rate,
    "text-encoder-rate-high": _half_rate,
    "rate-too-low": _full_rates,
    "ia3-rate": sets(learning_rate=1e-3, unet_lr=1e-3, text_encoder_lr=1e-3),
    "clip-skip": _clip_skip,
    "clip-skip-family": takes_out("clip_skip"),
    "noise-offset-high": sets(noise_offset=0.1),
    "offset-zero-terminal": takes_out("noise_offset"),
    "min-snr-adaptive": takes_out("min_snr_gamma"),
    "restarts-adaptive": sets(lr_scheduler="constant"),
    "schedule-unused": takes_out("lr_scheduler", "lr_scheduler_type", "lr_warmup_steps"),
    "warmup-unused": _warm_up,
    "clipping-unwanted": sets(max_grad_norm=0.0),
    "dadapt-sgd": _plain_dadapt,
    "unknown-optimizer-argument": _without_unknown,
    "adafactor-slow": _without_slow_beginning,
    "nesterov-ignored": sets(optimizer_type="SGDNesterov"),
    "bf16-preferred": sets(mixed_precision="bf16"),
    "validation-unused": _without_idle_validation,
    "mask-unused": takes_out("conditioning_data_dir"),
    "setting-ignored": _without_ignored,
    "reg-seed": _reg_seed,
    "style-with-reg": takes_out("reg_data_dir", "prior_preservation"),
}
