"""The noise schedule against diffusers' DDPMScheduler."""

from __future__ import annotations

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from lora_workbench.trainer_core.models.noise import add_noise, alphas_cumprod, snr, velocity

THEIRS = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
STEPS = torch.tensor([0, 1, 499, 998, 999])


def test_schedule_and_its_uses_are_diffusers() -> None:
    torch.manual_seed(0)
    latents, noise = torch.randn(5, 4, 3, 2), torch.randn(5, 4, 3, 2)
    assert torch.allclose(alphas_cumprod(), THEIRS.alphas_cumprod, rtol=1e-6)
    assert torch.allclose(add_noise(latents, noise, STEPS), THEIRS.add_noise(latents, noise, STEPS), rtol=1e-5, atol=1e-6)
    assert torch.allclose(velocity(latents, noise, STEPS), THEIRS.get_velocity(latents, noise, STEPS), rtol=1e-5, atol=1e-6)


def test_snr_is_signal_over_noise_and_always_positive() -> None:
    kept = THEIRS.alphas_cumprod.double()[STEPS]
    assert torch.allclose(snr(STEPS).double(), kept / (1 - kept), rtol=1e-4)
    assert (snr(torch.arange(1000)) > 0).all()
