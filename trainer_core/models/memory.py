"""Where a model lies while its LoRA is trained: device, attention, gradient checkpointing."""

from __future__ import annotations

from typing import Any

import torch

from ..settings import Settings
from .small_convolutions import use_plain_convolutions
from .text import text_model


def prepare_for_training(model: Any, settings: Settings, device: torch.device) -> None:
    """Moves the text encoder and UNet to the device and turns on the attention and checkpointing that the settings ask for.

    Nothing of the base is trained: both stay frozen and in eval mode.
    """
    model.text_encoder.to(device)
    model.unet.to(device)
    if device.type != "cpu":
        use_plain_convolutions(model.unet, model.unet.conv_in.weight.dtype)
    if settings.xformers:
        model.unet.enable_xformers_memory_efficient_attention()
    if settings.gradient_checkpointing:
        model.unet.enable_gradient_checkpointing()
        text_model(model.text_encoder).gradient_checkpointing = True  # read by text.encode
