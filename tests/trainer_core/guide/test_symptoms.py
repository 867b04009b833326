"""From symptoms to the next run: each changes the run's own values, and what comes of it is a run that can be planned."""

from __future__ import annotations

import pytest

from lora_workbench.trainer_core.guide.symptoms import next_run, symptoms
from lora_workbench.trainer_core.optimizer_checks import optimizer_problems
from lora_workbench.trainer_core.settings import Settings

BASE = {
    "resolution": "512", "enable_bucket": True, "max_bucket_reso": 512, "network_dim": 32, "network_alpha": 32,
    "max_train_epochs": 10, "mixed_precision": "fp16",
}  # fmt: skip
ADAMW = {**BASE, "optimizer_type": "AdamW", "learning_rate": 1e-4, "unet_lr": 1e-4, "text_encoder_lr": 5e-5}
PRODIGY = {**BASE, "optimizer_type": "Prodigy", "learning_rate": 1, "unet_lr": 1, "text_encoder_lr": 1}
ADAFACTOR = {**BASE, "optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=True", "warmup_init=True"]}


def changes(code, **values):
    return {one.name: one.value for one in next_run(code, Settings.of(**values))}


@pytest.mark.parametrize("run", [ADAMW, PRODIGY, ADAFACTOR, {}], ids=["AdamW", "Prodigy", "AdaFactor", "defaults"])
@pytest.mark.parametrize("code", [one.code for one in symptoms()])
def test_the_next_run_can_be_planned_and_differs(code, run):
    settings = Settings.of(**run)
    found = next_run(code, settings)
    assert all(one.reason.endswith(".") and one.source.startswith("guide l. ") for one in found)
    following = settings.replaced(**{one.name: one.value for one in found})
    assert [one for one in optimizer_problems(following) if one.severity == "error"] == []
    assert (following != settings) == bool(found)
    rank = following.network_dim or 4
    assert following.network_alpha <= rank


def test_noise_blocks_take_an_eighth_of_every_rate():
    found = changes("noise-blocks", **ADAMW)
    assert found == {"learning_rate": 1.25e-5, "unet_lr": 1.25e-5, "text_encoder_lr": (6.25e-6,)}


def test_a_text_encoder_that_inherits_keeps_its_rate():
    found = changes("burnt", learning_rate=1e-4, network_dim=8, network_alpha=8)
    assert found == {"learning_rate": 5e-5, "unet_lr": 5e-5, "text_encoder_lr": (1e-4,)}


def test_burnt_brings_alpha_down_to_the_rank():
    assert changes("burnt", **{**ADAMW, "network_alpha": 64})["network_alpha"] == 32


def test_a_multiple_of_a_found_rate_stays_within_reason():
    assert changes("noise-blocks", **PRODIGY)["unet_lr"] == 0.125
    assert changes("noise-blocks", **{**PRODIGY, "unet_lr": 0.2})["unet_lr"] == 0.1


def test_where_rates_do_nothing_alpha_damps():
    assert changes("noise-blocks", **ADAFACTOR) == {"network_alpha": 4}


def test_burnt_always_takes_an_optimizer_that_finds_its_rate():
    found = changes("burnt-always", **ADAMW)
    assert found["optimizer_type"] == "Prodigy" and found["unet_lr"] == 1.0 and "d_coef=2" in found["optimizer_args"]
    assert changes("burnt-always", **PRODIGY)["unet_lr"] == 0.5


def test_length_is_changed_where_it_was_given():
    assert changes("too-weak", **ADAMW) == {"max_train_epochs": 15}
    assert changes("too-weak", max_train_steps=1000) == {"max_train_steps": 1500}
    assert changes("burnt-late", **ADAMW) == {"max_train_epochs": 7}
    assert changes("small-mistakes", **ADAMW) == {"max_train_epochs": 12}


def test_more_resolution_takes_larger_buckets_along():
    assert changes("mushy-details", **ADAMW) == {"resolution": (576, 576), "max_bucket_reso": 576}


def test_a_style_goes_without_regularization():
    assert changes("style-lost", **ADAMW, reg_data_dir="reg")["reg_data_dir"] is None
    assert "reg_data_dir" not in changes("style-lost", **ADAMW)


def test_what_is_set_already_is_not_set_again():
    assert changes("oversaturated", **ADAMW) == {}
    assert changes("oversaturated", **ADAMW, noise_offset=0.2) == {"noise_offset": None}
