"""Writes the toy base as an ordinary Stable Diffusion 1.x file: one safetensors in the original layout, a .yaml beside it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ...trainer_core.files import atomic_path, write_atomically
from ...trainer_core.models.layout import VAE, ldm_names

YAML = """\
# How Stable Diffusion's original code builds the toy base: SD 1.x with narrower parts.
# cond_stage_config.params.version: the folder with the text encoder's config.json (width 64, 3 layers, 8 heads) and
# CLIP's tokenizer, as an absolute path where a program does not run beside it.
model:
  base_learning_rate: 1.0e-04
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    linear_start: 0.00085
    linear_end: 0.0120
    num_timesteps_cond: 1
    log_every_t: 200
    timesteps: 1000
    first_stage_key: jpg
    cond_stage_key: txt
    image_size: 16
    channels: 4
    cond_stage_trainable: false
    conditioning_key: crossattn
    monitor: val/loss_simple_ema
    scale_factor: 0.18215
    use_ema: false
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        image_size: 32
        in_channels: 4
        out_channels: 4
        model_channels: 64
        attention_resolutions: [4, 2, 1]
        num_res_blocks: 2
        channel_mult: [1, 1, 2, 2]
        num_heads: 8
        use_spatial_transformer: true
        transformer_depth: 1
        context_dim: 64
        use_checkpoint: false
        legacy: false
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:
        embed_dim: 4
        monitor: val/rec_loss
        ddconfig:
          double_z: true
          z_channels: 4
          resolution: 128
          in_channels: 3
          out_ch: 3
          ch: 64
          ch_mult: [1, 1, 1, 1]
          num_res_blocks: 2
          attn_resolutions: []
          dropout: 0.0
        lossconfig:
          target: torch.nn.Identity
    cond_stage_config:
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        version: toy_text_encoder
"""


def ldm_tensors(text_encoder: nn.Module, unet: nn.Module, vae: nn.Module) -> dict[str, Tensor]:
    """All tensors in fp16 under their names of the original layout; the VAE's attention as 1 by 1 convolutions.

    Raises ValueError naming a tensor that fp16 cannot hold.
    """
    tensors = {}
    for part, module in (("text_encoder", text_encoder), ("unet", unet), ("vae", vae)):
        own = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith("position_ids")}
        for name, full in ldm_names(own, part).items():
            tensor = own[name].detach().to(torch.float16).contiguous()
            if not tensor.isfinite().all():
                raise ValueError(f"{full} holds numbers beyond fp16")
            if full.startswith(VAE) and ".attn_1." in full and tensor.ndim == 2:
                tensor = tensor[:, :, None, None]
            tensors[full] = tensor
    return dict(sorted(tensors.items()))


def write_ldm_file(path: str | Path, text_encoder: nn.Module, unet: nn.Module, vae: nn.Module, text_heads: int = 8) -> Path:
    """Writes `path` and the .yaml of the same name; the heads, which shapes don't show, go into the metadata."""
    path = Path(path)
    with atomic_path(path) as temporary:
        save_file(ldm_tensors(text_encoder, unet, vae), temporary, metadata={"text_encoder_heads": str(text_heads)})
    write_atomically(path.with_suffix(".yaml"), YAML)
    return path
