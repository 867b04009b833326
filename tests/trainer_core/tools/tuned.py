"""A checkpoint that was "tuned": all its weights moved, most of it in a few directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

TRAINED = ("model.diffusion_model.", "cond_stage_model.", "conditioner.")


def of_few_directions(tensor: torch.Tensor, generator: torch.Generator, size: float = 0.02) -> torch.Tensor:
    """Random differences whose singular values fall as 1, 1/2, 1/4, …, and a little noise; vectors get noise alone."""
    noise = torch.randn(tensor.shape, generator=generator) * size * 0.01
    if tensor.dim() < 2:
        return noise
    rows, columns = tensor.shape[0], tensor[0].numel()
    rank = min(12, rows, columns)
    left, right = (torch.randn(count, rank, generator=generator) for count in (rows, columns))
    return noise + ((left * 0.5 ** torch.arange(rank)) @ right.t()).reshape(tensor.shape) * size


def write_tuned(base: Path, path: Path, which: Callable[[str], bool] = lambda name: True) -> Path:
    generator = torch.Generator().manual_seed(5)
    tensors = load_file(base)
    for name, tensor in tensors.items():
        if name.startswith(TRAINED) and tensor.is_floating_point() and tensor.numel() and which(name):
            tensors[name] = tensor + of_few_directions(tensor, generator).to(tensor.dtype)
    save_file(tensors, path)
    return path
