"""Each optimizer comes from its library, learns, resumes, and its arguments are checked against the real signatures."""

import importlib
import inspect
import io
from typing import Any

import pytest
import torch

from lora_workbench.trainer_core.optimizer_table import TABLE, optimizer_problems, sets_own_schedule
from lora_workbench.trainer_core.optimizers import make_optimizer, shown_rates
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.settings.optimizer import OPTIMIZERS

RATES = {"SGDNesterov": 30.0, "SGDNesterov8bit": 30.0, "Prodigy": 1.0, "DAdaptAdam": 1.0, "DAdaptLion": 1.0, "AdaFactor": 0.01}
STEPS = {"DAdaptLion": 300, "DAdaptAdam": 300, "AdaFactor": 600}


def settings_for(name: str, **more: Any) -> Settings:
    return Settings.of(optimizer_type=name, learning_rate=RATES.get(name, 0.01), **more)


def test_table_names_every_optimizer() -> None:
    assert set(TABLE) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", TABLE)
def test_arguments_are_those_of_the_real_class(name: str) -> None:
    module, _, cls = TABLE[name].import_path.rpartition(".")
    real = set(inspect.signature(getattr(importlib.import_module(module), cls).__init__).parameters)
    left_out = {"self", "params", "lr", "optim_bits", "args", "fsdp_in_use", "nesterov"}
    refused = {"amsgrad"} if name == "AdamW8bit" else set()  # in its signature, and an error in its body
    assert set(TABLE[name].arguments) == real - left_out - refused


def problem(seed: int = 0) -> tuple[torch.nn.Parameter, torch.nn.Parameter, torch.Tensor]:
    """A rank-4 product that must meet a matrix: what a LoRA does."""
    draw = torch.Generator().manual_seed(seed)
    up = torch.nn.Parameter(torch.randn(96, 4, generator=draw) * 0.1)
    down = torch.nn.Parameter(torch.randn(4, 96, generator=draw) * 0.1)
    return up, down, torch.randn(96, 4, generator=draw) @ torch.randn(4, 96, generator=draw) / 2


def steps(optimizer: torch.optim.Optimizer, up: torch.Tensor, down: torch.Tensor, target: torch.Tensor, count: int) -> float:
    for _ in range(count):
        loss = ((up @ down - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("name", TABLE)
def test_optimizer_learns_and_goes_on_from_its_state(name: str) -> None:
    up, down, target = problem()
    start = ((up @ down - target) ** 2).mean().item()
    optimizer = make_optimizer(settings_for(name), {"unet": [up, down]})
    steps(optimizer, up, down, target, STEPS.get(name, 150))
    saved = {"up": up.detach().clone(), "down": down.detach().clone(), "state": optimizer.state_dict()}
    file = io.BytesIO()
    torch.save(saved["state"], file)
    file.seek(0)
    state = torch.load(file, weights_only=True)  # what a resume reads
    assert steps(optimizer, up, down, target, 2) < 0.7 * start

    again = [torch.nn.Parameter(saved["up"].clone()), torch.nn.Parameter(saved["down"].clone())]
    resumed = make_optimizer(settings_for(name), {"unet": again})
    resumed.load_state_dict(state)
    steps(resumed, again[0], again[1], target, 2)
    assert torch.equal(again[0], up) and torch.equal(again[1], down)


def codes(settings: Settings) -> dict[str, str]:
    return {one.code: one.severity for one in optimizer_problems(settings)}


def test_unknown_argument_is_named_with_its_neighbour() -> None:
    found = optimizer_problems(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=["d_coeff=2"]))
    assert [(one.severity, one.code) for one in found] == [("error", "unknown-optimizer-argument")]
    assert "d_coeff" in found[0].message and "d_coef?" in found[0].fix


@pytest.mark.parametrize("word", ["weight_decay=much", "betas=0.9", "decouple=3", "lr=1"])
def test_values_of_the_wrong_kind_are_errors(word: str) -> None:
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=[word]))["bad-argument"] == "error"


def test_the_guides_arguments_are_right() -> None:
    prodigy = ["decouple=True", "weight_decay=0.01", "d_coef=2", "use_bias_correction=True", "safeguard_warmup=True"]
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=prodigy)) == {}
    dadapt = ["decouple=True", "weight_decay=0.01", "betas=0.9,0.999"]
    assert codes(Settings.of(optimizer_type="DAdaptAdam", learning_rate=1.0, optimizer_args=dadapt)) == {}
    adafactor = ["relative_step=True", "scale_parameter=True", "warmup_init=True"]
    assert codes(Settings.of(optimizer_type="AdaFactor", optimizer_args=adafactor)) == {"rates-unused": "note"}


def test_adaptive_optimizers_want_one_rate_near_one() -> None:
    assert codes(Settings.of(optimizer_type="Prodigy", unet_lr=1.0, text_encoder_lr=[0.5]))["rates-differ"] == "error"
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1e-4))["rate-too-low"] == "warning"
    assert codes(Settings.of(optimizer_type="Prodigy", unet_lr=1.0, text_encoder_lr=[0.0])) == {}


def test_parts_keep_their_own_rates() -> None:
    up, down, _ = problem()
    optimizer = make_optimizer(Settings.of(unet_lr=1e-3, text_encoder_lr=[1e-4]), {"unet": [up], "text_encoder": [down]})
    assert shown_rates(optimizer) == {"text_encoder": 1e-4, "unet": 1e-3}


def test_only_adafactor_with_relative_step_sets_its_own_schedule() -> None:
    assert sets_own_schedule(Settings.of(optimizer_type="AdaFactor"))
    assert not sets_own_schedule(Settings.of(optimizer_type="AdaFactor", optimizer_args=["relative_step=False"]))
    assert not sets_own_schedule(Settings.of(optimizer_type="AdamW"))
