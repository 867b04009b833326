"""The optimizers' arguments as a table, so that wrong ones are found before a library or a model is loaded.

A test compares the table with the real classes' signatures. Light: standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .problems import Problem
from .settings import Settings
from .settings.convert import nearest


@dataclass(frozen=True)
class OptimizerSpec:
    """Where an optimizer comes from. `own`: arguments of ours that a user may change; `adaptive`: finds its own rate."""

    package: str
    import_path: str
    arguments: tuple[str, ...]
    own: dict[str, Any] = field(default_factory=dict)
    adaptive: bool = False


_BNB = ("betas", "weight_decay", "min_8bit_size")
TABLE: dict[str, OptimizerSpec] = {
    "AdamW": OptimizerSpec(
        "torch",
        "torch.optim.AdamW",
        ("betas", "eps", "weight_decay", "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused"),
        {"fused": True},
    ),
    "AdamW8bit": OptimizerSpec("bitsandbytes", "bitsandbytes.optim.AdamW8bit", (*_BNB, "eps", "is_paged")),
    "DAdaptAdam": OptimizerSpec(
        "dadaptation",
        "dadaptation.DAdaptAdam",
        ("betas", "eps", "weight_decay", "log_every", "decouple", "use_bias_correction", "d0", "growth_rate"),
        adaptive=True,
    ),
    "DAdaptLion": OptimizerSpec(
        "dadaptation", "dadaptation.DAdaptLion", ("betas", "weight_decay", "log_every", "d0"), adaptive=True
    ),
    "SGDNesterov": OptimizerSpec(
        "torch",
        "torch.optim.SGD",
        ("momentum", "dampening", "weight_decay", "maximize", "foreach", "differentiable", "fused"),
        {"momentum": 0.9, "nesterov": True},
    ),
    "SGDNesterov8bit": OptimizerSpec(
        "bitsandbytes",
        "bitsandbytes.optim.SGD8bit",
        ("momentum", "dampening", "weight_decay", "min_8bit_size"),
        {"momentum": 0.9, "nesterov": True},
    ),
    "AdaFactor": OptimizerSpec(
        "transformers",
        "transformers.optimization.Adafactor",
        ("eps", "clip_threshold", "decay_rate", "beta1", "weight_decay", "scale_parameter", "relative_step", "warmup_init"),
    ),
    "Lion": OptimizerSpec(
        "lion-pytorch", "lion_pytorch.Lion", ("betas", "weight_decay", "use_triton", "decoupled_weight_decay")
    ),
    "Lion8bit": OptimizerSpec("bitsandbytes", "bitsandbytes.optim.Lion8bit", (*_BNB, "is_paged")),
    "Prodigy": OptimizerSpec(
        "prodigyopt",
        "prodigyopt.Prodigy",
        (
            "betas",
            "beta3",
            "eps",
            "weight_decay",
            "decouple",
            "use_bias_correction",
            "safeguard_warmup",
            "d0",
            "d_coef",
            "growth_rate",
            "slice_p",
        ),
        adaptive=True,
    ),
}
_PAIRS = ("betas", "eps")
_FLAGS = (
    "amsgrad",
    "maximize",
    "foreach",
    "capturable",
    "differentiable",
    "fused",
    "decouple",
    "use_bias_correction",
    "is_paged",
    "scale_parameter",
    "relative_step",
    "warmup_init",
    "use_triton",
    "decoupled_weight_decay",
    "safeguard_warmup",
)


def optimizer_arguments(settings: Settings) -> dict[str, Any]:
    """The keyword arguments that the optimizer's class gets, but for its parameters and rates."""
    return {**TABLE[settings.optimizer_type].own, **settings.optimizer_options()}


def sets_own_schedule(settings: Settings) -> bool:
    """Whether the optimizer computes its rate from the step, so that rates and lr_scheduler don't count."""
    return settings.optimizer_type == "AdaFactor" and bool(settings.optimizer_options().get("relative_step", True))


def optimizer_problems(settings: Settings) -> list[Problem]:
    """What is wrong or worth knowing about the optimizer, its arguments and its rates."""
    name = settings.optimizer_type
    spec, options = TABLE[name], settings.optimizer_options()
    found = [*_argument_problems(name, spec, options)]
    rates = settings.learning_rates()
    trained = {part: rates[part] for part in ("unet_lr", "text_encoder_lr") if rates[part] and not _left_out(settings, part)}
    if spec.adaptive and len(set(trained.values())) > 1:
        found.append(
            Problem(
                "error",
                "rates-differ",
                f"{name} finds one rate for everything, but unet_lr is {rates['unet_lr']:g} "
                f"and text_encoder_lr {rates['text_encoder_lr']:g}.",
                "Give both the same value, usually 1.",
            )
        )
    elif spec.adaptive and trained and max(trained.values()) < 0.1:
        found.append(
            Problem(
                "warning",
                "rate-too-low",
                f"{name} finds its own rate and multiplies it by {max(trained.values()):g}: hardly anything will be learnt.",
                "Set learning_rate, unet_lr and text_encoder_lr to 1.",
            )
        )
    if not trained:
        found.append(
            Problem(
                "error",
                "nothing-trained",
                "Nothing would be trained: the learning rates of all parts are 0.",
                "Set unet_lr or text_encoder_lr.",
            )
        )
    if sets_own_schedule(settings):
        found.append(
            Problem(
                "note",
                "rates-unused",
                "AdaFactor with relative_step sets its own rate: learning rates and lr_scheduler don't count.",
                "Add relative_step=False to optimizer_args to use yours.",
            )
        )
    elif options.get("warmup_init") and name == "AdaFactor":
        found.append(
            Problem(
                "error", "bad-argument", "optimizer_args: warmup_init=True needs relative_step=True.", "Take one of them out."
            )
        )
    if name == "SGDNesterov8bit":
        found.append(
            Problem(
                "warning",
                "nesterov-ignored",
                "bitsandbytes' 8-bit SGD has momentum but no Nesterov step.",
                "Use SGDNesterov for the real one.",
            )
        )
    return found


def _left_out(settings: Settings, part: str) -> bool:
    return settings.network_train_unet_only if part == "text_encoder_lr" else settings.network_train_text_encoder_only


def _argument_problems(name: str, spec: OptimizerSpec, options: dict[str, Any]) -> list[Problem]:
    found = []
    for argument, value in options.items():
        if argument == "lr":
            found.append(
                Problem(
                    "error",
                    "bad-argument",
                    "optimizer_args: lr is not given here.",
                    "Use learning_rate, unet_lr or text_encoder_lr.",
                )
            )
        elif argument not in spec.arguments:
            guess = nearest(argument, spec.arguments)
            meant = f"Did you mean {guess}?" if guess else "It takes " + ", ".join(spec.arguments) + "."
            found.append(
                Problem("error", "unknown-optimizer-argument", f"optimizer_args: {name} has no argument {argument}.", meant)
            )
        elif not _fits(argument, value):
            kind = (
                "True or False"
                if argument in _FLAGS
                else "two numbers such as 0.9,0.999"
                if argument == "betas"
                else "a number"
            )
            found.append(Problem("error", "bad-argument", f"optimizer_args: {argument} must be {kind}, not {value!r}."))
    return found


def _fits(argument: str, value: Any) -> bool:
    if argument in _FLAGS:
        return isinstance(value, bool) or (value is None and argument in ("foreach", "fused"))
    if argument in _PAIRS and isinstance(value, (tuple, list)):
        return 2 <= len(value) <= 3 and all(isinstance(one, (int, float)) for one in value)
    if argument == "betas":
        return False
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
