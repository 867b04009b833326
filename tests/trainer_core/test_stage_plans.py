"""The plan of a run in stages: their places on the axis, what each trains, and what is wrong in one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.planning.stages import StagePlan
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Plan]


@pytest.fixture
def plan(tmp_path: Path, tiny_sd2: Path) -> Make:
    """Of four pictures, one of them repeated; keyword arguments are further settings."""
    for name, count in (("2_penny", 4), ("1_close", 2)):
        folder = tmp_path / name.partition("_")[2] / name
        folder.mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (64, 64), (number, 0, 0)).save(folder / f"{number}.png")
            (folder / f"{number}.txt").write_text("penny", encoding="utf-8")
    settings = {
        "pretrained_model_name_or_path": str(tiny_sd2), "train_data_dir": str(tmp_path / "penny"), "resolution": 64,
        "caption_extension": ".txt", "output_dir": str(tmp_path / "out"), "network_dim": 4, "network_alpha": 4,
        "unet_lr": 1e-4, "text_encoder_lr": 5e-5, "train_batch_size": 2,
    }  # fmt: skip
    return lambda **changes: make_plan(Settings.of(**{**settings, **changes}))


def axis(made: Plan) -> list[tuple[int, int, int, int]]:
    found = [one.stretch for one in made.stages]
    return [(one.first_step, one.steps, one.first_epoch, one.epochs) for one in found]


def test_steps_and_epochs_are_counted_on(plan: Make) -> None:
    made = plan(stages=[{"max_train_epochs": 3}, {"max_train_steps": 5}, {"max_train_epochs": 1, "train_batch_size": 4}])
    assert axis(made) == [(0, 12, 0, 3), (12, 5, 3, 2), (17, 2, 5, 1)]
    assert (made.steps, made.epochs) == (19, 6)
    assert json.loads(json.dumps(made.as_dict()))["stages"][1] == {
        "number": 2, "first_step": 12, "steps": 5, "first_epoch": 3, "epochs": 2, "steps_per_epoch": 4, "images": 4,
        "optimizer": "AdamW", "schedule": "constant",
        "learning_rates": {"learning_rate": 2e-6, "unet_lr": 1e-4, "text_encoder_lr": 5e-5},
    }  # fmt: skip
    one = plan(max_train_epochs=3)
    assert axis(one) == [(0, 12, 0, 3)] and len(one.as_dict()["stages"]) == 1


def test_the_page_shows_each_stage(plan: Make, tmp_path: Path) -> None:
    close = str(tmp_path / "close")
    stages: list[dict[str, Any]] = [
        {"max_train_epochs": 3, "lr_scheduler": "linear", "lr_warmup_steps": 0.1},
        {"max_train_steps": 5, "lr_scheduler": "cosine", "text_encoder_lr": 0, "train_data_dir": close, "resolution": 128},
    ]
    made = plan(stages=stages)
    lines = [" ".join(line.split()) for line in made.text().splitlines()]
    assert "17 steps in 8 epochs of 2 stages" in lines
    assert "1 1–12 1–3 AdamW, linear, 10% warm-up UNet 0.0001, text encoder 5e-05" in lines
    assert "2 13–17 4–8 AdamW, cosine UNet 0.0001, text encoder not trained" in lines
    assert "Pictures of stage 2" in lines and "Sizes of stage 2" in lines and "128×128 2 2 1 0% ×2" in lines
    single = plan(max_train_epochs=3).text()
    assert "Stages" not in single and "12 steps" in single and "of stage" not in single


def test_stages_with_the_same_pictures_share_them(plan: Make, tmp_path: Path) -> None:
    other = {"max_train_steps": 2, "train_data_dir": str(tmp_path / "close")}
    first, second, third, fourth = plan(
        stages=[{"max_train_steps": 2}, other, {"max_train_steps": 2, "unet_lr": 1}, other]
    ).stages

    def shared(one: StagePlan, two: StagePlan) -> bool:
        return one.training_set is two.training_set

    assert shared(first, third) and shared(second, fourth) and not shared(first, second)


def test_what_is_wrong_in_a_stage_is_told_with_its_number(plan: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one = {"max_train_steps": 1}
    made = plan(stages=[one, {**one, "train_data_dir": str(tmp_path / "empty")}, {**one, "unet_lr": 5.0}])
    told = {problem.code: problem.message for problem in made.problems}
    assert any(error.message.startswith("Stage 2: ") for error in made.errors)
    assert told["learning-rate-high"].startswith("Stage 3: unet_lr 5")
    prodigy = {**one, "optimizer_type": "Prodigy", "optimizer_args": ["d_kof=2"]}
    assert [error.message for error in plan(stages=[one, prodigy]).errors] == [
        "Stage 2: optimizer_args: Prodigy has no argument d_kof."
    ]


def test_what_is_wrong_in_all_stages_is_told_once(plan: Make) -> None:
    one = {"max_train_steps": 1}
    made = plan(stages=[one, {**one, "lr_scheduler": "cosine"}], clip_skip=12, noise_offset=0.5)
    assert [problem.message for problem in made.problems if "noise_offset" in problem.message] == [
        "noise_offset 0.5 is high: colours will be too strong."
    ]
