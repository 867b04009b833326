"""The forecast of memory against tensors that the real classes make, and what makes a run fit a card."""

from __future__ import annotations

import dataclasses

import pytest

from lora_workbench.benchmarks.memory_forecast import Case, count, forecast, settings_of
from lora_workbench.trainer_core.forecasts.cards import GIBIBYTE, RESERVE, Card, cards_in
from lora_workbench.trainer_core.forecasts.lighter import Lighter, lighter
from lora_workbench.trainer_core.forecasts.memory import Load, Memory
from lora_workbench.trainer_core.forecasts.optimizer_bytes import state_bytes
from lora_workbench.trainer_core.networks.choice import Placed
from lora_workbench.trainer_core.networks.targets import Target
from lora_workbench.trainer_core.settings import Settings

XL = "--mixed_precision=bf16 --network_train_unet_only --cache_text_encoder_outputs --network_dim=4"
CASES = (
    Case("tiny_sdxl", "tiny_sdxl", f"{XL} --gradient_checkpointing --int8_base --optimizer_type=AdamW8bit", 1, 512),
    Case("toy", "toy", "--mixed_precision=bf16 --network_dim=4 --gradient_checkpointing", 2, 256, 2),
)
PLAIN = Case("plain", "toy", "--mixed_precision=no --network_dim=32 --train_batch_size=4 --resolution=512")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forecast_is_within_a_twentieth_of_what_is_counted(case: Case) -> None:
    found, told = count(case), forecast(case)
    assert told.parts["weights"] == pytest.approx(found.weights, rel=1e-3)
    assert told.parts["network"] == found.network
    assert told.parts["optimizer"] == pytest.approx(found.optimizer, rel=0.01)
    assert told.training == pytest.approx(found.peak, rel=0.05)
    held = found.weights + found.network + found.optimizer
    assert told.parts["activations"] + told.parts["gradients"] == pytest.approx(found.peak - held, rel=0.1)


def test_states_are_what_optimizers_keep() -> None:
    import torch

    from lora_workbench.trainer_core.optimizer_table import ParameterGroup
    from lora_workbench.trainer_core.optimizers import make_optimizer

    target = Target("lora_unet_x", "unet", "x", "linear", 320, 320)
    shapes = {"lora_down.weight": (16, 320), "lora_up.weight": (320, 16), "small": (8, 100)}
    placed = Placed(target, "lora", 16, 1.0, shapes)
    for name in ("AdamW", "AdamW8bit", "Lion", "Lion8bit", "SGDNesterov", "AdaFactor", "CAME", "DAdaptAdan", "Prodigy",
                 "AdamWScheduleFree"):  # fmt: skip
        settings = settings_of(Case(name, "toy", f"--optimizer_type={name}"))
        parameters = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes.values()]
        optimizer = make_optimizer(settings, [ParameterGroup("unet", parameters)])
        for _ in range(2):
            for one in parameters:
                one.grad = torch.ones_like(one)
            optimizer.step()
        states = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
        storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in states}
        assert state_bytes(settings, [placed]) == pytest.approx(sum(storages.values()), rel=0.01), name


def ask(others: Settings, load: Load) -> Memory:
    """Numbers in place of a model: everything that can be changed counts."""
    size = load.pictures * load.width * load.height // (8 if others.gradient_checkpointing else 1)
    size += 1000 * (others.network_dim or 4) * (1 if others.optimizer_type == "AdamW8bit" else 2)
    size += 100_000 // (2 if others.int8_base else 1) + (0 if others.cache_text_encoder_outputs else 30_000)
    return Memory({"activations": size * (2 if others.mixed_precision == "no" else 1)}, 0 if others.cache_latents else 1, 0)


def changes(limit: int) -> tuple[Lighter, ...]:
    settings, load = settings_of(PLAIN), Load(4, 512, 512, 77, 4)
    return lighter(settings, load, ask(settings, load).peak, lambda need: need <= limit, ask)


def test_what_costs_least_comes_first_and_nothing_is_changed_in_vain() -> None:
    everything = changes(0)
    names = list(dict.fromkeys(name for one in everything for name in one.settings))
    assert names == [
        "mixed_precision", "optimizer_type", "gradient_checkpointing", "int8_base", "train_batch_size",
        "gradient_accumulation_steps", "network_train_unet_only", "cache_text_encoder_outputs", "network_dim", "resolution",
    ]  # fmt: skip
    peaks = [one.peak for one in everything]
    assert peaks == sorted(peaks, reverse=True)
    assert [one.settings for one in changes(peaks[0])] == [{"mixed_precision": "bf16"}]
    # the optimizer's states, tried before, are not needed once blocks are computed again
    assert [list(one.settings) for one in changes(peaks[2] + 40_000)] == [["mixed_precision"], ["gradient_checkpointing"]]


def test_a_batch_that_is_halved_learns_the_same() -> None:
    halved = [one.settings for one in changes(0) if "train_batch_size" in one.settings]
    assert halved[0] == {"train_batch_size": 2, "gradient_accumulation_steps": 2}
    assert halved[1] == {"train_batch_size": 1, "gradient_accumulation_steps": 4}


def test_more_of_anything_takes_more() -> None:
    small = Case("small", "toy", "--mixed_precision=bf16 --network_dim=4", 1, 256)
    base = forecast(small).training
    for words, pictures, side in (("--network_dim=64", 1, 256), ("", 2, 256), ("", 1, 320), ("--ema_decay=0.99", 1, 256)):
        more = dataclasses.replace(small, words=f"{small.words} {words}", pictures=pictures, side=side)
        assert forecast(more).training > base
    assert forecast(dataclasses.replace(small, words=f"{small.words} --gradient_checkpointing")).training < base
    assert forecast(dataclasses.replace(small, words=f"{small.words} --int8_base")).training < base
    assert forecast(dataclasses.replace(small, words=f"{small.words} --prior_preservation=girl")).training > base


def test_cards_are_read_from_what_the_driver_says() -> None:
    answer = "NVIDIA GeForce RTX 3060, 12288\nNVIDIA H100 80GB HBM3, 81559\n\n[Not Supported]\n"
    cards = cards_in(answer)
    assert [one.name for one in cards] == ["NVIDIA GeForce RTX 3060", "NVIDIA H100 80GB HBM3"]
    assert cards[0].memory == 12 * GIBIBYTE
    assert cards[0].fits(12 * GIBIBYTE - RESERVE) and not cards[0].fits(12 * GIBIBYTE - RESERVE + 1)
    assert Card("x", GIBIBYTE).fits(0)
