"""Trains the toy world's autoencoder; the first stage of train_base."""

from __future__ import annotations

import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from .run_state import load_state, save_state
from .vae_data import picture_pool, vae_batch
from .vae_init import make_vae

LEARNING_RATE = 1.5e-3
KL_WEIGHT = 1e-5


def reconstruction_loss(decoded: Tensor, picture: Tensor) -> Tensor:
    """L1 and squared error, and L1 of averages over 4 and 8 pixels for colour."""
    loss = F.l1_loss(decoded, picture) + F.mse_loss(decoded, picture)
    for size in (4, 8):
        loss = loss + F.l1_loss(F.avg_pool2d(decoded, size), F.avg_pool2d(picture, size))
    return loss


def train_vae(state_dir: Path, minutes: float, seed: int) -> AutoencoderKL:
    """Trains until the minutes are spent (cosine over time, so the rate ends at zero); goes on from a saved state.

    Returns the autoencoder in eval mode.
    """
    vae = make_vae(seed)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    step, spent = load_state(state_dir / "vae.pt", vae, optimizer)
    pool = picture_pool(2500) if spent < minutes * 60 else torch.empty(0)
    last = time.monotonic()
    while spent < minutes * 60:
        progress = spent / (minutes * 60)
        rate = LEARNING_RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = rate
        picture = vae_batch(pool, step, seed)
        torch.manual_seed(seed * 1_000_003 + step)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(picture).latent_dist
            decoded = vae.decode(posterior.sample()).sample.float()
        kl = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1 - posterior.logvar.float()).mean()
        loss = reconstruction_loss(decoded, picture) + KL_WEIGHT * kl
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        now = time.monotonic()
        spent, last = spent + now - last, now
        if step % 20 == 1:
            print(f"vae step {step} {spent:.0f}s lr {rate:.1e} loss {loss.item():.4f} kl {kl.item():.2f}", flush=True)
        if step % 100 == 0:
            save_state(state_dir / "vae.pt", vae, optimizer, step, spent)
    save_state(state_dir / "vae.pt", vae, optimizer, step, spent)
    return vae.eval()
