"""What is exported and imported again is the same, over all settings, in every form that export writes."""

from __future__ import annotations

import random
import shlex
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.export import export, file_name, plain_values
from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.imports.command import config_text
from lora_workbench.trainer_core.imports.result import NOT_TAKEN
from lora_workbench.trainer_core.settings import ALL, Setting, Settings, SettingsError

FORMS = ("toml", "bash", "powershell")
TEXTS = (
    "penny", "-penny", "--seed=3", "it's \"so\"", "$HOME `id` $(touch gone) ${x} %PATH% !x! ^", "a; b & c | d > e # f",
    "two\nlines 寺 ‘quoted’ „low“", "\\ back\\slash\\", "a  b", "@words", "{x}", "=", "1e5", "true",
)  # fmt: skip
PATHS = ("/sets/my pennies (2)/$x `y`", "C:\\a b\\it's", "/‘quoted’ 寺.safetensors", "-relative/x")
DATASET = '[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nimage_dir = "/x"\n'
ARGUMENTS = {
    "network_args": ["conv_dim=4", "conv_alpha=2", "rank_dropout=0.1"],
    "optimizer_args": ["betas=0.9, 0.999", "decouple=True"],
    "lr_scheduler_args": ["T_max=100"],
    "stages": [
        {"max_train_epochs": 8, "lr_scheduler": "linear", "lr_scheduler_args": ["T_max=100", "eta=1, 2"], "flip_aug": False},
        {
            "max_train_steps": 5,
            "text_encoder_lr": [1e-05, 0.0],
            "resolution": [512, 768],
            "caption_prefix": 'it\'s "so" $x',
            "train_data_dir": "C:\\a b\\it's",
            "lr_warmup_steps": 0.1,
        },
        {"max_train_steps": 5, "optimizer_args": ["betas=0.9, 0.999", "decouple=True"], "caption_suffix": "two\nlines 寺  ‘q’"},
    ],
    "base_weights": ["/a b/$c.safetensors", "d.safetensors"],
}
CHOSEN = {"bucket_reso_steps": (8, 64), "optimizer_type": ("AdamW", "Prodigy", "Lion8bit", ""),
          "lr_scheduler_type": ("CosineAnnealingLR",),
          "log_with": ("tensorboard",), "save_model_as": ("safetensors",), "face_crop_aug_range": ([1.5, 4.0],)}  # fmt: skip


def some_value(setting: Setting, dice: random.Random, dataset: Path) -> Any:
    """A value that the setting takes."""
    if setting.name in CHOSEN:
        return dice.choice(CHOSEN[setting.name])
    if setting.name == "dataset_config":
        return str(dataset)
    if setting.name in ARGUMENTS:
        return ARGUMENTS[setting.name]
    if setting.choices:
        return dice.choice(setting.choices)
    low = setting.minimum or 0
    high = min(setting.maximum if setting.maximum is not None else low + 1000, low + 1000)
    whole, number = dice.randint(int(low), int(high)), dice.uniform(low, high)
    return {
        "int": whole, "float": number, "flag": dice.random() < 0.8, "path": dice.choice(PATHS), "str": dice.choice(TEXTS),
        "floats": [number, number / 3], "int_or_float": dice.choice([whole, 0.125]), "size": [512, dice.choice([512, 768])],
        "range": [low + 1, low + 2.5], "strings": list(TEXTS),
    }[setting.kind]  # fmt: skip


def some_settings(dice: random.Random, names: list[str], dataset: Path) -> Settings:
    """Settings of those names that go together."""
    given: dict[str, Any] = {}
    for name in names:
        value = some_value(ALL[name], dice, dataset)
        try:
            Settings.from_dict({**given, name: value})
        except SettingsError:
            continue
        given[name] = value
    return Settings.from_dict(given)


def imported(text: str, name: str = "") -> Settings:
    found = import_text(text, name)
    return Settings.from_dict(dict(plain_values(found.values)))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "a 'data' $set.toml"
    path.write_text(DATASET, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", FORMS)
def test_all_settings_come_back(form: str, dataset: Path) -> None:
    names = [one.name for one in ALL.values() if one.treatment != "refused" and one.name not in NOT_TAKEN]
    seen: set[str] = set()
    for seed in range(16):
        dice = random.Random(seed)
        # The first ones are the ones that others may not be given with, so that each comes up.
        chosen = dice.sample(names, len(names)) if seed % 2 else dice.sample(names, 12)
        settings = some_settings(dice, chosen, dataset)
        if not dict(plain_values(settings.as_dict(only_given=True))):
            continue
        seen |= settings.given
        for name in ("", file_name(settings, form)):  # pasted, and as the file
            again = imported(export(settings, form, "/a 'b' $c/python"), name)
            assert again == settings, (seed, name)
    assert set(names) - seen == set(), "every setting was tried"


@pytest.mark.parametrize("form", FORMS)
def test_an_import_written_and_imported_again_is_the_same(form: str, dataset: Path) -> None:
    flags = f"--network_dim 8 --dataset_config {shlex.quote(str(dataset))} --unet_lr=1e-4 --xformers"
    first = import_text(f"accelerate launch train_network.py {flags}")
    settings = Settings.from_dict(dict(plain_values(first.values)))
    assert imported(export(settings, form, "python")) == settings
    assert import_text(config_text(first)).values == first.values


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_letter_by_letter(form: str, text: str) -> None:
    settings = Settings.of(training_comment=text, network_dim=4)
    assert imported(export(settings, form, "python")).training_comment == settings.training_comment
