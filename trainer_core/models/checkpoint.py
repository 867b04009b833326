"""Loads a Stable Diffusion 1.x model from one file or a diffusers folder, without building random weights first.

The shapes in the header give each part's configuration; the classes are made on the meta device (no memory, no
initialisation) and the file's tensors are put in their place, mapped from the file where they already have the dtype.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..files import data_folder, file_sha256, read_json, write_json
from .families import FAMILIES, Family, identify, require_base
from .header import CheckpointError, ModelHeader, read_header
from .layout import PARTS, part_names
from .tokenizer import ClipTokenizer, load_tokenizer


@dataclass
class Model:
    """A base model's parts, frozen and in eval mode; a part that wasn't asked for is None."""

    unet: Any
    text_encoder: Any
    vae: Any
    tokenizer: ClipTokenizer
    family: Family
    path: Path
    scaling_factor: float

    def free_vae(self) -> None:
        """Gives the VAE's memory back once all latents are cached."""
        self.vae = None
        gc.collect()


def load_model(path: str | Path, vae: str | Path | None = None, dtype: torch.dtype = torch.float32,
               parts: Sequence[str] = PARTS) -> Model:
    """Loads the given parts ("text_encoder", "unet", "vae"); `vae` is another file for the VAE."""
    header = read_header(path)
    family = require_base(header)
    loaded = {part: load_part(header, part, dtype) for part in parts if not (part == "vae" and vae)}
    if vae and "vae" in parts:
        loaded["vae"] = load_vae(vae, dtype)
    return Model(loaded.get("unet"), loaded.get("text_encoder"), loaded.get("vae"), load_tokenizer(), family, header.path,
                 FAMILIES[family].scaling_factor)


def load_vae(path: str | Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A VAE from a file of its own (any layout), from a whole checkpoint, or from a diffusers folder of a VAE or a model."""
    path = Path(path).expanduser()
    if path.is_dir() and not (path / "unet").is_dir():
        path = path / "diffusion_pytorch_model.safetensors"
    header = read_header(path)
    if identify(header) not in ("vae", "sd1", "sd2"):
        raise CheckpointError(f"{path} is not a VAE for Stable Diffusion 1.x: give a VAE file, or leave --vae out.")
    return load_part(header, "vae", dtype)


def load_part(header: ModelHeader, part: str, dtype: torch.dtype) -> nn.Module:
    names = part_names(header, part)
    shapes = {new: header.tensors[old].shape for new, old in names.items()}
    try:
        model = _BUILDERS[part](shapes, header)
    except KeyError as error:
        title = part.replace("_", " ")
        raise CheckpointError(f"{header.path} lacks the tensor {error.args[0]!r} of the {title}: the file isn't complete.") from None
    tensors = read_tensors(header, names, dtype)
    wanted = model.state_dict()
    for name, tensor in tensors.items():
        if name in wanted and tensor.shape != wanted[name].shape and tensor.numel() == wanted[name].numel():
            tensors[name] = tensor.reshape(wanted[name].shape)  # the VAE's attention: 1×1 convolutions in LDM, Linear here
    missing = [name for name in wanted if name not in tensors]
    wrong = [name for name in wanted if name in tensors and tensors[name].shape != wanted[name].shape]
    if missing or wrong:
        what = f"lacks {missing[0]!r}" if missing else f"has another shape than expected at {wrong[0]!r}"
        raise CheckpointError(f"The {part.replace('_', ' ')} in {header.path} {what} ({len(missing)} missing, {len(wrong)} "
                              "of another shape): it is not a usable Stable Diffusion 1.x model.")
    model.load_state_dict({name: tensors[name] for name in wanted}, assign=True)
    for module in model.modules():
        for key, buffer in module._buffers.items():
            if buffer is not None and buffer.is_meta:  # CLIP's position_ids is the only one
                module._buffers[key] = torch.arange(buffer.shape[-1]).expand(buffer.shape)
    return model.eval().requires_grad_(False)


def read_tensors(header: ModelHeader, names: Mapping[str, str], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """{new name: tensor} for {new name: name in the file}; None keeps each tensor's dtype."""
    if header.files:
        part = next(iter(names.values())).split(":")[0]
        file = read_header(header.files[part])
        return read_tensors(file, {new: old.split(":", 1)[1] for new, old in names.items()}, dtype)
    if header.path.open("rb").read(2) in (b"PK", b"\x80\x02"):
        return _cast(_read_pickle(header.path, names.values()), names, dtype)
    from safetensors import safe_open

    tensors = {}
    with safe_open(header.path, framework="pt") as file:
        for new, old in names.items():
            tensor = file.get_tensor(old)
            tensors[new] = tensor if dtype is None else tensor.to(dtype)
    return tensors


def _cast(content: Mapping[str, torch.Tensor], names: Mapping[str, str], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    return {new: content[old] if dtype is None else content[old].to(dtype) for new, old in names.items()}


class _Callback:
    """Stands in for a training callback's class in old checkpoints; nothing of it is used."""


def _read_pickle(path: Path, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Through torch's weights_only; the header reader has already refused any name beyond tensors."""
    import numpy as np

    scalar = np._core.multiarray.scalar if hasattr(np, "_core") else np.core.multiarray.scalar
    allowed: list[Any] = [(_Callback, f"{package}.callbacks.model_checkpoint.ModelCheckpoint")
                          for package in ("pytorch_lightning", "lightning.pytorch")]
    allowed += [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar"), np.dtype,
                type(np.dtype("float64")), type(np.dtype("float32")), type(np.dtype("int64"))]
    zipped = path.open("rb").read(2) == b"PK"
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True if zipped else None)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(f"{path} can't be read as a checkpoint ({type(error).__name__}): fetch it again, best as .safetensors.") from error
    content = content.get("state_dict", content)
    return {name: content[name] for name in names}


def _count(shapes: Mapping[str, Any], start: str) -> int:
    """How many numbered children `start`0…, `start`1… there are."""
    number = 0
    while any(name.startswith(f"{start}{number}.") for name in shapes):
        number += 1
    return number


def unet_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The configuration of a UNet of SD 1.x architecture, from its tensors' shapes. Eight heads everywhere, as in SD 1.x."""
    levels = _count(shapes, "down_blocks.")
    widths = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)]
    attends = [f"down_blocks.{level}.attentions.0.proj_in.weight" in shapes for level in range(levels)]
    attention = "mid_block.attentions.0."
    return {
        "in_channels": shapes["conv_in.weight"][1], "out_channels": shapes["conv_out.weight"][0],
        "block_out_channels": widths, "layers_per_block": _count(shapes, "down_blocks.0.resnets."),
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)],
        "cross_attention_dim": shapes[attention + "transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": len(shapes[attention + "proj_in.weight"]) == 2,
        "attention_head_dim": 8, "norm_num_groups": 32, "sample_size": 64,
    }


def vae_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    levels = _count(shapes, "encoder.down_blocks.")
    return {
        "in_channels": 3, "out_channels": 3, "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": [shapes[f"encoder.down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)],
        "layers_per_block": _count(shapes, "encoder.down_blocks.0.resnets."), "norm_num_groups": 32,
        "down_block_types": ["DownEncoderBlock2D"] * levels, "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": 512, "scaling_factor": 0.18215,
    }


def text_config(shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Heads can't be seen from shapes: 64 wide each as in every CLIP, or what the file's metadata says."""
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    return {
        "vocab_size": vocabulary, "hidden_size": width, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0], "num_hidden_layers": _count(shapes, "encoder.layers."),
        "num_attention_heads": int(metadata.get("text_encoder_heads", max(1, width // 64))),
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0], "projection_dim": width,
        "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407,
    }


def _build_unet(shapes: Mapping[str, tuple[int, ...]], _header: ModelHeader) -> nn.Module:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(**unet_config(shapes))


def _build_vae(shapes: Mapping[str, tuple[int, ...]], _header: ModelHeader) -> nn.Module:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(**vae_config(shapes))


def _build_text(shapes: Mapping[str, tuple[int, ...]], header: ModelHeader) -> nn.Module:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    config = CLIPTextConfig(**text_config(shapes, header.metadata))
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = CLIPTextModel(config)
    if hasattr(model, "text_model"):  # older transformers: the tensors' names carry the prefix
        return _Unwrapped.of(model)
    return model


class _Unwrapped(nn.Module):
    """The text transformer of an older CLIPTextModel, so that names and attributes are the newer flat ones."""

    @staticmethod
    def of(model: nn.Module) -> nn.Module:
        return model.text_model


_BUILDERS = {"unet": _build_unet, "vae": _build_vae, "text_encoder": _build_text}


def model_hashes(path: str | Path, data_dir: str | Path | None = None) -> tuple[str, str]:
    """(legacy 8 hex digits, full SHA-256) of a checkpoint as webui shows them; kept by path, time and size.

    A diffusers folder is hashed as its UNet's file.
    """
    import hashlib

    path = Path(path).expanduser().resolve()
    if path.is_dir():
        path = read_header(path).files["unet"]
    stat = path.stat()
    store = data_folder(data_dir) / "cache" / "model_hashes.json"
    known: dict[str, Any] = {}
    if store.is_file():
        try:
            known = read_json(store)
        except ValueError:
            known = {}
    entry = known.get(str(path))
    if not entry or entry[:2] != [stat.st_mtime_ns, stat.st_size]:
        with path.open("rb") as file:
            file.seek(0x100000)
            legacy = hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
        entry = known[str(path)] = [stat.st_mtime_ns, stat.st_size, legacy, file_sha256(path)]
        write_json(store, known)
    return entry[2], entry[3]
