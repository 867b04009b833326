"""Settings of the optimizer, the learning rates and their schedule."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Optimizer and learning rate"
_setting = partial(Setting, group=GROUP)

OPTIMIZERS: tuple[str, ...] = (
    "AdamW",
    "AdamW8bit",
    "PagedAdamW",
    "PagedAdamW8bit",
    "PagedAdamW32bit",
    "Lion",
    "Lion8bit",
    "PagedLion8bit",
    "SGDNesterov",
    "SGDNesterov8bit",
    "AdaFactor",
    "CAME",
    "DAdaptAdam",
    "DAdaptAdaGrad",
    "DAdaptAdan",
    "DAdaptAdanIP",
    "DAdaptLion",
    "DAdaptSGD",
    "Prodigy",
    "AdamWScheduleFree",
    "RAdamScheduleFree",
    "SGDScheduleFree",
    "ProdigyPlusScheduleFree",
)
# Other names of the same things, among them the guide's misspelling and the name that older scripts used.
OPTIMIZER_ALIASES: dict[str, str] = {
    "sdgnesterov8bit": "SGDNesterov8bit",
    "sdgnesterov": "SGDNesterov",
    "dadaptation": "DAdaptAdam",
    "dadaptadampreprint": "DAdaptAdam",
    "prodigyplus.prodigyplusschedulefree": "ProdigyPlusScheduleFree",
}
# Optimizers and schedules may also be given as a Python class of these packages, which the environment has.
CLASS_ROOTS: tuple[str, ...] = (
    "torch.optim",
    "bitsandbytes.optim",
    "transformers.optimization",
    "pytorch_optimizer",
    "dadaptation",
    "prodigyopt",
    "lion_pytorch",
    "schedulefree",
    "prodigyplus",
)
SCHEDULERS: tuple[str, ...] = (
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "adafactor",
    "piecewise_constant",
    "inverse_sqrt",
    "cosine_with_min_lr",
    "warmup_stable_decay",
)

OPTIMIZER: tuple[Setting, ...] = (
    _setting(
        "optimizer_type",
        "str",
        "",
        "Optimizer, in any letter case: "
        + ", ".join(OPTIMIZERS)
        + "; or a class such as bitsandbytes.optim.AdEMAMix8bit; AdamW unless given.",
        label="Optimizer",
    ),
    _setting(
        "optimizer_args",
        "strings",
        None,
        'Arguments of the optimizer as name=value, for instance "decouple=True".',
        label="Optimizer arguments",
    ),
    _setting(
        "learning_rate",
        "float",
        2e-6,
        "Learning rate of all that has none of its own: 0.0001 to 0.005, or 1 with an optimizer that finds its own.",
        label="Learning rate",
        minimum=0,
    ),
    _setting(
        "unet_lr",
        "float",
        None,
        "Learning rate of the UNet: 0.0001 to 0.005, 0.0001 is usual; learning_rate unless given.",
        label="UNet learning rate",
        minimum=0,
    ),
    _setting(
        "text_encoder_lr",
        "floats",
        None,
        "Learning rate of the text encoder: 0.00001 to 0.00005, 0.00005 is usual; learning_rate unless given.",
        label="Text encoder learning rate",
        minimum=0,
    ),
    _setting(
        "max_grad_norm",
        "float",
        1.0,
        "Gradients longer than this are shortened to it; 0 turns that off.",
        label="Gradient clipping",
        minimum=0,
        advanced=True,
    ),
    _setting(
        "use_8bit_adam",
        "flag",
        False,
        "Old way to write optimizer_type AdamW8bit.",
        label="AdamW8bit (old flag)",
        conflicts=("use_lion_optimizer", "optimizer_type"),
        advanced=True,
    ),
    _setting(
        "use_lion_optimizer",
        "flag",
        False,
        "Old way to write optimizer_type Lion.",
        label="Lion (old flag)",
        conflicts=("optimizer_type",),
        advanced=True,
    ),
    _setting(
        "fused_backward_pass",
        "flag",
        False,
        "Step the optimizer while gradients are computed, to save memory.",
        treatment="ignored",
        reason="it saves nothing worth having for a LoRA",
        advanced=True,
    ),
)

SCHEDULE: tuple[Setting, ...] = (
    _setting(
        "lr_scheduler", "str", "constant", "How the learning rate changes over the run.", label="Scheduler", choices=SCHEDULERS
    ),
    _setting(
        "lr_warmup_steps",
        "int_or_float",
        0,
        "Steps over which the rate rises from zero, or a share of all steps.",
        label="Warm-up steps",
        minimum=0,
        unit="steps",
    ),
    _setting(
        "lr_decay_steps",
        "int_or_float",
        0,
        "Steps over which the rate falls at the end, or a share of all steps; a tenth of them unless given.",
        label="Decay steps",
        minimum=0,
        unit="steps",
        advanced=True,
        applies_when=("lr_scheduler", ("warmup_stable_decay",)),
    ),
    _setting(
        "lr_scheduler_num_cycles",
        "int",
        1,
        "Number of restarts of cosine_with_restarts.",
        label="Scheduler restarts",
        minimum=1,
        unit="cycles",
        applies_when=("lr_scheduler", ("cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay")),
    ),
    _setting(
        "lr_scheduler_power",
        "float",
        1.0,
        "Power of the polynomial schedule.",
        label="Scheduler power",
        minimum=0,
        advanced=True,
        applies_when=("lr_scheduler", ("polynomial",)),
    ),
    _setting(
        "lr_scheduler_timescale",
        "int",
        None,
        "Timescale of inverse_sqrt; the warm-up steps unless given.",
        label="Scheduler timescale",
        minimum=1,
        unit="steps",
        advanced=True,
        applies_when=("lr_scheduler", ("inverse_sqrt",)),
    ),
    _setting(
        "lr_scheduler_min_lr_ratio",
        "float",
        None,
        "Lowest rate of cosine_with_min_lr and warmup_stable_decay, as a share of the highest.",
        label="Lowest rate of the scheduler",
        minimum=0,
        maximum=1,
        advanced=True,
        applies_when=("lr_scheduler", ("cosine_with_min_lr", "warmup_stable_decay")),
    ),
    _setting(
        "lr_scheduler_args",
        "strings",
        None,
        "Further arguments of the schedule as name=value.",
        label="Scheduler arguments",
        advanced=True,
    ),
    _setting(
        "lr_scheduler_type",
        "str",
        "",
        "Class of torch.optim.lr_scheduler to use in place of lr_scheduler, for instance CosineAnnealingLR; "
        "lr_scheduler_args are its arguments.",
        label="Scheduler class",
        advanced=True,
    ),
)

SETTINGS = OPTIMIZER + SCHEDULE
