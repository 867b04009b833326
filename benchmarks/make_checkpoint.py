"""Writes a Stable Diffusion checkpoint (1.x, 2.x or XL) of random weights in the original layout, for benchmarks and tests.

    python -m lora_workbench.benchmarks.make_checkpoint sdxl.safetensors --size sdxl --dtype fp16

The weights are scaled so that activations keep their size; the tensors are drawn and written one by one.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..trainer_core.files import atomic_path
from ..trainer_core.models.layout import OPEN_CLIP, TEXT, TEXT_1, TEXT_2, VAE, ldm_names
from ..trainer_core.randomness import generator

DTYPES = {"fp16": ("F16", np.float16), "fp32": ("F32", np.float32)}
PIECE = 1 << 22


@dataclass(frozen=True)
class Size:
    """Widths of a model: UNet and VAE a level, text encoder, and the numbers that shapes don't show.

    depths: transformer blocks of each level's attention, 0 where a level has none. text_2, text_2_layers: SDXL's second text
    encoder. For SD 2.x `text_layers` counts the last layer too, which files have and nobody runs.
    """

    unet: tuple[int, ...]
    vae: tuple[int, ...]
    text: int
    text_layers: int
    text_heads: int
    vocabulary: int = 49408
    family: str = "sd1"
    depths: tuple[int, ...] = (1, 1, 1, 0)
    text_2: int = 0
    text_2_layers: int = 0


SIZES = {
    "sd15": Size((320, 640, 1280, 1280), (128, 256, 512, 512), 768, 12, 12),
    "sd2": Size((320, 640, 1280, 1280), (128, 256, 512, 512), 1024, 24, 16, family="sd2"),
    "sdxl": Size(
        (320, 640, 1280), (128, 256, 512, 512), 768, 12, 12,
        family="sdxl", depths=(0, 2, 10), text_2=1280, text_2_layers=32,
    ),
    "tiny": Size((32, 32, 64, 64), (32, 32, 32, 32), 32, 2, 8),
    "toy": Size((64, 64, 128, 128), (64, 64, 64, 64), 64, 3, 8),
    "tiny_sd2": Size((64, 64, 128, 128), (32, 32, 32, 32), 64, 4, 1, family="sd2"),
    "tiny_sdxl": Size(
        (32, 64, 128), (32, 32, 32, 32), 64, 3, 1, family="sdxl", depths=(0, 1, 2), text_2=128, text_2_layers=3
    ),
}  # fmt: skip
SIZE_NUMBERS = 6 * 256  # what SDXL's UNet is told of a picture's sizes


def checkpoint_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """{tensor name in the original layout: shape} of a whole checkpoint, in the file's order (by name)."""
    import torch

    from ..trainer_core.models.build import leave_out_quantizers

    leave_out_quantizers()
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    widths = SIZES[size]
    with torch.device("meta"):
        unet = UNet2DConditionModel(**_unet_options(widths))
        vae = AutoencoderKL(
            block_out_channels=widths.vae,
            latent_channels=4,
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * len(widths.vae),
            up_block_types=("UpDecoderBlock2D",) * len(widths.vae),
        )
    shapes = _text_tensors(widths)
    for part, model in (("unet", unet), ("vae", vae)):
        own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        new_names = ldm_names(own, part)
        shapes.update({new_names[name]: shape for name, shape in own.items()})
    for name, shape in shapes.items():  # 1×1 convolutions in the original layout, Linear in diffusers'
        if name.startswith(VAE) and ".attn_1." in name and len(shape) == 2:
            shapes[name] = (*shape, 1, 1)
    return dict(sorted(shapes.items()))


def _unet_options(size: Size) -> dict[str, object]:
    """What diffusers' class is told: eight heads in SD 1.x, heads of 64 and linear projections in the others."""
    plain = size.family == "sd1"
    options: dict[str, object] = {
        "block_out_channels": size.unet,
        "cross_attention_dim": size.text + size.text_2,
        "attention_head_dim": 8 if plain else tuple(max(1, width // 64) for width in size.unet),
        "use_linear_projection": not plain,
        "transformer_layers_per_block": tuple(max(1, depth) for depth in size.depths),
        "down_block_types": tuple("CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in size.depths),
        "up_block_types": tuple("CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(size.depths)),
    }
    if size.text_2:
        options |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": SIZE_NUMBERS // 6,
            "projection_class_embeddings_input_dim": size.text_2 + SIZE_NUMBERS,
        }
    return options


def _text_tensors(size: Size) -> dict[str, tuple[int, ...]]:
    """The family's text encoders under their names in the file."""
    if size.family == "sd2":
        return {OPEN_CLIP + name: shape for name, shape in _open_clip_shapes(size.text, size.text_layers, size).items()}
    prefix = TEXT_1 if size.family == "sdxl" else TEXT
    shapes = {f"{prefix}text_model.{name}": shape for name, shape in _text_shapes(size).items()}
    if size.text_2:
        second = _open_clip_shapes(size.text_2, size.text_2_layers, size)
        shapes |= {TEXT_2 + name: shape for name, shape in second.items()}
    return shapes


def _text_shapes(size: Size) -> dict[str, tuple[int, ...]]:
    """Names and shapes of CLIP's text transformer, without the prefix `text_model.`."""
    width = size.text
    shapes = {
        "embeddings.token_embedding.weight": (size.vocabulary, width),
        "embeddings.position_embedding.weight": (77, width),
        "final_layer_norm.weight": (width,),
        "final_layer_norm.bias": (width,),
    }
    for layer in range(size.text_layers):
        linear = {f"self_attn.{name}_proj": (width, width) for name in "kvq"} | {"self_attn.out_proj": (width, width)}
        linear |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
        for name, shape in linear.items():
            shapes[f"encoder.layers.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layers.{layer}.{name}.bias"] = shape[:1]
        for name in ("layer_norm1", "layer_norm2"):
            shapes[f"encoder.layers.{layer}.{name}.weight"] = shapes[f"encoder.layers.{layer}.{name}.bias"] = (width,)
    return shapes


def _open_clip_shapes(width: int, layers: int, size: Size) -> dict[str, tuple[int, ...]]:
    """Names and shapes of OpenCLIP's text transformer: query, key and value in one tensor, the projection [in, out]."""
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (size.vocabulary, width),
        "positional_embedding": (77, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
        "text_projection": (width, width),
    }
    for layer in range(layers):
        block = f"transformer.resblocks.{layer}."
        linear = {"attn.out_proj.": (width, width), "mlp.c_fc.": (4 * width, width), "mlp.c_proj.": (width, 4 * width)}
        for name, shape in {**linear, "attn.in_proj_": (3 * width, width)}.items():
            shapes[f"{block}{name}weight"], shapes[f"{block}{name}bias"] = shape, shape[:1]
        for name in ("ln_1.", "ln_2."):
            shapes[f"{block}{name}weight"] = shapes[f"{block}{name}bias"] = (width,)
    return shapes


def make_checkpoint(
    path: str | Path,
    size: str = "sd15",
    seed: int = 0,
    dtype: str = "fp16",
    metadata: Mapping[str, str] | None = None,
    marks: Sequence[str] = (),
) -> Path:
    """Writes the file and returns its path; `size` is one of SIZES, `dtype` "fp16" or "fp32".

    marks: names of empty tensors that the file is to have, such as `v_pred`.
    """
    path = Path(path).expanduser()
    code, kind = DTYPES[dtype]
    shapes = {**dict.fromkeys(marks, (0,)), **checkpoint_shapes(size)}
    header: dict[str, object] = {"__metadata__": {"text_encoder_heads": str(SIZES[size].text_heads), **(metadata or {})}}
    offset = 0
    for name, shape in shapes.items():
        length = int(np.prod(shape)) * np.dtype(kind).itemsize
        header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [offset, offset + length]}
        offset += length
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for number, (name, shape) in enumerate(shapes.items()):
            centre, spread = _distribution(name, shape)
            rng, left = generator(seed, "checkpoint", number), int(np.prod(shape))
            while left:
                count = min(left, PIECE)
                file.write((rng.standard_normal(count, dtype=np.float32) * spread + centre).astype(kind).data)
                left -= count
    return path


def _distribution(name: str, shape: tuple[int, ...]) -> tuple[np.float32, np.float32]:
    """Mean and standard deviation: matrices by their inputs, norms about 1, biases about 0."""
    if len(shape) > 1:
        spread = 0.02 if "embedding" in name and not name.startswith(VAE) else float(np.prod(shape[1:])) ** -0.5
        return np.float32(0.0), np.float32(spread)
    norm = name.endswith(".weight")
    return np.float32(1.0 if norm else 0.0), np.float32(0.02)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Write a Stable Diffusion checkpoint of random weights.")
    parser.add_argument("path")
    parser.add_argument("--size", choices=sorted(SIZES), default="sd15")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="fp16")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args(argv)
    path = make_checkpoint(words.path, words.size, words.seed, words.dtype)
    print(f"{path}: {path.stat().st_size / 1e6:,.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
