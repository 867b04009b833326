"""How long AdaFactor's own rate takes, held against the rates that transformers' own AdaFactor reports."""

from __future__ import annotations

import pytest
import torch
from transformers.optimization import Adafactor

from lora_workbench.trainer_core.planning.own_pace import pace_problems, steps_to_learn
from lora_workbench.trainer_core.settings import Settings


@pytest.mark.parametrize(("arguments", "expected"), [([], 1350), (["warmup_init=True"], 5196)])
def test_the_rates_sum(arguments: list[str], expected: int) -> None:
    settings = Settings.of(optimizer_type="AdaFactor", optimizer_args=arguments or None)
    needed = steps_to_learn(settings)
    assert needed == pytest.approx(expected, rel=1e-3)
    options = {"lr": None, "scale_parameter": False, "relative_step": True, "warmup_init": bool(arguments)}
    rates = [Adafactor._get_lr(options, {"step": step, "RMS": 1.0}) for step in range(1, needed + 1)]
    assert sum(rates[:-1]) < 13.5 <= sum(rates) + 1e-9
    assert not pace_problems(settings, needed) and pace_problems(settings, needed - 1)


def test_a_weight_counts_by_its_size() -> None:
    """With scale_parameter, which is why a LoRA's ups begin so slowly."""
    weight = torch.nn.Parameter(torch.zeros(8, 4))
    optimizer = Adafactor([weight], relative_step=True, scale_parameter=True, warmup_init=False)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert weight.abs().max().item() == pytest.approx(1e-2 * 1e-3, rel=0.05)


@pytest.mark.parametrize(
    "changes", [{"optimizer_args": ["relative_step=False"]}, {"optimizer_args": ["scale_parameter=False"]}]
)
def test_other_rates_are_no_matter_of_it(changes: dict[str, list[str]]) -> None:
    assert not pace_problems(Settings.of(optimizer_type="AdaFactor", **changes), 100)
    assert not pace_problems(Settings.of(optimizer_type="AdamW"), 1)
