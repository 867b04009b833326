"""Saves and restores a training stage so that it can stop at any moment and go on."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int, spent: float, **more: object) -> None:
    """Writes weights, optimizer, step and seconds spent, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent": spent}
    torch.save(state | more, part)
    os.replace(part, path)


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Restores what save_state wrote; returns step and seconds spent, zeros where there is nothing yet."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["spent"]


def keep_autoencoder(folder: Path, vae: nn.Module) -> None:
    """Writes the finished autoencoder, its latents scaled, for the export."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(vae.state_dict(), folder / "vae_finished.part")
    os.replace(folder / "vae_finished.part", folder / "vae_finished.pt")
