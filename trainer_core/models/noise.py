"""The noise schedule of Stable Diffusion: 1000 steps, betas linear in their square roots (0.00085 … 0.012).

`zero_terminal`: the schedule changed so that nothing of the picture is left at its last step (Lin et al. 2023).
`prediction`: what the UNet answers with, the noise ("epsilon") or the velocity ("v_prediction", Salimans and Ho 2022).
"""

from __future__ import annotations

import functools
from typing import Literal

import torch

TIMESTEPS = 1000
Prediction = Literal["epsilon", "v_prediction"]


@functools.cache
def alphas_cumprod(zero_terminal: bool = False) -> torch.Tensor:
    """[1000] float32: the share of the picture's variance left at each timestep."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS, dtype=torch.float64) ** 2
    kept = torch.cumprod(1.0 - betas, dim=0)
    return (_rescaled(kept) if zero_terminal else kept).float()


def _rescaled(kept: torch.Tensor) -> torch.Tensor:
    """Algorithm 1 of Lin et al. 2023: the roots shifted so that the last is 0, stretched so that the first stays."""
    roots = kept.sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    return ((roots - last) * first / (first - last)) ** 2


def _at(values: torch.Tensor, timesteps: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    picked = values.to(timesteps.device)[timesteps].to(like.device, like.dtype)
    return picked.view(-1, *[1] * (like.ndim - 1))


def add_noise(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, zero_terminal: bool = False) -> torch.Tensor:
    """sqrt(a)·latents + sqrt(1-a)·noise; latents and noise [B, …], timesteps [B] in 0 … 999."""
    kept = alphas_cumprod(zero_terminal)
    return _at(kept**0.5, timesteps, latents) * latents + _at((1.0 - kept) ** 0.5, timesteps, latents) * noise


def velocity(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, zero_terminal: bool = False) -> torch.Tensor:
    """The target of v-prediction (Salimans and Ho 2022): sqrt(a)·noise - sqrt(1-a)·latents."""
    kept = alphas_cumprod(zero_terminal)
    return _at(kept**0.5, timesteps, latents) * noise - _at((1.0 - kept) ** 0.5, timesteps, latents) * latents


def training_target(
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    prediction: Prediction = "epsilon",
    zero_terminal: bool = False,
) -> torch.Tensor:
    """What the UNet's answer is compared with."""
    return velocity(latents, noise, timesteps, zero_terminal) if prediction == "v_prediction" else noise


def snr(timesteps: torch.Tensor, zero_terminal: bool = False) -> torch.Tensor:
    """Signal-to-noise ratio a/(1-a) at each timestep, [B]; 0 at the last one of a zero-terminal schedule."""
    kept = alphas_cumprod(zero_terminal)
    return (kept / (1.0 - kept)).to(timesteps.device)[timesteps]
