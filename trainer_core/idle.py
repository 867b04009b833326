"""Which settings do nothing as things are, and why: so that a form can say it before anyone wonders.

Light: standard library only.
"""

from __future__ import annotations

from .optimizer_table import WITHOUT_WARM_UP, sets_own_rate, spec_of
from .settings import ALL, Settings

_RATES = ("learning_rate", "unet_lr", "text_encoder_lr")
_SCHEDULE = (
    "lr_scheduler",
    "lr_scheduler_type",
    "lr_scheduler_args",
    "lr_warmup_steps",
    "lr_decay_steps",
    "lr_scheduler_num_cycles",
    "lr_scheduler_power",
    "lr_scheduler_timescale",
    "lr_scheduler_min_lr_ratio",
)


def idle_settings(settings: Settings) -> dict[str, str]:
    """{setting: why it does nothing}, each a sentence."""
    found = {}
    for setting in ALL.values():
        if setting.applies_when and setting.treatment == "implemented":
            other, values = setting.applies_when
            value = getattr(settings, other)
            if value not in values if values else not value:
                found[setting.name] = f"Acts only with {other} {', '.join(values)}." if values else f"Acts only with {other}."
    if settings.lr_scheduler in WITHOUT_WARM_UP:
        found["lr_warmup_steps"] = f"lr_scheduler {settings.lr_scheduler} has no warm-up."
    if settings.lr_scheduler_type:
        found |= dict.fromkeys(_SCHEDULE[3:], "lr_scheduler_type has arguments of its own: lr_scheduler_args.")
        found["lr_scheduler"] = "lr_scheduler_type is given in its place."
    if spec_of(settings).averages:
        found |= dict.fromkeys(_SCHEDULE, f"{settings.optimizer_type} needs no schedule.")
    if sets_own_rate(settings):
        found |= dict.fromkeys((*_RATES, *_SCHEDULE), "AdaFactor sets its own rate (relative_step).")
    if settings.network_train_unet_only:
        found["text_encoder_lr"] = "The text encoder is not trained (network_train_unet_only)."
    if settings.network_train_text_encoder_only:
        found["unet_lr"] = "The UNet is not trained (network_train_text_encoder_only)."
    if settings.stages:
        found |= dict.fromkeys(("max_train_epochs", "max_train_steps"), "Each stage has a length of its own.")
    elif settings.max_train_epochs:
        found["max_train_steps"] = "max_train_epochs is given in its place."
    if not (settings.reg_data_dir or settings.prior_preservation or settings.dataset_config):
        found["prior_loss_weight"] = "There are no regularization pictures (reg_data_dir), and no prior_preservation."
    return found
