"""The one place where a UNet is asked, in training and in sampling, for every family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .text import TextStates


def predict(
    model: Any, noisy: torch.Tensor, timesteps: torch.Tensor, text: TextStates, sizes: Sequence[Sequence[int]] | None = None
) -> torch.Tensor:
    """The UNet's answer [B, 4, h, w] to noisy latents at timesteps [B]: noise or velocity, as `model.prediction` says.

    sizes: of each picture (original height, width, crop top, left, target height, width), which SDXL alone looks at.
    """
    weights = model.unet.conv_in.weight
    text = text.to(weights.device, weights.dtype)
    more = {}
    if text.pooled is not None:
        numbers = torch.tensor(sizes, dtype=torch.float32, device=weights.device)  # bf16 would round them
        more["added_cond_kwargs"] = {"text_embeds": text.pooled, "time_ids": numbers}
    return model.unet(noisy.to(weights.dtype), timesteps, text.states, **more).sample
