"""Where a model lies while its LoRA is trained: device, what is idle, attention, gradient checkpointing."""

from __future__ import annotations

from typing import Any

import torch

from ..settings import Settings
from .small_convolutions import use_plain_convolutions
from .text import text_model


def put_idle_away(model: Any, settings: Settings, device: torch.device | str) -> None:
    """Takes the VAE off a GPU until the next picture is drawn, unless it reads pictures at each step or there is room for it.

    With lowram the GPU is where the room is.
    """
    if model.vae is not None and settings.cache_latents and not (settings.highvram or settings.lowram):
        model.vae.to("cpu")
        if torch.device(device).type == "cuda":
            torch.cuda.empty_cache()


def prepare_for_training(model: Any, settings: Settings, device: torch.device) -> None:
    """Moves the text encoders and UNet to the device and turns on the attention and checkpointing that the settings ask for.

    Nothing of the base is trained: both stay frozen and in eval mode.
    """
    encoders = [encoder for encoder in (model.text_encoder, model.text_encoder_2) if encoder is not None]
    for part in (*encoders, model.unet):
        part.to(device)
    if device.type != "cpu":
        use_plain_convolutions(model.unet, model.unet.conv_in.weight.dtype)
    if settings.xformers:
        model.unet.enable_xformers_memory_efficient_attention()
    if settings.gradient_checkpointing:
        model.unet.enable_gradient_checkpointing()
        for encoder in encoders:
            text_model(encoder).gradient_checkpointing = True  # read by text.encode
