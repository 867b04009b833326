"""The samplers against diffusers' schedulers, against exact solutions, and against webui's discretisation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler

from lora_workbench.trainer_core.generate.sampler_names import SAMPLERS
from lora_workbench.trainer_core.generate.samplers import sample_latents, step_count
from lora_workbench.trainer_core.generate.schedule_types import (
    all_sigmas,
    ddim_timesteps,
    even_sigmas,
    karras_sigmas,
    timestep_of,
)

SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
SHAPE = (2, 4, 3, 3)


def noise_model(x: torch.Tensor, timestep: float) -> torch.Tensor:
    """Some smooth prediction that depends on everything."""
    return torch.tanh(1.3 * x + timestep / 700 - 0.4) + 0.1 * x


def drawing(seed: int) -> Callable[[], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(SHAPE, generator=generator)


def ours(sampler: str, steps: int) -> torch.Tensor:
    return sample_latents(sampler, steps, noise_model, drawing(3), lambda: None)


def theirs(scheduler: object, steps: int, start: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    scheduler.set_timesteps(steps)
    x = start * (scheduler.sigmas[0] if hasattr(scheduler, "sigmas") else 1.0)
    extra = {"generator": generator} if isinstance(scheduler, EulerAncestralDiscreteScheduler) else {}
    for timestep in scheduler.timesteps:
        predicted = noise_model(scheduler.scale_model_input(x, timestep), float(timestep))
        x = scheduler.step(predicted, timestep, x, **extra).prev_sample
    return x


# With 10 steps the even timesteps are whole numbers, where k-diffusion and diffusers interpolate alike.
def test_euler_is_that_of_diffusers() -> None:
    expected = theirs(EulerDiscreteScheduler(**SCHEDULE, timestep_spacing="linspace"), 10, drawing(3)())
    assert torch.allclose(ours("Euler", 10), expected, rtol=1e-4, atol=1e-4)


def test_euler_ancestral_is_that_of_diffusers_with_noise_drawn_in_the_same_order() -> None:
    scheduler = EulerAncestralDiscreteScheduler(**SCHEDULE, timestep_spacing="linspace")
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(SHAPE, generator=generator)
    assert torch.allclose(ours("Euler a", 10), theirs(scheduler, 10, start, generator), rtol=1e-4, atol=1e-4)


def test_ddim_is_that_of_diffusers_but_for_the_last_timestep() -> None:
    """webui leaves out timestep 1, diffusers' last; both end each step on the next timestep's noise."""
    scheduler = DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=False, timestep_spacing="leading", steps_offset=1)
    scheduler.set_timesteps(20)
    x = drawing(3)()
    for timestep in scheduler.timesteps[:-1]:
        x = scheduler.step(noise_model(x, float(timestep)), timestep, x).prev_sample
    assert scheduler.timesteps.tolist() == ddim_timesteps(20)[::-1]
    assert torch.allclose(ours("DDIM", 20), x, rtol=1e-4, atol=1e-4)


def test_dpmpp_2m_is_that_of_diffusers() -> None:
    """Theirs lowers the order at the end only below 15 steps, ours (as k-diffusion) wherever the last sigma is 0."""
    scheduler = DPMSolverMultistepScheduler(
        **SCHEDULE, use_karras_sigmas=True, final_sigmas_type="zero", euler_at_final=True, timestep_spacing="linspace"
    )
    scheduler.set_timesteps(12)
    assert np.allclose(scheduler.sigmas.numpy(), [*karras_sigmas(12, all_sigmas()), 0.0], rtol=1e-4)
    x = drawing(3)()
    # Theirs keeps latents at unit variance; both rows of sigmas are the same, so the timesteps are told by them.
    for sigma, timestep in zip(scheduler.sigmas[:-1], scheduler.timesteps, strict=True):
        scale = 1 / math.sqrt(float(sigma) ** 2 + 1)
        scaled = x if sigma < scheduler.sigmas[0] else x * (float(sigma) * scale)
        x = scheduler.step(noise_model(scaled, timestep_of(float(sigma), all_sigmas())), timestep, scaled).prev_sample
    assert torch.allclose(ours("DPM++ 2M", 12), x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("sampler", [one for one in SAMPLERS if one != "LCM"])
def test_the_picture_is_found_where_the_model_always_knows_it(sampler: str) -> None:
    """With a perfect prediction for one picture every sampler ends on it, whatever noise it began with."""
    picture = torch.linspace(-1, 1, 36).view(1, 4, 3, 3)
    kept = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2, 0)
    logs = ((1 - kept) / kept).sqrt().log()

    def perfect(x: torch.Tensor, timestep: float) -> torch.Tensor:
        low = min(int(timestep), 998)
        sigma = math.exp(logs[low] + (timestep - low) * (logs[low + 1] - logs[low]))
        return (x * math.sqrt(sigma**2 + 1) - picture) / sigma

    found = sample_latents(sampler, 25, perfect, drawing(5), lambda: None, seeds=(1, 2))
    # These stop at timestep 1 or 0, whose sigmas 0.041 and 0.029 leave some of the noise.
    assert (found - picture).abs().max() < (0.2 if sampler in ("DDIM", "PLMS", "UniPC") else 2e-3)


BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
LOG_SIGMAS = np.log(np.sqrt((1 - np.cumprod(1 - BETAS)) / np.cumprod(1 - BETAS)))


def test_sigmas_and_timesteps_are_webuis() -> None:
    sigmas = [*even_sigmas(5, all_sigmas()), 0.0]
    assert sigmas[0] == pytest.approx(14.6146, abs=1e-3) and sigmas[-2] == pytest.approx(0.0292, abs=1e-4)  # webui's own ends
    assert sigmas[-1] == 0 and len(sigmas) == 6
    assert math.log(sigmas[1]) == pytest.approx(0.75 * LOG_SIGMAS[749] + 0.25 * LOG_SIGMAS[750], abs=1e-5)
    assert [timestep_of(one, all_sigmas()) for one in sigmas[:-1]] == pytest.approx([999, 749.25, 499.5, 249.75, 0], abs=0.02)
    assert ddim_timesteps(20) == list(range(1, 1000, 50))
    assert ddim_timesteps(30) == list(range(1, 1000, 33))  # 31 of them
    assert (step_count("DDIM", 20), step_count("DDIM", 30), step_count("Euler", 20)) == (19, 30, 20)


@pytest.mark.parametrize(
    ("sampler", "draws"),
    [
        *((one, 1) for one in SAMPLERS if one not in ("Euler a", "DPM2 a", "DPM++ 2S a", "LCM")),
        *((one, 8) for one in ("Euler a", "DPM2 a", "DPM++ 2S a", "LCM")),
    ],
)
def test_noise_is_drawn_for_the_start_and_for_every_ancestral_step_but_the_last(sampler: str, draws: int) -> None:
    drawn, steps = [], []

    def draw() -> torch.Tensor:
        drawn.append(1)
        return torch.zeros(SHAPE)

    sample_latents(sampler, 8, noise_model, draw, lambda: steps.append(1), seeds=(1, 2))
    assert len(drawn) == draws and len(steps) == step_count(sampler, 8)


# A model of pictures that are normal with variance 0.25: the best guess of the noise in x is known at every timestep.
SPREAD = 0.25


def best_noise(x: torch.Tensor, kept: float) -> torch.Tensor:
    """E[noise | x = sqrt(kept)·picture + sqrt(1-kept)·noise]."""
    return (1 - kept) ** 0.5 * x / (kept * SPREAD + 1 - kept)


def best_velocity(x: torch.Tensor, kept: float) -> torch.Tensor:
    """E[sqrt(kept)·noise - sqrt(1-kept)·picture | x]."""
    picture = kept**0.5 * SPREAD * x / (kept * SPREAD + 1 - kept)
    return kept**0.5 * best_noise(x, kept) - (1 - kept) ** 0.5 * picture


def kept_at(timestep: float, zero_terminal: bool) -> float:
    """The picture's share at a fractional timestep, from the published schedule, linear in log sigma as k-diffusion's."""
    roots = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2) ** 0.5
    if zero_terminal:
        roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    shares = np.maximum(roots**2, 4.8973451890853435e-08)
    logs = np.log(np.sqrt((1 - shares) / shares))
    return float(1 / (1 + np.exp(np.interp(timestep, np.arange(1000), logs)) ** 2))


@pytest.mark.parametrize("sampler", ["DDIM", "Euler", "Euler a", "DPM++ 2M"])
@pytest.mark.parametrize("zero_terminal", [False, True])
def test_a_model_of_velocity_draws_what_the_same_model_of_noise_draws(sampler: str, zero_terminal: bool) -> None:
    noisy, swift = (
        sample_latents(
            sampler,
            12,
            lambda x, timestep, model=model: model(x, kept_at(timestep, zero_terminal)),
            drawing(5),
            lambda: None,
            prediction,
            zero_terminal,
        )
        for model, prediction in ((best_noise, "epsilon"), (best_velocity, "v_prediction"))
    )
    assert torch.allclose(noisy, swift, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("sampler", ["Euler", "DPM++ 2M"])
def test_from_the_end_of_a_zero_terminal_schedule_pictures_get_their_own_spread(sampler: str) -> None:
    """The flow of this model is linear: each latent is its first noise times the pictures' deviation."""
    start = drawing(7)()
    drawn = sample_latents(
        sampler,
        400,
        lambda x, timestep: best_velocity(x, kept_at(timestep, True)),
        drawing(7),
        lambda: None,
        "v_prediction",
        True,
    )
    assert torch.allclose(drawn, start * SPREAD**0.5, rtol=0.03, atol=0.03)
