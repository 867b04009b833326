"""LoRAs of other programs in kohya's naming: diffusers', PEFT's, files of torch's, and SDXL's in diffusers' words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models.families import FAMILIES
from ..models.header import CheckpointError, ModelHeader, read_header
from ..networks.foreign_names import in_dots, is_kohyas, not_kohyas, place_of
from ..networks.targets import lora_names
from ..problems import UserError
from .file_metadata import fresh_metadata, minimum, now, one_or_dynamic, record, with_ranks
from .outputs import PRECISIONS, Tell, each

if TYPE_CHECKING:
    import torch

METADATA = "lora_workbench_converted"
_ADAPTER = "lora_adapter_metadata"  # diffusers' own words about ranks and alphas
_IN_FOLDERS = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors", "pytorch_lora_weights.bin", "adapter_model.bin")
_OF_SDXL = re.compile(r"text_encoder_2_|_lora_te2_|.*_transformer_blocks_[1-9]")
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}  # of the text states that the UNet's second attention takes in
# Without these the levels with attention could not be told from a part of SDXL's modules.
_SDXL = ("up_blocks.0.attentions.0.proj_in", "up_blocks.1.attentions.0.proj_in")


@dataclass(frozen=True)
class Converted:
    """What was written. `alphas`: where they come from, in words."""

    path: Path
    family: str
    modules: int
    ranks: tuple[int, int]
    alphas: str


def found_file(path: Path) -> Path:
    """The LoRA's file, in a folder as diffusers and PEFT save one. UserError where the folder has none."""
    if not path.is_dir():
        return path
    inside = next((path / name for name in _IN_FOLDERS if (path / name).is_file()), None)
    if inside is None:
        raise UserError(f"{path} holds no {_IN_FOLDERS[0]} and no {_IN_FOLDERS[1]}: give the LoRA's file.")
    return inside


def convert(
    path: Path, out: Path, *, precision: str | None = None, metadata: bool = True, tell: Tell | None = None
) -> Converted:
    """Writes the file with kohya's names; the one at `path` stays as it is.

    UserError where it is in them already, for another kind of model, or holds a tensor that has no place.
    """
    from ..networks.format import save_lora

    header = read_header(path)
    tensors = _tensors(header)
    modules, told = _modules(header, tensors)
    family = _family(modules, header.metadata)
    named = {_name(family, part, module, path): (part, module, own) for (part, module), own in modules.items()}
    kept = {info.dtype for info in header.tensors.values()} <= set(PRECISIONS.values()) and precision is None
    if (
        kept
        and not header.is_torch
        and {f"{name}.{suffix}" for name, (*_, own) in named.items() for suffix in own} <= set(tensors)
    ):
        raise UserError(f"{path.name} is in kohya's naming already: there is nothing to convert.")
    given = _adapter_alphas(header)
    content: dict[str, Any] = {}
    ranks, alphas = [], []
    for name, (part, module, own) in each(named.items(), tell):
        content |= {f"{name}.{suffix}": tensor for suffix, tensor in own.items()}
        if "lora_down.weight" in own:
            rank = int(own["lora_down.weight"].shape[0])
            alpha = float(own["alpha"]) if "alpha" in own else given.get(f"{part}.{module}", given.get(part, float(rank)))
            content[f"{name}.alpha"] = _number(alpha)
            ranks.append(rank)
            alphas.append(alpha)
    words = "from the file" if told else "from the adapter's settings" if given else "as high as the ranks, since none are told"
    own_words = _metadata(header, family, out.stem, ranks, alphas)
    save_lora(out, content, own_words if metadata else minimum(own_words), precision or _precision(content))
    return Converted(out, family, len(named), (min(ranks, default=0), max(ranks, default=0)), words)


def _tensors(header: ModelHeader) -> dict[str, torch.Tensor]:
    from ..networks.format import read_tensors

    return read_tensors(header)


def _modules(
    header: ModelHeader, tensors: Mapping[str, torch.Tensor]
) -> tuple[dict[tuple[str, str], dict[str, torch.Tensor]], bool]:
    """{(part, module in diffusers' words): {kohya's suffix: tensor}}, and whether alphas are among them."""
    kohyas, found = is_kohyas(tensors), {}
    for key, tensor in tensors.items():
        place = _kohyas_place(key) if kohyas else place_of(key)
        if isinstance(place, tuple):
            found.setdefault(place[:2], {})[place[2]] = tensor
        elif place is not None:
            found.setdefault((place.part, place.module), {})[place.suffix] = tensor
        elif not any(place_of(name) for name in tensors) and not kohyas:
            raise CheckpointError(not_kohyas(header))
        else:
            raise UserError(f"{header.path.name} holds {key}, which has no place in kohya's files: it can't be converted.")
    for (_, module), own in found.items():
        if "lora_down.weight" in own and "lora_up.weight" not in own:
            raise UserError(f"{header.path.name} is damaged: {module} has half of its LoRA; get the file again.")
    return found, any("alpha" in own for own in found.values())


def _kohyas_place(key: str) -> tuple[str, str, str]:
    """A name of kohya's keeps its form, but for SDXL's UNet in diffusers' words."""
    name, _, suffix = key.partition(".")
    module = in_dots(name)
    return ("unet", module, suffix) if module else ("", name, suffix)


def _family(modules: Mapping[tuple[str, str], Mapping[str, torch.Tensor]], metadata: Mapping[str, str]) -> str:
    """By the second text encoder, the depth of the transformers, the width of text states, or what the file says."""
    names = [f"{part}.{module}".replace(".", "_") for part, module in modules]
    if any(_OF_SDXL.match(name) for name in names) or metadata.get("ss_base_model_version", "").startswith("sdxl"):
        return "sdxl"
    for own, name in zip(modules.values(), names, strict=True):
        if name.endswith("attn2_to_k") and "lora_down.weight" in own:
            return _WIDTHS.get(int(own["lora_down.weight"].shape[1]), "sd1")
    return "sd1"


def _name(family: str, part: str, module: str, path: Path) -> str:
    """The module's name in kohya's files of the family."""
    if not part:
        return module.replace("lora_te1_", "lora_te_", 1) if family != "sdxl" else module
    if part not in FAMILIES[family].parts:
        raise UserError(f"{path.name} has a {part.replace('_', ' ')}, which {FAMILIES[family].title} lacks.")
    try:
        return lora_names(family, part, [*([*_SDXL] if part == "unet" else []), module])[module]  # type: ignore[arg-type]
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{path.name} changes {module}, which {FAMILIES[family].title} hasn't: it can't be converted."
        ) from error


def _adapter_alphas(header: ModelHeader) -> dict[str, float]:
    """{part, or part.module: alpha} as diffusers writes them into the file, or PEFT into adapter_config.json beside it."""
    beside = header.path.parent / "adapter_config.json"
    try:
        told = json.loads(header.metadata.get(_ADAPTER) or "{}")
        alone = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() and not told else {}
    except (OSError, ValueError) as error:
        raise UserError(f"What {header.path.name} says of its alphas can't be read ({error}): mend or remove it.") from error
    found = {}
    for part in ("unet", "text_encoder", "text_encoder_2"):
        own = {key.removeprefix(f"{part}."): value for key, value in told.items() if key.startswith(f"{part}.")} or alone
        if own.get("use_dora") or own.get("use_rslora"):
            raise UserError(f"{header.path.name} is a DoRA or rank-stabilized LoRA of PEFT's, which can't be converted.")
        if isinstance(own.get("lora_alpha"), (int, float)):
            found[part] = float(own["lora_alpha"])
        found |= {f"{part}.{module}": float(alpha) for module, alpha in (own.get("alpha_pattern") or {}).items()}
    return found


def _metadata(header: ModelHeader, family: str, title: str, ranks: list[int], alphas: list[float]) -> dict[str, str]:
    rank, alpha = one_or_dynamic(ranks), one_or_dynamic(alphas)
    made = {METADATA: record({"of": header.path.name, "date": now()})}
    kept = {key: value for key, value in header.metadata.items() if not key.startswith("sshs_") and key != _ADAPTER}
    if "ss_network_module" in kept:
        return {**with_ranks(kept, rank, alpha, None), **made} if rank else {**kept, **made}
    return {**kept, **fresh_metadata(family, title, rank, alpha), **made}


def _number(value: float) -> torch.Tensor:
    import torch

    return torch.tensor(value)


def _precision(content: Mapping[str, torch.Tensor]) -> str:
    """That of the file's factors, where kohya's files may have it; alphas don't count."""
    names = {"torch.float16": "fp16", "torch.bfloat16": "bf16"}
    found = {str(tensor.dtype) for key, tensor in content.items() if not key.endswith(".alpha")}
    return names.get(found.pop(), "float") if len(found) == 1 else "float"
