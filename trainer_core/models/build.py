"""The classes of diffusers and transformers for a model file, configured by its tensors' shapes and made without memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .families import FAMILIES, identify
from .header import ModelHeader

HEAD_WIDTH = 64
SIZE_NUMBERS = 256  # numbers that each of SDXL's six sizes becomes

Shapes = Mapping[str, tuple[int, ...]]


def build(part: str, shapes: Shapes, header: ModelHeader) -> nn.Module:
    """The part's module on the meta device; KeyError names a tensor that is needed to know its configuration."""
    leave_out_quantizers()
    if part.startswith("text_encoder"):
        return _build_text(part, shapes, header)
    return {"unet": _build_unet, "vae": _build_vae}[part](shapes)


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
    """The configuration of a UNet from its tensors' shapes.

    SD 1.x has eight heads everywhere; SD 2.x and SDXL, whose projections are linear, have heads of 64.
    """
    levels = _count(shapes, "down_blocks.")
    widths = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)]
    attends = [f"down_blocks.{level}.attentions.0.proj_in.weight" in shapes for level in range(levels)]
    depths = [max(1, _count(shapes, f"down_blocks.{level}.attentions.0.transformer_blocks.")) for level in range(levels)]
    attention = "mid_block.attentions.0."
    linear = len(shapes[attention + "proj_in.weight"]) == 2
    config = {
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "block_out_channels": widths,
        "layers_per_block": _count(shapes, "down_blocks.0.resnets."),
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)],
        "cross_attention_dim": shapes[attention + "transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": linear,
        "attention_head_dim": [max(1, width // HEAD_WIDTH) for width in widths] if linear else 8,  # the number of heads
        "transformer_layers_per_block": depths,
        "norm_num_groups": 32,
        "sample_size": 64,
    }
    if depths[-1] != _count(shapes, f"{attention}transformer_blocks."):
        # diffusers takes the last level's depth for the middle: SD 1.x and 2.x have no attention there, so one is right
        raise ValueError("the middle has another depth than the last level")
    if "add_embedding.linear_1.weight" in shapes:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": SIZE_NUMBERS,
            "projection_class_embeddings_input_dim": shapes["add_embedding.linear_1.weight"][1],
        }
    return config


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


def text_config(shapes: Shapes, metadata: Mapping[str, str], part: str = "text_encoder", gelu: bool = False) -> dict[str, Any]:
    """Heads can't be seen from shapes: 64 wide each as in every CLIP, or what the file's metadata says.

    gelu: OpenCLIP's activation in place of CLIP's.
    """
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    heads = int(metadata.get(f"{part}_heads", max(1, width // HEAD_WIDTH)))
    if heads < 1 or width % heads:
        raise ValueError(f"{heads} heads don't divide a width of {width}")
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "hidden_act": "gelu" if gelu else "quick_gelu",
        "layer_norm_eps": 1e-5,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": _count(shapes, "encoder.layers."),
        "num_attention_heads": heads,
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0],
        "projection_dim": shapes.get("text_projection.weight", (width,))[0],
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 49407,
    }


def _build_unet(shapes: Shapes) -> nn.Module:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(**unet_config(shapes))


def _build_vae(shapes: Shapes) -> nn.Module:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(**vae_config(shapes))


def _build_text(part: str, shapes: Shapes, header: ModelHeader) -> nn.Module:
    """The transformer; where the file has the matrix of the pooled output, with it as `text_projection`."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    family = FAMILIES.get(identify(header))
    open_clip = any(one.open_clip for one in family.text if one.part == part) if family else False
    config = CLIPTextConfig(**text_config(shapes, header.metadata, part, open_clip))
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = CLIPTextModel(config)
        model = getattr(model, "text_model", model)  # newer transformers flattened the class, older ones wrap the transformer
        if "text_projection.weight" in shapes:
            out, width = shapes["text_projection.weight"]
            model.text_projection = nn.Linear(width, out, bias=False)
    return model
