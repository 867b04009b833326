"""Schedules follow their formulas step by step."""

import math

import pytest
import torch

from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.schedules import make_schedule, steps_of
from lora_workbench.trainer_core.settings import Settings, SettingsError

TOTAL = 20


def rates(**settings: object) -> list[float]:
    """The factor on the rate at each of the steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make_schedule(Settings.of(**settings), optimizer, TOTAL)
    found = []
    for _ in range(TOTAL):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr_scheduler": "constant"}, lambda s: 1.0),
        ({"lr_scheduler": "constant_with_warmup", "lr_warmup_steps": 5}, lambda s: min(1.0, s / 5)),
        ({"lr_scheduler": "linear"}, lambda s: 1 - s / TOTAL),
        ({"lr_scheduler": "cosine"}, lambda s: 0.5 * (1 + math.cos(math.pi * s / TOTAL))),
        (
            {"lr_scheduler": "cosine", "lr_warmup_steps": 0.25},
            lambda s: s / 5 if s < 5 else 0.5 * (1 + math.cos(math.pi * (s - 5) / 15)),
        ),
        (
            {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 2},
            lambda s: 0.5 * (1 + math.cos(math.pi * (2 * s / TOTAL % 1))),
        ),
        ({"lr_scheduler": "polynomial", "lr_scheduler_power": 2}, lambda s: (1 - 1e-7) * (1 - s / TOTAL) ** 2 + 1e-7),
        (
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.2},
            lambda s: 0.8 * 0.5 * (1 + math.cos(math.pi * s / TOTAL)) + 0.2,
        ),
        ({"lr_scheduler": "inverse_sqrt", "lr_warmup_steps": 4}, lambda s: s / 4 if s < 4 else math.sqrt(4 / s)),
        (
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.2, "lr_scheduler_num_cycles": 2},
            lambda s: 0.8 * 0.5 * (1 + math.cos(2 * math.pi * s / TOTAL)) + 0.2,
        ),
        (
            {"lr_scheduler": "cosine", "lr_scheduler_args": ["num_cycles=1"]},
            lambda s: 0.5 * (1 + math.cos(2 * math.pi * s / TOTAL)),
        ),
        (
            {"lr_scheduler": "piecewise_constant", "lr_scheduler_args": ["step_rules='1:10,0.1:15,0.01'"]},
            lambda s: 1.0 if s < 10 else 0.1 if s < 15 else 0.01,
        ),
    ],
    ids=lambda value: value["lr_scheduler"] if isinstance(value, dict) else "",
)
def test_schedule(settings: dict, expected: object) -> None:
    assert rates(**settings) == pytest.approx([expected(step) for step in range(TOTAL)], abs=1e-6)


def test_warmup_stable_decay_rises_stays_and_falls() -> None:
    found = rates(lr_scheduler="warmup_stable_decay", lr_warmup_steps=4, lr_decay_steps=5)
    assert found[:4] == pytest.approx([0, 0.25, 0.5, 0.75]) and found[4:15] == [1.0] * 11
    assert found[15:] == sorted(found[15:], reverse=True) and found[-1] < 0.5


def test_shares_are_of_all_steps() -> None:
    assert [steps_of(value, 200) for value in (0, 10, 0.1, 0.005)] == [0, 10, 20, 1]
    assert [steps_of(value, 1015) for value in (0.1, 0.05, 0.2)] == [101, 50, 203], "what is left over is no step"


@pytest.mark.parametrize("path", ["CosineAnnealingLR", "torch.optim.lr_scheduler.CosineAnnealingLR"])
def test_a_schedule_of_torchs_by_its_class(path: str) -> None:
    found = rates(lr_scheduler_type=path, lr_scheduler_args=["T_max=10", "eta_min=0.5"])
    assert found == pytest.approx([0.75 + 0.25 * math.cos(math.pi * s / 10) for s in range(TOTAL)], abs=1e-6)


@pytest.mark.parametrize(
    ("path", "arguments", "sentence"),
    [
        ("os.path.Foo", [], "lr_scheduler_type os.path.Foo is not a class that can be used here"),
        ("NoSuchLR", [], "lr_scheduler_type torch.optim.lr_scheduler.NoSuchLR can't be used"),
        ("ReduceLROnPlateau", [], "waits for a measure"),
        ("torch.optim.AdamW", [], "torch.optim.AdamW is not a schedule"),
        ("StepLR", ["step=2"], "lr_scheduler StepLR can't be made"),
    ],
)
def test_wrong_classes_are_one_sentence(path: str, arguments: list[str], sentence: str) -> None:
    with pytest.raises((UserError, SettingsError), match=sentence):
        rates(lr_scheduler_type=path, lr_scheduler_args=arguments)


@pytest.mark.parametrize("name", ["AdamWScheduleFree", "ProdigyPlusScheduleFree"])
def test_schedule_free_optimizers_have_no_schedule(name: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    assert make_schedule(Settings.of(optimizer_type=name, lr_scheduler="cosine"), optimizer, TOTAL) is None


def test_wrong_arguments_are_one_sentence() -> None:
    with pytest.raises(UserError, match="lr_scheduler piecewise_constant can't be made"):
        rates(lr_scheduler="piecewise_constant", lr_scheduler_args=["rules=1"])
    with pytest.raises(SettingsError, match="lr_scheduler adafactor belongs to AdaFactor, and optimizer_type is AdamW"):
        rates(lr_scheduler="adafactor")
