"""What is wrong or worth knowing about the optimizer, its arguments, rates and schedule, found before anything is loaded.

Light: standard library only.
"""

from __future__ import annotations

from typing import Any

from .optimizer_table import WITHOUT_WARM_UP, OptimizerSpec, sets_own_rate, spec_of
from .problems import Problem
from .settings import Settings
from .settings.convert import nearest

_TUPLES = ("betas", "eps")
_FLAGS = (
    "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused", "decouple", "use_bias_correction", "is_paged",
    "scale_parameter", "relative_step", "warmup_init", "use_triton", "decoupled_weight_decay", "safeguard_warmup",
    "weight_decouple", "fixed_decay", "ams_bound", "no_prox", "silent_sgd_phase", "weight_decay_by_lr", "d_limiter",
    "split_groups", "split_groups_mean", "factored", "factored_fp32", "use_stableadamw", "use_schedulefree", "use_speed",
    "stochastic_rounding", "use_cautious", "use_grams", "use_adopt", "use_orthograd", "use_focus",
)  # fmt: skip
_SCHEDULE_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "constant": (),
    "constant_with_warmup": (),
    "linear": (),
    "cosine": ("num_cycles",),
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "adafactor": (),
    "piecewise_constant": ("step_rules",),
    "inverse_sqrt": ("timescale",),
    "cosine_with_min_lr": ("num_cycles", "min_lr", "min_lr_rate"),
    "warmup_stable_decay": (
        "num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles",
    ),
}  # fmt: skip


def optimizer_problems(settings: Settings) -> list[Problem]:
    """Errors keep the run from starting; warnings and notes tell what a user would not expect."""
    return [
        *_argument_problems(settings),
        *_rate_problems(settings),
        *_lora_plus_problems(settings),
        *_schedule_problems(settings),
        *_pairs(settings),
        *_of_one_optimizer(settings),
    ]


def trained_rates(settings: Settings) -> dict[str, float]:
    """The rates above zero of the parts that aren't left out, under their settings' names."""
    left_out = {"unet_lr": settings.network_train_text_encoder_only}
    rates = settings.learning_rates()
    if rates["text_encoder_2_lr"] == rates["text_encoder_lr"]:
        del rates["text_encoder_2_lr"]  # most models have one, and those with two mostly train both alike
    return {
        name: rate
        for name, rate in rates.items()
        if name != "learning_rate" and rate and not left_out.get(name, settings.network_train_unet_only)
    }


def _argument_problems(settings: Settings) -> list[Problem]:
    name, spec = settings.optimizer_type, spec_of(settings)
    found = []
    for argument, value in settings.optimizer_options().items():
        if argument == "lr":
            message = "optimizer_args: lr is not given here."
            found.append(_error("bad-argument", message, "Use learning_rate, unet_lr or text_encoder_lr."))
        elif spec.arguments is None:
            continue  # seen by the class itself, before the model is loaded
        elif argument not in spec.arguments:
            message = f"optimizer_args: {name} has no argument {argument}."
            found.append(_error("unknown-optimizer-argument", message, _meant(argument, spec.arguments)))
        elif not _fits(argument, value) or (argument == "betas" and _takes_three(spec) and len(value) != 3):
            message = f"optimizer_args: {argument} must be {_kind(argument, spec)}, not {value!r}."
            found.append(_error("bad-argument", message))
    return found


def _rate_problems(settings: Settings) -> list[Problem]:
    trained, spec, name = trained_rates(settings), spec_of(settings), settings.optimizer_type
    if not trained:
        message = "Nothing would be trained: the learning rates of all parts are 0."
        return [_error("nothing-trained", message, "Set unet_lr or text_encoder_lr.")]
    if sets_own_rate(settings):
        message = "AdaFactor with relative_step sets its own rate: learning rates and lr_scheduler don't count."
        return [Problem("note", "rates-unused", message, "Add relative_step=False to optimizer_args to use yours.")]
    if not spec.adaptive:
        return []
    found = []
    if len(set(trained.values())) > 1:
        shown = ", ".join(f"{part} {rate:g}" for part, rate in trained.items())
        message = f"{name} finds one rate for everything; since {shown} differ, each part gets a {name} of its own."
        found.append(Problem("note", "rates-differ", message, "What each finds is multiplied by its rate."))
    if max(trained.values()) < 0.1:
        message = f"{name} finds its own rate and multiplies it by {max(trained.values()):g}: hardly anything will be learnt."
        fix = "Set learning_rate, unet_lr and text_encoder_lr to 1."
        found.append(Problem("warning", "rate-too-low", message, fix))
    return found


def lora_plus_ratios(settings: Settings) -> dict[str, float]:
    """LoRA+ (Hayou et al. 2024): how many times faster ups learn than downs, by part; empty without it."""
    options = settings.network_options()
    both = options.get("loraplus_lr_ratio")
    unet = options.get("loraplus_unet_lr_ratio") or both
    text_encoder = options.get("loraplus_text_encoder_lr_ratio") or both
    return {part: float(ratio) for part, ratio in (("unet", unet), ("text_encoder", text_encoder)) if ratio}


def _lora_plus_problems(settings: Settings) -> list[Problem]:
    if not lora_plus_ratios(settings):
        return []
    name = settings.optimizer_type
    if spec_of(settings).adaptive:
        message = f"LoRA+ (loraplus_lr_ratio) doesn't go with {name}, which finds one rate for ups and downs."
        return [_error("loraplus-adaptive", message, "Take it out of network_args, or use AdamW.")]
    if sets_own_rate(settings):
        message = "LoRA+ (loraplus_lr_ratio) has no effect on AdaFactor with relative_step, which sets its own rate."
        return [_error("loraplus-adaptive", message, "Take it out of network_args, or add relative_step=False.")]
    return []


def _schedule_problems(settings: Settings) -> list[Problem]:
    name, spec, options = settings.lr_scheduler, spec_of(settings), settings.scheduler_options()
    if spec.averages:
        asked = [one for one in ("lr_scheduler_type", "lr_warmup_steps") if getattr(settings, one)]
        asked += ["lr_scheduler"] if name != "constant" else []
        if not asked:
            return []
        takes = "warmup_steps" in (spec.arguments or ())
        fix = "Give the warm-up as warmup_steps in optimizer_args." if takes else "Take it out."
        message = f"{settings.optimizer_type} needs no schedule, and takes nothing from {', '.join(sorted(asked))}."
        return [Problem("note", "schedule-unused", message, fix)]
    if settings.lr_scheduler_type:
        return _unused_warm_up(settings, settings.lr_scheduler_type)  # its class sees its arguments itself, before a model
    if name == "adafactor" and not sets_own_rate(settings):
        message = "lr_scheduler adafactor belongs to AdaFactor with relative_step."
        return [_error("schedule-conflict", message, "Choose another schedule, for instance constant.")]
    known = _SCHEDULE_ARGUMENTS[name]
    found = [
        _error("unknown-schedule-argument", f"lr_scheduler_args: {name} has no argument {one}.", _meant(one, known))
        for one in options
        if one not in known
    ]
    if name == "piecewise_constant" and "step_rules" not in options:
        message = "lr_scheduler piecewise_constant needs step_rules in lr_scheduler_args."
        found.append(_error("bad-argument", message, 'For instance "step_rules=1:500,0.1": all of the rate for 500 steps.'))
    if name in WITHOUT_WARM_UP and not sets_own_rate(settings):
        found += _unused_warm_up(settings, name)
    if spec.adaptive and name == "cosine_with_restarts" and settings.lr_scheduler_num_cycles > 1:
        message = f"Restarts of the schedule confuse {settings.optimizer_type}, which finds its own rate."
        found.append(Problem("warning", "restarts-adaptive", message, "constant or cosine is usual."))
    return found


def _unused_warm_up(settings: Settings, name: str) -> list[Problem]:
    if not settings.lr_warmup_steps:
        return []
    message = f"lr_scheduler {name} has no warm-up: lr_warmup_steps does nothing."
    fix = "Set lr_scheduler to constant_with_warmup." if name == "constant" else "Take it out."
    return [Problem("warning", "warmup-unused", message, fix)]


def _pairs(settings: Settings) -> list[Problem]:
    """Settings that don't go with a kind of optimizer."""
    spec, name, found = spec_of(settings), settings.optimizer_type, []
    if spec.averages and settings.scale_weight_norms:
        message = f"scale_weight_norms doesn't go with {name}, which keeps two versions of the weights."
        found.append(_error("norms-averages", message, "Take it out, or choose another optimizer."))
    if spec.averages and settings.ema_decay:
        message = f"ema_decay doesn't go with {name}, which averages the weights by itself."
        found.append(_error("ema-averages", message, "Take ema_decay out."))
    if settings.min_snr_gamma and name.startswith(("DAdapt", "AdaFactor")):
        message = f"min_snr_gamma may clash with {name}, which finds its rate from the loss that it changes."
        found.append(Problem("note", "min-snr-adaptive", message, "Train without it if little is learnt."))
    return found


def _of_one_optimizer(settings: Settings) -> list[Problem]:
    name, options = settings.optimizer_type, settings.optimizer_options()
    found = []
    if name == "AdaFactor" and options.get("warmup_init") and not sets_own_rate(settings):
        message = "optimizer_args: warmup_init=True needs relative_step=True."
        found.append(_error("bad-argument", message, "Take one of them out."))
    if name == "SGDNesterov8bit":
        message = "bitsandbytes' 8-bit SGD has momentum but no Nesterov step."
        found.append(Problem("warning", "nesterov-ignored", message, "Use SGDNesterov for the real one."))
    if name.startswith("SGDNesterov"):
        message = f"{name} learns slowly: 2000 steps are far too few at usual rates."
        found.append(Problem("note", "sgd-slow", message, "AdamW or an optimizer that finds its own rate needs fewer."))
    if spec_of(settings).adaptive and settings.network_weights and not settings.resume:
        message = f"{name} needs 50 to 200 steps to find its rate anew for a LoRA from network_weights."
        fix = "Train so many steps more, or go on from a saved state with resume."
        found.append(Problem("note", "rate-anew", message, fix))
    if name == "DAdaptSGD" and "growth_rate" not in options:
        message = "DAdaptSGD often finds a rate that is far too high, and the run ends with a loss that is no number."
        fix = 'Add "growth_rate=1.05" "momentum=0.9" to optimizer_args, or use DAdaptAdam.'
        found.append(Problem("warning", "dadapt-sgd", message, fix))
    if name == "ProdigyPlusScheduleFree" and settings.max_grad_norm and "max_grad_norm" in settings.given:
        message = "Shortened gradients mislead ProdigyPlusScheduleFree, which keeps them in bounds by itself."
        found.append(Problem("warning", "clipping-unwanted", message, "Set max_grad_norm to 0."))
    return found


def _error(code: str, message: str, fix: str = "") -> Problem:
    return Problem("error", code, message, fix)


def _meant(argument: str, known: tuple[str, ...]) -> str:
    guess = nearest(argument, known)
    return f"Did you mean {guess}?" if guess else f"It takes {', '.join(known) or 'none'}."


def _kind(argument: str, spec: OptimizerSpec) -> str:
    if argument in _FLAGS:
        return "True or False"
    if argument == "betas":
        return "three numbers such as 0.98,0.92,0.99" if _takes_three(spec) else "two numbers such as 0.9,0.999"
    return "a number"


def _takes_three(spec: OptimizerSpec) -> bool:
    return "no_prox" in (spec.arguments or ())


def _fits(argument: str, value: Any) -> bool:
    if argument in _FLAGS:
        return isinstance(value, bool) or (value is None and argument in ("foreach", "fused"))
    if argument in _TUPLES and isinstance(value, (tuple, list)):
        return 2 <= len(value) <= 3 and all(isinstance(one, (int, float)) for one in value)
    if argument == "betas":
        return False
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
