"""Prior preservation without regularization pictures: for a class word the LoRA is to answer as the base model does.

The idea is Dreambooth's (Ruiz et al. 2023), with the frozen base's answer at each step in place of pictures that it drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .losses import batch_loss
from .models.predict import predict
from .run import Run


def prior_loss(run: Run, noisy: torch.Tensor, timesteps: torch.Tensor, sizes: Sequence[Sequence[int]]) -> torch.Tensor:
    """How far the LoRA's answer to the class word is from the base's, weighted as regularization pictures are; a scalar.

    noisy [B, C, h, w] and timesteps [B] are those of the training pictures: what is asked is what else they could be.
    """
    settings = run.settings
    words = [settings.prior_preservation] * len(noisy)
    with run.accelerator.autocast():
        with torch.no_grad():
            run.network.set_multiplier(0, 0)
            base: Any = predict(run.model, noisy, timesteps, run.text.of(words), sizes)
            run.network.set_multiplier(1, 1)
        answer = predict(run.model, noisy, timesteps, run.text.of(words), sizes)
    is_reg = torch.ones(len(noisy), dtype=torch.bool, device=noisy.device)
    return batch_loss(answer, base, timesteps, is_reg, settings, run.model.prediction, run.model.zero_terminal)
