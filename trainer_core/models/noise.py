"""The noise schedule of Stable Diffusion: 1000 steps, betas linear in their square roots (0.00085 … 0.012)."""

from __future__ import annotations

import functools

import torch

TIMESTEPS = 1000


@functools.cache
def alphas_cumprod() -> torch.Tensor:
    """[1000] float32: the share of the picture's variance left at each timestep."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS, dtype=torch.float32) ** 2
    return torch.cumprod(1.0 - betas, dim=0)


def _at(values: torch.Tensor, timesteps: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    picked = values.to(timesteps.device)[timesteps].to(like.device, like.dtype)
    return picked.view(-1, *[1] * (like.ndim - 1))


def add_noise(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """sqrt(a)·latents + sqrt(1-a)·noise; latents and noise [B, …], timesteps [B] in 0 … 999."""
    kept = alphas_cumprod()
    return _at(kept**0.5, timesteps, latents) * latents + _at((1.0 - kept) ** 0.5, timesteps, latents) * noise


def velocity(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """The target of v-prediction (Salimans and Ho 2022): sqrt(a)·noise - sqrt(1-a)·latents."""
    kept = alphas_cumprod()
    return _at(kept**0.5, timesteps, latents) * noise - _at((1.0 - kept) ** 0.5, timesteps, latents) * latents


def snr(timesteps: torch.Tensor) -> torch.Tensor:
    """Signal-to-noise ratio a/(1-a) at each timestep, [B]."""
    kept = alphas_cumprod()
    return (kept / (1.0 - kept)).to(timesteps.device)[timesteps]
