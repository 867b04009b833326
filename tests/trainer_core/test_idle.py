"""Settings that do nothing say so, and none of them says it while it acts."""

from __future__ import annotations

from typing import Any

import pytest

from lora_workbench.trainer_core.idle import idle_settings
from lora_workbench.trainer_core.settings import ALL, Settings


@pytest.mark.parametrize(
    ("words", "idle", "why"),
    [
        ({}, "huber_c", "Acts only with loss_type huber, smooth_l1."),
        ({}, "adaptive_noise_scale", "Acts only with noise_offset."),
        ({}, "prior_loss_weight", "There are no regularization pictures (reg_data_dir), and no prior_preservation."),
        ({"optimizer_type": "AdaFactor"}, "lr_scheduler", "AdaFactor sets its own rate (relative_step)."),
        ({"optimizer_type": "AdaFactor"}, "unet_lr", "AdaFactor sets its own rate (relative_step)."),
        ({"optimizer_type": "AdamWScheduleFree"}, "lr_warmup_steps", "AdamWScheduleFree needs no schedule."),
        ({"lr_warmup_steps": 10}, "lr_warmup_steps", "lr_scheduler constant has no warm-up."),
        ({"lr_scheduler_type": "ExponentialLR"}, "lr_scheduler", "lr_scheduler_type is given in its place."),
        ({"network_train_unet_only": True}, "text_encoder_lr", "The text encoder is not trained (network_train_unet_only)."),
        ({"max_train_epochs": 3}, "max_train_steps", "max_train_epochs is given in its place."),
        ({"stages": [{"max_train_steps": 3}]}, "max_train_epochs", "Each stage has a length of its own."),
    ],
)
def test_why_a_setting_does_nothing(words: dict[str, Any], idle: str, why: str) -> None:
    assert idle_settings(Settings.of(**words))[idle] == why


@pytest.mark.parametrize(
    ("words", "acting"),
    [
        ({"loss_type": "huber"}, "huber_c"),
        ({"noise_offset": 0.1}, "adaptive_noise_scale"),
        ({"prior_preservation": "girl"}, "prior_loss_weight"),
        ({"reg_data_dir": "reg"}, "prior_loss_weight"),
        ({"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False"]}, "unet_lr"),
        ({"optimizer_type": "AdamWScheduleFree"}, "learning_rate"),
        ({"lr_scheduler": "cosine_with_restarts"}, "lr_scheduler_num_cycles"),
        ({"lr_scheduler": "warmup_stable_decay"}, "lr_decay_steps"),
        ({"enable_bucket": True}, "max_bucket_reso"),
        ({"validation_split": 0.1}, "validation_seed"),
    ],
)
def test_what_acts_is_not_idle(words: dict[str, Any], acting: str) -> None:
    assert acting not in idle_settings(Settings.of(**words))


def test_declared_needs_are_settings_with_such_values() -> None:
    for name, setting in ALL.items():
        if setting.applies_when:
            other, values = setting.applies_when
            assert other in ALL and other != name
            assert set(values) <= set(ALL[other].choices)


def test_every_reason_is_said_in_chinese() -> None:
    from lora_workbench.extension.languages.translate import translate

    cases = ({}, {"optimizer_type": "AdaFactor"}, {"lr_scheduler_type": "StepLR", "max_train_epochs": 1})
    reasons = {why for words in cases for why in idle_settings(Settings.of(**words)).values()}
    assert len(reasons) > 10
    for why in reasons:
        chinese = translate(why, "zh_CN")
        assert chinese.endswith("。") and " or " not in chinese and " and " not in chinese, why
