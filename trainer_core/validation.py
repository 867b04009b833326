"""How well the LoRA does on pictures that it isn't trained on: the same pictures, noise and timesteps each time."""

from __future__ import annotations

from typing import Any

from .dataset.batches import Batch
from .dataset.validation import TIMES
from .randomness import integer_seed
from .run import Run
from .settings import Settings


def validation_due(run: Run, state: Any) -> bool:
    """Whether a measure is due after the step just done: by steps, else by epochs, and at the end."""
    if run.measured is None:
        return False
    if state.step == run.plan.steps:
        return True
    if run.settings.validate_every_n_steps:
        return state.step % run.settings.validate_every_n_steps == 0
    return state.epoch_ended and state.epoch % (run.settings.validate_every_n_epochs or 1) == 0


def validate(run: Run) -> float:
    """The mean loss of the pictures that are kept out, with the weights that would be saved now; nothing is learnt."""
    import torch

    run.network.eval()
    total = count = 0.0
    with torch.no_grad(), run.shown():
        for batch in run.processes.mine(run.measured.batches):
            total += _loss(run, batch) * len(batch.draws)
            count += len(batch.draws)
    run.network.train()
    return run.processes.total(total) / run.processes.total(count)


def _loss(run: Run, batch: Batch) -> float:
    import torch

    from .dataset.caption_text import whole_caption
    from .dataset.sizes import shown_sizes
    from .losses import batch_loss
    from .models.noise import training_target
    from .models.predict import predict
    from .noising import draw_noise, noisy_latents

    settings, device, measured = run.settings, run.accelerator.device, run.measured
    seed = integer_seed(run.seed, "validation")
    keys = [(0, draw.item, draw.copy) for draw in batch.draws]
    captions = [whole_caption(measured.pictures.items[draw.item]) for draw in batch.draws]
    kind = run.model.prediction, run.model.zero_terminal

    latents = measured.latents.batch(batch, 0)
    noise = draw_noise(latents, keys, settings, seed).to(device)
    latents = latents.to(device)
    timesteps = torch.tensor([even_timestep(draw.copy, settings) for draw in batch.draws], device=device)
    noisy = noisy_latents(latents, noise, timesteps, keys, settings, seed, run.model.zero_terminal)
    with run.accelerator.autocast():
        answer = predict(run.model, noisy, timesteps, run.text.of(captions), shown_sizes(measured.pictures, batch, 0, seed))
    target = training_target(latents, noise, timesteps, *kind)
    is_reg = torch.zeros(len(keys), dtype=torch.bool, device=device)
    return batch_loss(answer, target, timesteps, is_reg, settings, *kind, measured.masks.batch(batch, 0)).item()


def even_timestep(copy: int, settings: Settings) -> int:
    """The middle of the `copy`-th of TIMES equal parts of the trained timesteps: 125, 375, 625 and 875 of all."""
    low, high = settings.min_timestep or 0, settings.max_timestep or 1000
    return low + int((copy + 0.5) / TIMES * (high - low))
