"""Samples in the middle of a training: file names, the LoRA's effect, and that the training does not notice."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.tests.trainer_core.networks.making import lora_network
from lora_workbench.trainer_core.generate.during_training import sample_now
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.models.checkpoint import Model, load_model
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.networks.network import Network
from lora_workbench.trainer_core.networks.targets import lora_targets
from lora_workbench.trainer_core.settings import Settings


@pytest.fixture
def model(random_base: Path) -> Model:
    return load_model(random_base)


@pytest.fixture
def network(model: Model) -> Network:
    network = lora_network(model, lora_targets(read_header(model.path)), rank=2, alpha=2, dropout=0.5, seed=1)
    for module in network.loras.values():
        torch.nn.init.normal_(module.up, std=0.2, generator=torch.Generator().manual_seed(2))
    return network.train()


def settings_in(tmp_path: Path, **names: object) -> Settings:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("one --w 64 --h 64 --s 2 --d 8\ntwo --w 64 --h 64 --s 2\n", encoding="utf-8")
    return Settings.of(sample_prompts=str(prompts), output_dir=str(tmp_path / "out"), sample_sampler="euler", seed=4, **names)


def test_names_are_kohyas_and_nothing_is_overwritten(
    tmp_path: Path, model: Model, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(time, "strftime", lambda _format: "20260102030405")
    by_epoch = settings_in(tmp_path, sample_every_n_epochs=2)
    by_step = settings_in(tmp_path, sample_every_n_steps=5)
    names = [
        [path.name for _, path in sample_now(model, network, settings, "zibbo", epoch=2, step=15, device="cpu")]
        for settings in (by_epoch, by_step, by_step)
    ]
    assert names[0] == ["zibbo_e000002_00_20260102030405_8.png", "zibbo_e000002_01_20260102030405_4.png"]
    assert names[1] == ["zibbo_000015_00_20260102030405_8.png", "zibbo_000015_01_20260102030405_4.png"]
    assert len({*names[1], *names[2]}) == 4
    found = sorted(path.name for path in (tmp_path / "out" / "sample").iterdir())
    assert found == sorted(name for one in names for name in one)
    with Image.open(tmp_path / "out" / "sample" / names[0][0]) as image:
        assert image.size == (64, 64)
        assert re.match(r"one\nSteps: 2, Sampler: Euler, .*Seed: 8, Size: 64x64, .*RNG: CPU", image.info["parameters"])


def test_the_lora_acts_with_full_strength_and_without_dropout(tmp_path: Path, model: Model, network: Network) -> None:
    settings = settings_in(tmp_path, sample_every_n_steps=1)
    (_, first), _ = sample_now(model, network, settings, "a", epoch=1, step=1, device="cpu")
    (_, again), _ = sample_now(model, network, settings, "a", epoch=1, step=2, device="cpu")
    assert (np.asarray(Image.open(first)) == np.asarray(Image.open(again))).all()
    network.detach()
    without = generate(model, [Request("one", width=64, height=64, seed=8, steps=2, cfg=7.5, sampler="Euler")])[0]
    assert (np.asarray(Image.open(first)) != np.asarray(without)).any()


def test_the_training_does_not_notice(tmp_path: Path, model: Model, network: Network) -> None:
    settings = settings_in(tmp_path, sample_every_n_steps=1)
    network.set_multiplier(1.0, 0.5)
    model.unet.train()

    def step() -> tuple[list[float], list[torch.Tensor]]:
        """A training step's loss with dropout, draws of all three generators, and its gradients."""
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        if sampled:
            list(sample_now(model, network, settings, "a", epoch=1, step=1, device="cpu"))
        network.zero_grad()
        text = torch.linspace(-1, 1, 77 * 64).view(1, 77, 64)
        loss = model.unet(torch.ones(1, 4, 8, 8), torch.tensor([500]), text).sample.square().mean()
        loss.backward()
        drawn = [loss.item(), random.random(), float(np.random.rand()), torch.rand(1).item()]  # noqa: NPY002
        return drawn, [one.grad.clone() for one in network.trainable("unet")]

    sampled = False
    expected, gradients = step()
    sampled = True
    found, others = step()
    assert found == expected
    assert all(torch.equal(one, other) for one, other in zip(gradients, others, strict=True))
    assert network.training and all(module.training for module in network.loras.values())
    assert model.unet.training and not model.text_encoder.training
    strengths = {module.target.part: module.multiplier for module in network.loras.values()}
    assert strengths == {"unet": 0.5, "text_encoder": 1.0}
