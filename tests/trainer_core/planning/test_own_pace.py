"""The bound on what AdaFactor can have done, held against transformers' own AdaFactor on gradients that never turn."""

from __future__ import annotations

import pytest
import torch
from transformers.optimization import Adafactor

from lora_workbench.trainer_core.planning.own_pace import pace_problems, steps_to_learn
from lora_workbench.trainer_core.settings import Settings


@pytest.mark.parametrize("arguments", [[], ["warmup_init=True"], ["warmup_init=True", "scale_parameter=False"]])
def test_the_bound_is_that_of_steps_which_all_lead_the_same_way(arguments: list[str]) -> None:
    settings = Settings.of(optimizer_type="AdaFactor", optimizer_args=arguments or None)
    needed = steps_to_learn(settings, pace=1)
    weight = torch.nn.Parameter(torch.zeros(8, 4))
    options = {"scale_parameter": True, **{name: value == "True" for name, value in (one.split("=") for one in arguments)}}
    optimizer = Adafactor([weight], relative_step=True, **options)
    sizes = []
    for _ in range(needed):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        sizes.append(weight.square().mean().sqrt().item())
    assert sizes[-2] < 0.01 * 1.02 and sizes[-1] > 0.01 * 0.9  # all steps lead the same way here: the bound is reached
    later = steps_to_learn(settings)
    assert later > needed and not pace_problems(settings, later) and pace_problems(settings, later - 1)


def test_rates_of_ones_own_are_no_matter_of_it() -> None:
    assert not pace_problems(Settings.of(optimizer_type="AdaFactor", optimizer_args=["relative_step=False"]), 100)
    assert not pace_problems(Settings.of(optimizer_type="AdamW"), 1)
