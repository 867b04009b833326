"""The classes of diffusers and transformers for a model file, configured by its tensors' shapes and made without memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .header import ModelHeader

Shapes = Mapping[str, tuple[int, ...]]


def build(part: str, shapes: Shapes, header: ModelHeader) -> nn.Module:
    """The part's module on the meta device; KeyError names a tensor that is needed to know its configuration."""
    leave_out_quantizers()
    return {"unet": _build_unet, "vae": _build_vae, "text_encoder": _build_text}[part](shapes, header)


def leave_out_quantizers() -> None:
    """diffusers imports bitsandbytes with its first model, seconds and a warning that nothing here has a use for."""
    from diffusers.utils import import_utils

    import_utils._bitsandbytes_available = False


def _count(shapes: Mapping[str, Any], start: str) -> int:
    """How many numbered children `start`0…, `start`1… there are."""
    number = 0
    while any(name.startswith(f"{start}{number}.") for name in shapes):
        number += 1
    return number


def unet_config(shapes: Shapes) -> dict[str, Any]:
    """The configuration of a UNet of SD 1.x architecture, from its tensors' shapes. Eight heads everywhere, as in SD 1.x."""
    levels = _count(shapes, "down_blocks.")
    widths = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)]
    attends = [f"down_blocks.{level}.attentions.0.proj_in.weight" in shapes for level in range(levels)]
    attention = "mid_block.attentions.0."
    return {
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "block_out_channels": widths,
        "layers_per_block": _count(shapes, "down_blocks.0.resnets."),
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)],
        "cross_attention_dim": shapes[attention + "transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": len(shapes[attention + "proj_in.weight"]) == 2,
        "attention_head_dim": 8,
        "norm_num_groups": 32,
        "sample_size": 64,
    }


def vae_config(shapes: Shapes) -> dict[str, Any]:
    levels = _count(shapes, "encoder.down_blocks.")
    return {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": [shapes[f"encoder.down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)],
        "layers_per_block": _count(shapes, "encoder.down_blocks.0.resnets."),
        "norm_num_groups": 32,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": 512,
        "scaling_factor": 0.18215,
    }


def text_config(shapes: Shapes, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Heads can't be seen from shapes: 64 wide each as in every CLIP, or what the file's metadata says."""
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    heads = int(metadata.get("text_encoder_heads", max(1, width // 64)))
    if heads < 1 or width % heads:
        raise ValueError(f"{heads} heads don't divide a width of {width}")
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": _count(shapes, "encoder.layers."),
        "num_attention_heads": heads,
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0],
        "projection_dim": width,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 49407,
    }


def _build_unet(shapes: Shapes, _header: ModelHeader) -> nn.Module:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(**unet_config(shapes))


def _build_vae(shapes: Shapes, _header: ModelHeader) -> nn.Module:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(**vae_config(shapes))


def _build_text(shapes: Shapes, header: ModelHeader) -> nn.Module:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    config = CLIPTextConfig(**text_config(shapes, header.metadata))
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = CLIPTextModel(config)
    return getattr(model, "text_model", model)  # newer transformers flattened the class, older ones wrap the transformer
