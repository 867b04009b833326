"""Noise and timesteps of a training step, drawn per picture so that they don't depend on batches, workers or devices.

A picture is known by (epoch, item, copy): `copy` tells an epoch's repeats of the same picture apart. Formulas: noise
offset (crosslabs.org 2023), pyramid noise (wandb report by Whitaker 2023), input perturbation (Ning et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from .models.noise import TIMESTEPS, add_noise
from .randomness import generator, normal, uniform, uniform_int
from .settings import Settings

Key = tuple[int, int, int]  # epoch, item, copy


def draw_noise(latents: torch.Tensor, keys: Sequence[Key], settings: Settings, seed: int) -> torch.Tensor:
    """Noise of the latents' shape [B, C, h, w], float32, on the CPU, with all that the settings add to it."""
    return torch.stack([_noise(latent, key, settings, seed) for latent, key in zip(latents, keys, strict=True)])


def _noise(latent: torch.Tensor, key: Key, settings: Settings, seed: int) -> torch.Tensor:
    shape = tuple(latent.shape)
    noise = torch.from_numpy(normal(shape, seed, "noise", *key))
    if settings.noise_offset:
        strength = settings.noise_offset
        if settings.noise_offset_random_strength:
            strength *= uniform(seed, "noise offset strength", *key)
        offset = torch.from_numpy(normal((shape[0], 1, 1), seed, "noise offset", *key))
        scale = torch.tensor(strength)
        if settings.adaptive_noise_scale:
            mean = latent.float().cpu().mean(dim=(1, 2), keepdim=True).abs()
            scale = (strength + settings.adaptive_noise_scale * mean).clamp(min=0.0)
        noise = noise + scale * offset
    if settings.multires_noise_iterations:
        noise = _pyramid(noise, settings.multires_noise_iterations, settings.multires_noise_discount, key, seed)
    return noise


def _pyramid(noise: torch.Tensor, iterations: int, discount: float, key: Key, seed: int) -> torch.Tensor:
    """Adds coarser noise, each level a random two to four times smaller, and brings the sum back to unit variance."""
    channels, height, width = noise.shape
    rng = generator(seed, "pyramid noise", *key)
    for level in range(iterations):
        shrink = float(rng.random() * 2 + 2) ** level
        size = (max(1, int(height / shrink)), max(1, int(width / shrink)))
        coarse = torch.from_numpy(rng.standard_normal((1, channels, *size), dtype=np.float32))
        noise = noise + F.interpolate(coarse, size=(height, width), mode="bilinear")[0] * discount**level
        if 1 in size:
            break
    return noise / noise.std()


def draw_timesteps(keys: Sequence[Key], settings: Settings, seed: int) -> torch.Tensor:
    """Timesteps [B] in [min_timestep, max_timestep), whole numbers, even."""
    low, high = settings.min_timestep or 0, settings.max_timestep or TIMESTEPS
    return torch.tensor([uniform_int(low, high, seed, "timestep", *key) for key in keys], dtype=torch.long)


def noisy_latents(
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    keys: Sequence[Key],
    settings: Settings,
    seed: int,
    zero_terminal: bool = False,
) -> torch.Tensor:
    """What the UNet sees: latents with noise at their timesteps, with ip_noise_gamma a little more than it is told."""
    if not settings.ip_noise_gamma:
        return add_noise(latents, noise, timesteps, zero_terminal)
    more = [
        torch.from_numpy(normal(tuple(one.shape), seed, "input perturbation", *key))
        * settings.ip_noise_gamma
        * (uniform(seed, "input perturbation strength", *key) if settings.ip_noise_gamma_random_strength else 1.0)
        for one, key in zip(noise, keys, strict=True)
    ]
    return add_noise(latents, noise + torch.stack(more).to(noise.device, noise.dtype), timesteps, zero_terminal)
