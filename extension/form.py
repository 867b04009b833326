"""The settings as a form: groups, labels, help, limits and levels, in the user's language."""

from __future__ import annotations

import functools
from typing import Any

from ..trainer_core.presets import list_presets
from ..trainer_core.settings import ALL, GROUPS, Setting
from ..trainer_core.settings.optimizer import OPTIMIZERS
from .asked_settings import NOT_ASKED
from .languages.translate import translate

# What a first run needs to be thought about; everything else has a preset's value.
BASIC = (
    "clip_skip",
    "resolution",
    "dataset_repeats",
    "keep_tokens",
    "network_dim",
    "network_alpha",
    "optimizer_type",
    "learning_rate",
    "unet_lr",
    "text_encoder_lr",
    "max_train_epochs",
    "max_train_steps",
    "train_batch_size",
    "seed",
    "output_name",
    "save_every_n_epochs",
    "sample_every_n_epochs",
)
# Stages have a form of their own; the rest are none of the page's business.
NOT_SHOWN = NOT_ASKED | {"stages"}
# What the page asks for in a place of its own.
_ELSEWHERE = frozenset(("pretrained_model_name_or_path", "train_data_dir", "subject_kind", "subject_difficulty"))
_OLD_NAMES = frozenset(("caption_extention", "use_8bit_adam", "use_lion_optimizer", "save_model_as"))


@functools.cache
def form(language: str) -> dict[str, Any]:
    """All settings that do something, by group, and the presets."""
    shown = [one for one in ALL.values() if one.treatment == "implemented" and one.name not in NOT_SHOWN]
    groups = []
    for group in GROUPS:
        settings = [_described(one, language) for one in shown if one.group == group]
        if settings:
            groups.append({"name": translate(group, language), "settings": settings})
    presets = [
        {
            "name": one.name,
            "title": translate(one.title, language),
            "description": translate(one.description, language),
            "settings": one.settings,
        }
        for one in list_presets()
    ]
    return {"groups": groups, "presets": presets}


def level(setting: Setting) -> str:
    if setting.name in BASIC:
        return "basic"
    return "all" if setting.advanced or setting.name in _OLD_NAMES or setting.name in _ELSEWHERE else "advanced"


def _described(setting: Setting, language: str) -> dict[str, Any]:
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    return {
        "name": setting.name,
        "label": translate(getattr(setting, "label", "") or setting.name, language),
        "kind": setting.kind,
        "default": default,
        "help": translate(setting.help, language),
        "choices": list(OPTIMIZERS if setting.name == "optimizer_type" else setting.choices),
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "unit": translate(setting.unit, language),
        "conflicts": list(setting.conflicts),
        "level": level(setting),
    }
