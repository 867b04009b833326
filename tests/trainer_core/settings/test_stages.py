"""Stages as they are written: tables and words, what a stage takes from the run, and what it can't change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.settings import Settings, SettingsError, read_settings
from lora_workbench.trainer_core.settings.stages import STAGE_SETTINGS, stage_word

RUN = "network_dim = 8\nunet_lr = 1e-3\nlr_warmup_steps = 10\n"
TABLES = """
[[stages]]
max_train_epochs = 8
lr_scheduler = "linear"

[[stages]]
max_train_steps = "5"
lr-scheduler = "Cosine"
unet_lr = "1e-4"
resolution = 768
"""
WORDS = (
    "max_train_epochs=8 lr_scheduler=linear",
    '{"max_train_steps": 5, "lr_scheduler": "cosine", "unet_lr": 1e-4, "resolution": 768}',
)
AS_PLAIN = (
    {"max_train_epochs": 8, "lr_scheduler": "linear"},
    {"max_train_steps": 5, "lr_scheduler": "cosine", "unet_lr": 1e-4, "resolution": [768, 768]},
)


def refused(**settings: Any) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.of(**settings)
    return str(error.value)


def test_tables_words_and_json_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(RUN + TABLES, encoding="utf-8")
    written = read_settings(["--config_file", str(path)])
    path.write_text(RUN, encoding="utf-8")
    spoken = read_settings(["--config_file", str(path), "--stages", *WORDS, "--seed", "3"])
    assert written.stages == spoken.stages == AS_PLAIN and spoken.seed == 3
    assert Settings.from_dict(written.as_dict(only_given=True)) == written
    words = [stage_word(one) for one in AS_PLAIN]
    assert words == [WORDS[0], "max_train_steps=5 lr_scheduler=cosine unet_lr=0.0001 resolution=768,768"]


def test_a_run_without_stages_is_one() -> None:
    settings = Settings.of(max_train_epochs=3)
    assert settings.stage_settings() == (settings,) and settings.stages is None
    assert Settings.of(stages=[]).stages is None


def test_a_stage_has_the_runs_settings_but_for_its_own() -> None:
    settings = Settings.of(network_dim=8, unet_lr=1e-3, lr_warmup_steps=10, seed=2, stages=AS_PLAIN)
    first, second = settings.stage_settings()
    assert (first.network_dim, first.seed, first.unet_lr, first.lr_warmup_steps, first.lr_scheduler) == (
        8,
        2,
        1e-3,
        10,
        "linear",
    )
    assert (second.network_dim, second.unet_lr, second.lr_warmup_steps, second.resolution) == (8, 1e-4, 0, (768, 768))
    assert first.max_train_epochs == 8 and second.max_train_epochs is None and second.max_train_steps == 5
    assert first.stages is second.stages is None


@pytest.mark.parametrize(
    ("run", "stage", "name", "value"),
    [
        ({"unet_lr": 1e-3}, {"learning_rate": 1e-5}, "unet_lr", None),
        ({"unet_lr": 1e-3}, {"learning_rate": 1e-5, "unet_lr": 1e-4}, "unet_lr", 1e-4),
        ({"lr_scheduler_type": "CosineAnnealingLR", "lr_scheduler_args": ["T_max=3"]}, {"lr_scheduler": "linear"},
         "lr_scheduler_type", ""),
        ({"optimizer_type": "Prodigy", "optimizer_args": ["d_coef=2"]}, {"optimizer_type": "AdamW"}, "optimizer_args", None),
        ({"use_8bit_adam": True}, {"optimizer_type": "Lion"}, "optimizer_type", "Lion"),
        ({"lr_warmup_steps": 20}, {"lr_warmup_steps": 0.1}, "lr_warmup_steps", 0.1),
        ({"train_data_dir": "a", "reg_data_dir": "r"}, {"train_data_dir": "b"}, "reg_data_dir", Path("r")),
    ],
)  # fmt: skip
def test_what_was_chosen_for_something_else_does_not_count(run: dict, stage: dict, name: str, value: object) -> None:
    stages = [{"max_train_steps": 1}, {"max_train_steps": 1, **stage}]
    assert getattr(Settings.of(**run, stages=stages).stage_settings()[1], name) == value


def test_what_can_not_change_is_refused_in_one_sentence() -> None:
    for name in (
        "network_dim",
        "pretrained_model_name_or_path",
        "network_module",
        "mixed_precision",
        "save_every_n_epochs",
        "seed",
    ):
        sentence = refused(stages=[{"max_train_steps": 1}, {"max_train_steps": 1, name: 1}])
        assert sentence == f"stage 2: {name} is the same in all stages of a run; give it beside them, or train in two runs."
    assert "stages" not in STAGE_SETTINGS


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ([{"lr_scheduler": "linear"}], "stage 1 has no length of its own; give it max_train_epochs or max_train_steps."),
        ([{"max_train_steps": 0}], "stage 1: max_train_steps must be at least 1, not 0."),
        ([{"max_train_stepps": 3}], "stage 1: max_train_stepps is not a setting; did you mean max_train_steps?"),
        (["max_train_steps"], "stages must be stages such as 'max_train_epochs=8 lr_scheduler=linear', not 'max_train_steps'."),
        (["caption_prefix='x"], """stages has a quotation mark without its other one in "caption_prefix='x"."""),
        (["{}}"], "stages has a stage that is not valid JSON: Extra data: line 1 column 3 (char 2)."),
        (3, "stages must be a list of stages, each a table of settings, not 3."),
        ([{"max_train_steps": 1, "optimizer_type": "Prodigi"}],
         "stage 1: optimizer_type Prodigi is unknown; did you mean Prodigy?"),
        ([{"max_train_steps": 1, "resolution": 100, "enable_bucket": False}],
         "stage 1: resolution 100×100 must be a multiple of 8 without enable_bucket: give 96,96."),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_stage(stages: Any, sentence: str) -> None:
    assert refused(stages=stages) == sentence


def test_a_length_of_the_run_is_told_not_to_count() -> None:
    settings = Settings.of(max_train_epochs=10, stages=[{"max_train_steps": 1}])
    assert [one.message for one in settings.notices] == ["max_train_epochs is not taken: each stage has a length of its own."]
