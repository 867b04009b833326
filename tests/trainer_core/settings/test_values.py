from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from lora_workbench.trainer_core.settings import ALL, Settings, SettingsError

SAMPLES: dict[str, Any] = {
    "int": 3,
    "float": 0.5,
    "flag": True,
    "path": "x",
    "str": "x",
    "strings": ["a=1"],
    "floats": [1],
    "int_or_float": 3,
}


def codes(settings: Settings) -> list[str]:
    return [notice.code for notice in settings.notices]


def test_defaults_have_their_plain_meaning() -> None:
    settings = Settings.of()
    assert (settings.network_dim, settings.network_alpha, settings.optimizer_type) == (4, 1.0, "AdamW")
    assert (settings.max_train_steps, settings.caption_extension, settings.learning_rate) == (1600, ".caption", 2e-6)
    assert (settings.given, settings.notices, settings.dataset_tree) == (frozenset(), (), None)


def test_alpha_zero_is_the_rank() -> None:
    assert Settings.of(network_dim=128, network_alpha=0).network_alpha == 128.0
    taken = Settings.of(network_weights="a.safetensors", dim_from_weights=True)
    assert taken.network_dim is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("adamw8BIT", "AdamW8bit"),
        ("SDGNesterov8bit", "SGDNesterov8bit"),
        ("DAdaptation", "DAdaptAdam"),
        ("prodigy", "Prodigy"),
        ("adafactor", "AdaFactor"),
        ("", "AdamW"),
        ("LION", "Lion"),
    ],
)
def test_optimizer_names(written: str, name: str) -> None:
    assert Settings.of(optimizer_type=written).optimizer_type == name


def test_guides_misspellings_are_told() -> None:
    assert codes(Settings.of(optimizer_type="SDGNesterov8bit")) == ["setting-replaced"]
    assert codes(Settings.of(optimizer_type="AdamW")) == []


def test_unknown_optimizers() -> None:
    with pytest.raises(SettingsError, match="did you mean Prodigy"):
        Settings.of(optimizer_type="Prodigi")
    with pytest.raises(SettingsError, match="optimizer_type my.Own is not a class that can be used here"):
        Settings.of(optimizer_type="my.Own")


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if one.treatment == "ignored"])
def test_ignored_settings_say_so(name: str) -> None:
    setting = ALL[name]
    value = setting.choices[0] if setting.choices else SAMPLES[setting.kind]
    settings = Settings.of(**{name: value})
    assert codes(settings) == ["setting-ignored"]
    assert settings.notices[0].message.startswith(name)
    assert codes(Settings.of(**{name: setting.default})) == []


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if one.treatment == "refused"])
def test_refused_settings_stop_the_run(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.of(**{name: SAMPLES[ALL[name].kind]})
    Settings.of(**{name: ALL[name].default})


@pytest.mark.parametrize(
    "names",
    [
        {"network_train_unet_only": True, "network_train_text_encoder_only": True},
        {"use_8bit_adam": True, "optimizer_type": "Lion"},
        {"use_8bit_adam": True, "use_lion_optimizer": True},
        {"train_data_dir": "a", "dataset_config": "b.toml"},
        {"save_every_n_epochs": 1, "save_n_epoch_ratio": 2},
        {"min_timestep": 500, "max_timestep": 500},
        {"adaptive_noise_scale": 0.1},
        {"dim_from_weights": True},
        {"save_model_as": "ckpt"},
        {"log_with": "wandb"},
        {"network_module": "lycoris.koya"},
        {"bucket_reso_steps": 20},
        {"resolution": 128, "enable_bucket": True},
        {"resolution": 2048, "enable_bucket": True},
        {"resolution": 500},
        {"min_bucket_reso": 800, "max_bucket_reso": 700},
        {"optimizer_args": ["decouple"]},
        {"lr_scheduler_args": ["x"]},
    ],
)
def test_settings_that_do_not_go_together(names: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Settings.of(**names)


def test_settings_that_do_go_together() -> None:
    Settings.of(resume="state", network_weights="a.safetensors", network_dim=8)
    Settings.of(resolution=128, enable_bucket=True, bucket_no_upscale=True)
    Settings.of(resolution=128, enable_bucket=True, min_bucket_reso=64)
    Settings.of(use_8bit_adam=True, use_lion_optimizer=False)


@pytest.mark.parametrize("name", ["color_aug", "random_crop"])
def test_changing_pictures_are_not_cached(name: str) -> None:
    settings = Settings.of(**{name: True, "cache_latents_to_disk": True})
    assert (settings.cache_latents, settings.cache_latents_to_disk) == (False, False)
    assert codes(settings) == ["cache-turned-off"]
    assert name in settings.notices[0].message


def test_flip_and_face_crop_are_cached() -> None:
    settings = Settings.of(flip_aug=True, face_crop_aug_range="2,4", cache_latents_to_disk=True)
    assert (settings.cache_latents, settings.notices) == (True, ())


def test_learning_rates() -> None:
    assert Settings.of(learning_rate=1e-4).learning_rates() == {
        "learning_rate": 1e-4,
        "unet_lr": 1e-4,
        "text_encoder_lr": 1e-4,
        "text_encoder_2_lr": 1e-4,
    }
    two = Settings.of(text_encoder_lr=["5e-5", "1e-5"]).learning_rates()
    assert (two["text_encoder_lr"], two["text_encoder_2_lr"]) == (5e-5, 1e-5)
    assert Settings.of(unet_lr=0, text_encoder_lr=5e-5).learning_rates() == {
        "learning_rate": 2e-6,
        "unet_lr": 0.0,
        "text_encoder_lr": 5e-5,
        "text_encoder_2_lr": 5e-5,
    }


def test_json_there_and_back() -> None:
    settings = Settings.of(
        resolution="512,768",
        optimizer_args=["decouple=True"],
        use_8bit_adam=True,
        output_dir="x",
        max_train_epochs=3,
        caption_extention="txt",
        text_encoder_lr=5e-5,
        max_token_length=75,
        network_alpha=0,
        network_dim=8,
    )
    assert settings.caption_extension == ".txt"
    again = Settings.from_dict(json.loads(json.dumps(settings.as_dict())))
    assert again == settings
    only = settings.as_dict(only_given=True)
    assert (only["network_alpha"], set(only)) == (0.0, set(settings.given))
    assert Settings.from_dict(only) == settings
    for same in (copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
        assert (same == settings, same.given, same.notices) == (True, settings.given, settings.notices)


def test_settings_do_not_change() -> None:
    settings = Settings.of(network_dim=8)
    with pytest.raises(AttributeError):
        settings.network_dim = 4
    with pytest.raises(AttributeError, match="network_dime"):
        _ = settings.network_dime
    other = settings.replaced(network_dim=16, seed=1)
    assert (settings.network_dim, other.network_dim, other.seed) == (8, 16, 1)
    assert other.replaced(network_dim=None).network_dim == 4


def test_all_problems_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.of(nework_dim=3, network_alpha=-1, deepspeed=True, optimizer_type="Adamm")
    assert [found.code for found in error.value.problems] == [
        "unknown-setting",
        "bad-value",
        "unknown-optimizer",
        "setting-refused",
    ]
    assert error.value.exit_status == 2
    assert str(error.value).startswith("4 problems")
    with pytest.raises(SettingsError, match=r"^nework_dim is not a setting; did you mean network_dim\?$"):
        Settings.of(nework_dim=3)
