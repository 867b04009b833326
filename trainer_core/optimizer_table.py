"""The optimizers as a table: where each comes from, which arguments it takes, and how it finds its rates.

A test compares the table with the real classes' signatures. Light: standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .settings import Settings


@dataclass(frozen=True)
class OptimizerSpec:
    """Where an optimizer comes from, and how it learns.

    arguments: those it takes, or None where they are only seen when the class is loaded. own: arguments of ours that a
    user may change. adaptive: finds its own rate, of which the settings' rates are multiples. averages: what it trains
    is not what it has learnt (schedule-free), and the schedule is its own.
    """

    package: str
    import_path: str
    arguments: tuple[str, ...] | None
    own: dict[str, Any] = field(default_factory=dict)
    adaptive: bool = False
    averages: bool = False


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters of a part ("unet", "text_encoder", …) that learn at one rate.

    factor: their block's weight, times the part's rate. is_up: they are the ups of a LoRA, which LoRA+ treats apart.
    """

    part: str
    parameters: Sequence[Any]
    factor: float = 1.0
    is_up: bool = False


_BNB = ("betas", "weight_decay", "min_8bit_size")
_DADAPT = ("weight_decay", "log_every", "d0")
_FREE = ("weight_decay", "r", "weight_lr_power", "foreach")


def _bitsandbytes(name: str, *arguments: str, **own: Any) -> OptimizerSpec:
    return OptimizerSpec("bitsandbytes", f"bitsandbytes.optim.{name}", arguments, own)


def _dadaptation(name: str, *arguments: str, module: str = "dadaptation") -> OptimizerSpec:
    return OptimizerSpec("dadaptation", f"{module}.{name}", (*_DADAPT, *arguments), adaptive=True)


def _schedule_free(name: str, *arguments: str) -> OptimizerSpec:
    return OptimizerSpec("schedulefree", f"schedulefree.{name}", (*_FREE, *arguments), averages=True)


WITHOUT_WARM_UP = ("constant", "piecewise_constant")  # schedules to which lr_warmup_steps is nothing
TABLE: dict[str, OptimizerSpec] = {
    "AdamW": OptimizerSpec(
        "torch",
        "torch.optim.AdamW",
        ("betas", "eps", "weight_decay", "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused"),
        {"fused": True},
    ),
    "AdamW8bit": _bitsandbytes("AdamW8bit", *_BNB, "eps", "is_paged"),
    "PagedAdamW": _bitsandbytes("PagedAdamW", *_BNB, "eps"),
    "PagedAdamW8bit": _bitsandbytes("PagedAdamW8bit", *_BNB, "eps"),
    "PagedAdamW32bit": _bitsandbytes("PagedAdamW32bit", *_BNB, "eps"),
    "Lion": OptimizerSpec(
        "lion-pytorch", "lion_pytorch.Lion", ("betas", "weight_decay", "use_triton", "decoupled_weight_decay")
    ),
    "Lion8bit": _bitsandbytes("Lion8bit", *_BNB, "is_paged"),
    "PagedLion8bit": _bitsandbytes("PagedLion8bit", *_BNB),
    "SGDNesterov": OptimizerSpec(
        "torch",
        "torch.optim.SGD",
        ("momentum", "dampening", "weight_decay", "maximize", "foreach", "differentiable", "fused"),
        {"momentum": 0.9, "nesterov": True},
    ),
    "SGDNesterov8bit": _bitsandbytes(
        "SGD8bit", "momentum", "dampening", "weight_decay", "min_8bit_size", momentum=0.9, nesterov=True
    ),
    "AdaFactor": OptimizerSpec(
        "transformers",
        "transformers.optimization.Adafactor",
        ("eps", "clip_threshold", "decay_rate", "beta1", "weight_decay", "scale_parameter", "relative_step", "warmup_init"),
    ),
    "CAME": OptimizerSpec(
        "pytorch_optimizer",
        "pytorch_optimizer.CAME",
        ("betas", "weight_decay", "weight_decouple", "fixed_decay", "clip_threshold", "ams_bound", "eps1", "eps2", "maximize",
         "foreach"),
    ),
    "DAdaptAdam": _dadaptation("DAdaptAdam", "betas", "eps", "decouple", "use_bias_correction", "growth_rate"),
    "DAdaptAdaGrad": _dadaptation("DAdaptAdaGrad", "momentum", "eps", "growth_rate"),
    "DAdaptAdan": _dadaptation("DAdaptAdan", "betas", "eps", "no_prox", "growth_rate"),
    "DAdaptAdanIP": _dadaptation("DAdaptAdanIP", "betas", "eps", "no_prox", "growth_rate", module="dadaptation.experimental"),
    "DAdaptLion": _dadaptation("DAdaptLion", "betas"),
    "DAdaptSGD": _dadaptation("DAdaptSGD", "momentum", "growth_rate"),
    "Prodigy": OptimizerSpec(
        "prodigyopt",
        "prodigyopt.Prodigy",
        ("betas", "beta3", "eps", "weight_decay", "decouple", "use_bias_correction", "safeguard_warmup", "d0", "d_coef",
         "growth_rate", "slice_p"),
        adaptive=True,
    ),
    "AdamWScheduleFree": _schedule_free("AdamWScheduleFree", "betas", "eps", "warmup_steps"),
    "RAdamScheduleFree": _schedule_free("RAdamScheduleFree", "betas", "eps", "silent_sgd_phase"),
    "SGDScheduleFree": _schedule_free("SGDScheduleFree", "momentum", "warmup_steps"),
    "ProdigyPlusScheduleFree": OptimizerSpec(
        "prodigy-plus-schedule-free",
        "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree",
        ("betas", "beta3", "weight_decay", "weight_decay_by_lr", "d0", "d_coef", "d_limiter", "prodigy_steps",
         "schedulefree_c", "eps", "split_groups", "split_groups_mean", "factored", "factored_fp32", "use_bias_correction",
         "use_stableadamw", "use_schedulefree", "use_speed", "stochastic_rounding", "use_cautious", "use_grams", "use_adopt",
         "use_orthograd", "use_focus"),
        adaptive=True,
        averages=True,
    ),
}  # fmt: skip


def spec_of(settings: Settings) -> OptimizerSpec:
    """The table's entry, or what the name of a class says: D-Adaptation and Prodigy find rates, ScheduleFree averages."""
    name = settings.optimizer_type
    if name in TABLE:
        return TABLE[name]
    class_name = name.rpartition(".")[2].lower()
    return OptimizerSpec(
        name.partition(".")[0],
        name,
        None,
        adaptive=class_name.startswith(("dadapt", "prodigy")),
        averages=class_name.endswith("schedulefree"),
    )


def optimizer_arguments(settings: Settings) -> dict[str, Any]:
    """The keyword arguments that the optimizer's class gets, but for its parameters and rates."""
    return {**spec_of(settings).own, **settings.optimizer_options()}


def sets_own_rate(settings: Settings) -> bool:
    """Whether the optimizer computes its rate from the step, so that the settings' rates don't count."""
    return settings.optimizer_type == "AdaFactor" and bool(settings.optimizer_options().get("relative_step", True))


def sets_own_schedule(settings: Settings) -> bool:
    """Whether lr_scheduler and its warm-up don't count: with AdaFactor's relative step, and without a schedule."""
    return sets_own_rate(settings) or spec_of(settings).averages
