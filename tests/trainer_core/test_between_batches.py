"""What a run does beside learning from its pictures: moving averages, validation, and keeping the base's class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lora_workbench.tests.trainer_core.preparing import Prepared, Unmasked, begun, prepared_run
from lora_workbench.trainer_core.averages import MovingAverage
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.networks.format import read_lora
from lora_workbench.trainer_core.noising import draw_noise
from lora_workbench.trainer_core.preservation import prior_loss
from lora_workbench.trainer_core.randomness import integer_seed
from lora_workbench.trainer_core.train import _loop
from lora_workbench.trainer_core.validation import validate, validation_due


@pytest.fixture(scope="module")
def prepared(random_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    ready = prepared_run(random_base, tmp_path_factory.mktemp("run"), max_validation_steps=None, save_every_n_steps=1)
    yield ready
    ready.events.close()


def disturb(prepared: Prepared) -> None:
    """Gives the LoRA something to say, always the same."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in prepared.run.trained:
            for parameter in prepared.run.network.trainable(part):
                parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.1)


def test_the_moving_average_is_its_formula() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    average = MovingAverage([weight], 0.6)
    expected = np.array([1.0, -2.0])
    for step in range(1, 9):
        with torch.no_grad():
            weight.mul_(0.7).add_(0.3)
        average.update()
        share = min(0.6, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * weight.detach().double().numpy()
    np.testing.assert_allclose(average.values[0].numpy(), expected, rtol=1e-6)
    before = weight.detach().clone()
    with average.shown():
        assert torch.equal(weight, average.values[0])
    assert torch.equal(weight, before)


def test_an_average_of_other_weights_is_refused() -> None:
    one, other = (MovingAverage([torch.nn.Parameter(torch.zeros(size))], 0.9) for size in (2, 3))
    with pytest.raises(ValueError, match="of other weights"):
        one.load_state_dict(other.state_dict())


def test_instead_saves_the_average_that_beside_adds(prepared: Prepared, tmp_path: Path) -> None:
    tensors = {}
    for how in ("beside", "instead"):
        run, state, saver = begun(prepared, tmp_path / how, ema_decay=0.9, ema_save=how)
        tensors[how] = read_lora(_loop(run, state, saver, prepared.events))[0]
    beside, _ = read_lora(tmp_path / "beside" / "penny-ema.safetensors")
    assert not (tmp_path / "instead" / "penny-ema.safetensors").exists()
    assert all(torch.equal(beside[name], tensors["instead"][name]) for name in beside)
    assert any(not torch.equal(beside[name], tensors["beside"][name]) for name in beside)
    plain, state, saver = begun(prepared, tmp_path / "plain")
    without = read_lora(_loop(plain, state, saver, prepared.events))[0]
    assert all(torch.equal(without[name], tensors["beside"][name]) for name in without)


def test_old_averages_go_with_their_snapshots(prepared: Prepared, tmp_path: Path) -> None:
    run, state, saver = begun(prepared, tmp_path, ema_decay=0.9, save_last_n_steps=1)
    _loop(run, state, saver, prepared.events)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "penny-ema.safetensors",
        "penny-step00000001-ema.safetensors",
        "penny-step00000001.safetensors",
        "penny-step00000002-ema.safetensors",
        "penny-step00000002.safetensors",
        "penny.safetensors",
    ]


def test_schedule_free_saves_the_average_and_not_what_it_trains(prepared: Prepared, tmp_path: Path) -> None:
    run, state, saver = begun(prepared, tmp_path, optimizer_type="AdamWScheduleFree")
    saved = read_lora(_loop(run, state, saver, prepared.events))[0]
    trained = run.network.tensors()
    assert any(not torch.equal(saved[name], trained[name]) for name in saved)
    run.optimizer.optimizer.eval()
    assert all(torch.equal(saved[name], run.network.tensors()[name]) for name in saved)


def test_validation_is_the_mean_loss_at_four_timesteps(prepared: Prepared, tmp_path: Path) -> None:
    run, _, _ = begun(prepared, tmp_path, measured=True)
    run = replace(run, pictures=replace(run.pictures, measured=replace(run.measured, masks=Unmasked())))
    disturb(prepared)
    (item,) = run.measured.pictures.items
    seed, expected = integer_seed(run.seed, "validation"), []
    for batch in run.measured.batches:
        (draw,) = batch.draws
        latents = run.measured.latents.batch(batch, 0)
        noise = draw_noise(latents, [(0, 0, draw.copy)], run.settings, seed)
        step = (125, 375, 625, 875)[draw.copy]
        betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        kept = np.cumprod(1 - betas)[step]
        noisy = (kept**0.5 * latents.double() + (1 - kept) ** 0.5 * noise.double()).float()
        run.network.eval()
        with torch.no_grad():
            states = run.text.of([item.caption]).states
            answer = run.model.unet(noisy, torch.tensor([step]), states).sample
        expected.append(((answer - noise) ** 2).mean().item())
    assert len(expected) == 4
    assert validate(run) == pytest.approx(np.mean(expected), rel=1e-4)
    assert validate(run) == validate(run)


def test_validation_changes_nothing_and_tells_its_curve(prepared: Prepared, tmp_path: Path) -> None:
    ends = []
    for measured in (False, True):
        run, state, saver = begun(
            prepared, tmp_path / str(measured), measured=measured, validate_every_n_steps=2, network_dropout=0.2
        )
        run = replace(run, pictures=replace(run.pictures, masks=Unmasked()))
        ends.append(read_lora(_loop(run, state, saver, prepared.events))[0])
        assert run.network.training
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    told = [event for event in read_events(prepared.events.folder) if event["kind"] == "validation"]
    assert [event["step"] for event in told[-3:]] == [0, 2, 3]
    assert len({event["loss"] for event in told[-3:]}) == 3


def test_validation_is_of_what_would_be_saved(prepared: Prepared, tmp_path: Path) -> None:
    run, state, saver = begun(prepared, tmp_path, measured=True, optimizer_type="AdamWScheduleFree")
    _loop(run, state, saver, prepared.events)
    found = validate(run)
    run.optimizer.optimizer.eval()
    averaged = {name: one.clone() for name, one in run.network.tensors().items()}
    plain, _, _ = begun(prepared, tmp_path, measured=True)
    plain.network.load(averaged)
    assert validate(plain) == found


def test_validation_is_due_by_steps_by_epochs_and_at_the_end(prepared: Prepared, tmp_path: Path) -> None:
    run, state, _ = begun(prepared, tmp_path, measured=True)

    def due(steps: int, **words: object) -> list[int]:
        own = replace(run, plan=replace(run.plan, steps=steps), settings=run.settings.replaced(**words))
        stretch = replace(state.stretch, steps=steps)
        return [step for step in range(1, steps + 1) if validation_due(own, replace(state, step=step, stretch=stretch))]

    assert state.stretch.steps_per_epoch == 2
    assert due(7) == [2, 4, 6, 7]
    assert due(9, validate_every_n_epochs=2) == [4, 8, 9]
    assert due(7, validate_every_n_steps=3) == [3, 6, 7]
    assert not validation_due(replace(run, pictures=replace(run.pictures, measured=None)), state)


def test_the_prior_is_kept_against_the_bases_own_answer(prepared: Prepared, tmp_path: Path) -> None:
    run, _, _ = begun(prepared, tmp_path, prior_preservation="doll", prior_loss_weight=0.25)
    noisy, steps, sizes = torch.randn(2, 4, 8, 8), torch.tensor([30, 800]), [(64, 64, 0, 0, 64, 64)] * 2
    assert prior_loss(run, noisy, steps, sizes).item() == 0  # a LoRA that says nothing yet is the base
    disturb(prepared)
    found = prior_loss(run, noisy, steps, sizes)
    with torch.no_grad():
        ours = run.model.unet(noisy, steps, run.text.of(["doll"] * 2).states).sample
        run.network.detach()
        base = run.model.unet(noisy, steps, run.text.of(["doll"] * 2).states).sample
        run.network.attach()
    assert found.item() == pytest.approx(0.25 * ((ours - base) ** 2).mean().item(), rel=1e-5)
    found.backward()
    assert all(one.grad is not None for one in run.network.trainable("unet"))
    run.optimizer.zero_grad()


def test_the_class_drifts_less_with_it(prepared: Prepared, tmp_path: Path) -> None:
    noisy, steps, sizes = (
        torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(1)),
        torch.tensor([100, 400, 600, 900]),
        [],
    )
    drift = {}
    for words in (None, "doll"):
        run, state, saver = begun(
            prepared, tmp_path / str(words), prior_preservation=words, prior_loss_weight=4, learning_rate=2e-2
        )
        stage = replace(run.stage, stretch=replace(run.stage.stretch, steps=12))
        run = replace(run, plan=replace(run.plan, steps=12), stage=stage, settings=run.settings.replaced(save_every_n_steps=50))
        _loop(run, state, replace(saver, steps=12, settings=run.settings), prepared.events)
        asked = replace(run, settings=run.settings.replaced(prior_preservation="doll", prior_loss_weight=1))
        with torch.no_grad():
            drift[words] = prior_loss(asked, noisy, steps, sizes).item()
    assert drift["doll"] < 0.7 * drift[None]
