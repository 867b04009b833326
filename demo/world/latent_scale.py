"""Folds the latents' mean and spread into the autoencoder, so that SD's usual 0.18215 gives zero mean and unit variance."""

from __future__ import annotations

import math

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from .vae_data import picture_pool

SCALING_FACTOR = 0.18215


@torch.no_grad()
def fold_latent_scale(vae: AutoencoderKL, pictures: int = 256) -> None:
    """Changes quant_conv and post_quant_conv in place; what is decoded from what is encoded stays the same.

    z' = (z - mean) / (spread · 0.18215) per channel; the posterior's log-variances move by 2·log(spread · 0.18215).
    """
    mean, spread = _statistics(vae, pictures)
    scale = spread * SCALING_FACTOR
    quant, post = vae.quant_conv, vae.post_quant_conv
    quant.weight[:4] /= scale.view(4, 1, 1, 1)
    quant.bias[:4] = (quant.bias[:4] - mean) / scale
    quant.bias[4:] -= 2 * scale.log()
    post.bias += (post.weight[:, :, 0, 0] * mean).sum(dim=1)
    post.weight *= scale.view(1, 4, 1, 1)


def _statistics(vae: AutoencoderKL, pictures: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [4] of the encoded base pictures, the posterior's own spread included."""
    pool = picture_pool(pictures)
    pool = pool[[i for i in range(pictures) if i % 5 != 4]]  # without the random shapes
    total, squares, count = torch.zeros(4), torch.zeros(4), 0
    for batch in pool.split(16):
        posterior = vae.encode(batch.float() / 127.5 - 1).latent_dist
        total += posterior.mean.sum(dim=(0, 2, 3))
        squares += (posterior.mean.square() + posterior.var).sum(dim=(0, 2, 3))
        count += posterior.mean[:, 0].numel()
    mean = total / count
    spread = (squares / count - mean.square()).sqrt()
    assert math.isfinite(spread.sum())
    return mean, spread
