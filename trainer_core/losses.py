"""The loss of a batch: how far the predicted noise is off, weighted by picture."""

from __future__ import annotations

import math

import torch

from .models.noise import TIMESTEPS, snr
from .settings import Settings

MAX_SNR = 1000.0


def batch_loss(
    noise_pred: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, is_reg: torch.Tensor, settings: Settings
) -> torch.Tensor:
    """The loss, a float32 scalar; noise_pred and noise [B, C, h, w], timesteps and is_reg (bool) [B]."""
    each = pointwise_loss(noise_pred.float(), noise.float(), timesteps, settings).mean(dim=(1, 2, 3))
    return (each * sample_weights(timesteps, is_reg, settings)).mean()


def pointwise_loss(prediction: torch.Tensor, target: torch.Tensor, timesteps: torch.Tensor, settings: Settings) -> torch.Tensor:
    """l2, l1, or Huber's and its smooth-L1 form in kohya's scaling, before any mean."""
    if settings.loss_type == "l2":
        return (prediction - target) ** 2
    if settings.loss_type == "l1":
        return (prediction - target).abs()
    threshold = huber_threshold(timesteps, settings).to(prediction).view(-1, 1, 1, 1)
    bent = torch.sqrt((prediction - target) ** 2 + threshold**2) - threshold
    return 2 * threshold * bent if settings.loss_type == "huber" else 2 * bent


def huber_threshold(timesteps: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Where Huber's loss turns linear, [B]: constant, falling with the timestep, or following the signal-to-noise ratio."""
    c = settings.huber_c
    if settings.huber_schedule == "constant":
        values = torch.full(timesteps.shape, c)
    elif settings.huber_schedule == "exponential":
        values = torch.exp(timesteps.float().cpu() * math.log(c) / TIMESTEPS)
    else:
        sigmas = snr(timesteps.cpu()) ** -0.5
        values = (1 - c) / (1 + sigmas) ** 2 + c
    return values * settings.huber_scale


def sample_weights(timesteps: torch.Tensor, is_reg: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Each picture's weight [B]: min-SNR (Hang et al. 2023), debiased estimation (Yu et al. 2023), v-like share, prior."""
    weights = torch.ones(timesteps.shape, dtype=torch.float32, device=timesteps.device)
    ratio = snr(timesteps).float()
    bounded = ratio.clamp(max=MAX_SNR)
    if settings.min_snr_gamma:
        weights = weights * ratio.clamp(max=settings.min_snr_gamma) / ratio
    if settings.v_pred_like_loss:
        weights = weights * (1 + settings.v_pred_like_loss * (bounded + 1) / bounded)
    if settings.debiased_estimation_loss:
        weights = weights / bounded.sqrt()
    return torch.where(is_reg, weights * settings.prior_loss_weight, weights)
