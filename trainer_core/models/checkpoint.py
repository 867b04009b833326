"""Loads a Stable Diffusion model (1.x, 2.x or XL) from one file or a diffusers folder, without building random weights first.

The shapes in the header give each part's configuration; the classes are made on the meta device (no memory, no
initialisation) and the file's tensors are put in their place, mapped from the file where they already have the dtype.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .build import build
from .eight_bit import make_eight_bit, to_eight_bit
from .families import FAMILIES, Family, FamilyFacts, identify, require_base
from .header import CheckpointError, ModelHeader, read_header
from .layout import PARTS, part_names
from .open_clip import place_info
from .prediction import Prediction, prediction_of
from .read import read_tensors
from .small_convolutions import is_large, use_small_convolutions
from .tokenizer import ClipTokenizer, load_tokenizer

_AT_ONCE = 32
TOKENS = "embeddings.token_embedding.weight"


@dataclass
class Model:
    """A base model's parts, frozen and in eval mode; a part that wasn't asked for, or that the family lacks, is None.

    prediction: what the UNet answers with, noise ("epsilon") or velocity ("v_prediction"). zero_terminal: its last timestep is
    pure noise. kept_prompts: text states by (prompt, clip skip), for pictures that are drawn without the text encoders.
    """

    unet: Any
    text_encoder: Any
    vae: Any
    tokenizer: ClipTokenizer
    family: Family
    path: Path
    scaling_factor: float
    text_encoder_2: Any = None
    prediction: Prediction = "epsilon"
    zero_terminal: bool = False
    kept_prompts: dict[tuple[str, int], Any] = field(default_factory=dict)

    @property
    def facts(self) -> FamilyFacts:
        return FAMILIES[self.family]

    def parts(self) -> dict[str, Any]:
        """{name: module} of the parts that are loaded, in the order of PARTS."""
        return {name: part for name in PARTS if (part := getattr(self, name)) is not None}

    def drop(self, *names: str) -> None:
        """Gives the memory of parts back that are done with."""
        for name in names:
            setattr(self, name, None)
        gc.collect()


def load_model(
    path: str | Path,
    vae: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
    parts: Sequence[str] = PARTS,
    *,
    v_parameterization: bool = False,
    zero_terminal_snr: bool = False,
) -> Model:
    """Loads the given parts, as far as the family has them, one after another; `vae` is another file for the VAE.

    v_parameterization, zero_terminal_snr: what the user says of it, where the file itself doesn't.
    """
    header = read_header(path)
    family = require_base(header)
    wanted = [part for part in parts if part == "vae" or part in FAMILIES[family].parts]
    loaded = {part: load_part(header, part, dtype) for part in wanted if not (part == "vae" and vae)}
    if vae and "vae" in parts:
        loaded["vae"] = load_vae(vae, dtype)
    known = prediction_of(header, v_parameterization, zero_terminal_snr)
    return Model(
        loaded.get("unet"),
        loaded.get("text_encoder"),
        loaded.get("vae"),
        load_tokenizer(),
        family,
        header.path,
        FAMILIES[family].scaling_factor,
        loaded.get("text_encoder_2"),
        known.prediction,
        known.zero_terminal,
    )


def load_into(
    model: Model, parts: Sequence[str], dtype: torch.dtype = torch.float32, eight_bit: Mapping[str, str] | None = None
) -> None:
    """Loads further parts of the model from its file, as far as the family has them.

    eight_bit: {part: one of eight_bit.KINDS} of those whose weights are kept in 8 bits and computed with in `dtype`.
    """
    header = read_header(model.path)
    for part in parts:
        if part in FAMILIES[model.family].parts:
            setattr(model, part, load_part(header, part, dtype, (eight_bit or {}).get(part)))


def load_vae(path: str | Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A VAE from a file of its own (any layout), from a whole checkpoint, or from a diffusers folder of a VAE or a model."""
    path = Path(path).expanduser()
    if path.is_dir() and not (path / "unet").is_dir():
        path = path / "diffusion_pytorch_model.safetensors"
    header = read_header(path)
    if identify(header) not in ("vae", *FAMILIES):
        raise CheckpointError(f"{path} is not a VAE for Stable Diffusion: give a VAE file, or leave --vae out.")
    return load_part(header, "vae", dtype)


def load_part(header: ModelHeader, part: str, dtype: torch.dtype, eight_bit: str | None = None) -> nn.Module:
    names = part_names(header, part)
    shapes = {new: place_info(header.tensors, old).shape for new, old in names.items()}
    try:
        model = build(part, shapes, header)
    except KeyError as error:
        title = part.replace("_", " ")
        raise CheckpointError(
            f"{header.path} lacks the tensor {error.args[0]!r} of the {title}: the file isn't complete."
        ) from None
    except (ValueError, IndexError) as error:
        raise CheckpointError(
            f"{header.path} has a {part.replace('_', ' ')} of shapes that no Stable Diffusion model has: "
            "it is damaged or of another kind."
        ) from error
    in_eight = make_eight_bit(model, eight_bit) if eight_bit else []
    tensors = _read_eight_bit(header, {name: names.pop(f"{name}.weight", None) for name in in_eight}, eight_bit or "")
    full = dtype == torch.float32
    # what only a row or a few rows at a time are used of is converted then: exactly the same numbers in half the memory
    as_stored = {name for name, shape in shapes.items() if full and (name == TOKENS or (part == "unet" and is_large(shape)))}
    tensors |= read_tensors(header, names, dtype, as_stored)
    wanted = model.state_dict()
    for name, tensor in tensors.items():
        if name in wanted and tensor.shape == (*wanted[name].shape, 1, 1):
            tensors[name] = tensor[:, :, 0, 0]  # the VAE's attention: 1×1 convolutions in LDM, Linear here
    missing = [name for name in wanted if name not in tensors]
    wrong = [name for name in wanted if name in tensors and tensors[name].shape != wanted[name].shape]
    if missing or wrong:
        what = f"lacks {missing[0]!r}" if missing else f"has another shape than expected at {wrong[0]!r}"
        raise CheckpointError(
            f"The {part.replace('_', ' ')} in {header.path} {what} ({len(missing)} missing, {len(wrong)} "
            "of another shape): it is not a usable Stable Diffusion model."
        )
    model.load_state_dict({name: tensors[name] for name in wanted}, assign=True)
    for module in model.modules():
        for key, buffer in module._buffers.items():
            if buffer is not None and buffer.is_meta:  # CLIP's position_ids is the only one
                module._buffers[key] = torch.arange(buffer.shape[-1]).expand(buffer.shape)
    if full and part == "unet":
        use_small_convolutions(model)
    return model.eval().requires_grad_(False)


def _read_eight_bit(header: ModelHeader, places: Mapping[str, str | None], kind: str) -> dict[str, torch.Tensor]:
    """Codes and scales of modules whose weights are at `places`, made a few at a time: the file is never in memory whole."""
    there = [(name, place) for name, place in places.items() if place]
    count = len(there) or 1 if header.is_torch else _AT_ONCE
    tensors: dict[str, torch.Tensor] = {}
    for start in range(0, len(there), count):
        for name, weight in read_tensors(header, dict(there[start : start + count]), None).items():
            tensors |= to_eight_bit(name, weight, kind)
    return tensors
