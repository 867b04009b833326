"""The loss of a batch: how far the UNet's answer is off, weighted by timestep, picture and mask.

`prediction` and `zero_terminal` are the model's (models/noise.py); `snr` is the signal-to-noise ratio at a timestep.
"""

from __future__ import annotations

import math

import torch

from .models.noise import TIMESTEPS, Prediction, snr
from .settings import Settings

MAX_SNR = 1000.0


def batch_loss(
    answer: torch.Tensor,
    target: torch.Tensor,
    timesteps: torch.Tensor,
    is_reg: torch.Tensor,
    settings: Settings,
    prediction: Prediction = "epsilon",
    zero_terminal: bool = False,
    masks: torch.Tensor | None = None,
) -> torch.Tensor:
    """The loss, a float32 scalar; answer and target [B, C, h, w], timesteps and is_reg (bool) [B], masks [B, 1, h, w].

    What a mask leaves out (0) counts as if it were right; the mean is over the whole picture, as kohya's.
    """
    each = pointwise_loss(answer.float(), target.float(), timesteps, settings, zero_terminal)
    if masks is not None:
        each = each * masks.to(each)
    return (each.mean(dim=(1, 2, 3)) * sample_weights(timesteps, is_reg, settings, prediction, zero_terminal)).mean()


def pointwise_loss(
    answer: torch.Tensor, target: torch.Tensor, timesteps: torch.Tensor, settings: Settings, zero_terminal: bool = False
) -> torch.Tensor:
    """l2, l1, or Huber's and its smooth-L1 form in kohya's scaling, before any mean."""
    if settings.loss_type == "l2":
        return (answer - target) ** 2
    if settings.loss_type == "l1":
        return (answer - target).abs()
    threshold = huber_threshold(timesteps, settings, zero_terminal).to(answer).view(-1, 1, 1, 1)
    bent = torch.sqrt((answer - target) ** 2 + threshold**2) - threshold
    return 2 * threshold * bent if settings.loss_type == "huber" else 2 * bent


def huber_threshold(timesteps: torch.Tensor, settings: Settings, zero_terminal: bool = False) -> torch.Tensor:
    """Where Huber's loss turns linear, [B]: constant, falling with the timestep, or following the signal-to-noise ratio."""
    c = settings.huber_c
    if settings.huber_schedule == "constant":
        values = torch.full(timesteps.shape, c)
    elif settings.huber_schedule == "exponential":
        values = torch.exp(timesteps.float().cpu() * math.log(c) / TIMESTEPS)
    else:
        sigmas = snr(timesteps.cpu(), zero_terminal) ** -0.5  # infinite at a zero-terminal end: c is left
        values = (1 - c) / (1 + sigmas) ** 2 + c
    return values * settings.huber_scale


def sample_weights(
    timesteps: torch.Tensor,
    is_reg: torch.Tensor,
    settings: Settings,
    prediction: Prediction = "epsilon",
    zero_terminal: bool = False,
) -> torch.Tensor:
    """Each picture's weight [B]: min-SNR (Hang et al. 2023), debiased estimation (Yu et al. 2023), v-like share, prior.

    The velocity's squared error is (snr + 1) / snr times the noise's, so weights made for noise are divided by that.
    """
    weights = torch.ones(timesteps.shape, dtype=torch.float32, device=timesteps.device)
    velocity = prediction == "v_prediction"
    ratio = snr(timesteps, zero_terminal).float()
    if zero_terminal and not velocity:  # pure noise at the end would weigh infinitely; the usual schedule's end does
        ratio = ratio.clamp(min=float(snr(torch.tensor(TIMESTEPS - 1))))
    bounded = ratio.clamp(max=MAX_SNR)
    if settings.min_snr_gamma:
        weights = weights * ratio.clamp(max=settings.min_snr_gamma) / (ratio + 1 if velocity else ratio)
    if settings.scale_v_pred_loss_like_noise_pred:
        weights = weights * bounded / (bounded + 1)
    if settings.v_pred_like_loss:
        weights = weights * (1 + settings.v_pred_like_loss * (bounded + 1) / bounded)
    if settings.debiased_estimation_loss:
        weights = weights / (bounded + 1 if velocity else bounded.sqrt())
    return torch.where(is_reg, weights * settings.prior_loss_weight, weights)
