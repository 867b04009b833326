"""LoRAs merged into a checkpoint, tensor by tensor from file to file: neither is ever in memory whole."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..files import atomic_path
from ..models.families import FAMILIES, require_base
from ..models.hashes import model_hashes
from ..models.header import ModelHeader, read_header
from ..models.layout import part_names
from ..models.open_clip import is_transposed, rows_of, split_place
from ..models.read import read_tensors
from ..networks.apply import changed_module_weight
from ..networks.targets import lora_names
from ..networks.weights import bias_difference
from ..problems import UserError
from .file_metadata import now, record
from .lora_arrays import LoraFile, read_lora_file
from .module_kinds import OTHER, base_family
from .outputs import Tell, each, unwritable
from .weighted import Weighted, list_notices

METADATA = "lora_workbench_merged"
_BASES_OWN = ("modelspec.title", "modelspec.date", "modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")
_CODES = {"float": ("F32", torch.float32), "fp16": ("F16", torch.float16), "bf16": ("BF16", torch.bfloat16)}


@dataclass(frozen=True)
class MergedCheckpoint:
    """What was written. `matched`: modules of each LoRA that acted. `tensors`: of the checkpoint that differ from before;
    `change`: the length of what was added to them, `relative`: by their own length, both as they are in the file."""

    path: Path
    matched: tuple[int, ...]
    tensors: int
    change: float
    relative: float
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    """A LoRA module's place in the checkpoint: its weight's and, where it has one, its bias's."""

    weight: str
    bias: str | None


@dataclass(frozen=True)
class _Step:
    """One module of one LoRA on a place of a tensor."""

    file: LoraFile
    module: str
    place: str
    strength: float
    is_bias: bool = False


def merge_into_checkpoint(
    base: str | Path,
    loras: Sequence[Weighted],
    out: Path,
    *,
    precision: str | None = None,
    metadata: bool = True,
    data_dir: str | Path | None = None,
    tell: Tell | None = None,
) -> MergedCheckpoint:
    """Writes the checkpoint with the LoRAs of any kind in it, one after the other as when they are drawn with.

    Computed in float32 and rounded once to each tensor's own dtype, or to `precision`; what no LoRA changes keeps its bytes.
    UserError where a LoRA isn't for this model, or nothing would change.
    """
    header = read_header(base)
    if header.files:
        raise UserError(f"{header.path} is a diffusers folder, which can't be merged into: give the model as one file.")
    family = require_base(header)
    places = _places(header, family)
    files = [read_lora_file(one.path) for one in loras]
    steps: dict[str, list[_Step]] = {}
    matched = []
    for one, file in zip(loras, files, strict=True):
        found = _steps(one, file, places, header, family)
        matched.append(len({step.module for step in found}))
        for step in found:
            steps.setdefault(split_place(step.place)[0], []).append(step)
    if not steps:
        raise UserError("Nothing would change: the strengths of all LoRAs are 0.")
    notices = (*list_notices(loras, files), *_base_notices(header, loras, files, data_dir))
    told = _metadata(header, loras, files, out, data_dir) if metadata else _lasting(header)
    sums = _Sums()
    try:
        with atomic_path(out) as temporary:
            _write(temporary, header, steps, told, precision, sums, tell)
            if not sums.changed:
                raise UserError("Nothing in the checkpoint would change: what these LoRAs add is 0, or lost in its precision.")
    except OSError as error:
        raise unwritable(out, error) from error
    change, own = math.sqrt(sums.change), math.sqrt(sums.own)
    return MergedCheckpoint(out, tuple(matched), sums.changed, change, change / own if own else 0.0, notices)


@dataclass
class _Sums:
    """Squares over the changed tensors: of the change, and of what they were; and how many there are."""

    change: float = 0.0
    own: float = 0.0
    changed: int = 0


def _places(header: ModelHeader, family: str) -> dict[str, _Place]:
    """{name in LoRA files: place} of every module with a weight."""
    found: dict[str, _Place] = {}
    for part in FAMILIES[family].parts:
        names = part_names(header, part)
        weights = {new.removesuffix(".weight"): old for new, old in names.items() if new.endswith(".weight")}
        for module, name in lora_names(family, part, weights).items():  # type: ignore[arg-type]
            if not is_transposed(weights[module]):
                found[name] = _Place(weights[module], names.get(f"{module}.bias"))
    return found


def _steps(one: Weighted, file: LoraFile, places: Mapping[str, _Place], header: ModelHeader, family: str) -> list[_Step]:
    own = base_family(file)
    if own not in (family, OTHER) and file.metadata.get("ss_base_model_version"):
        titles = FAMILIES[own].title, FAMILIES[family].title
        raise UserError(
            f"{file.path.name} is for {titles[0]}, but {header.path.name} is {titles[1]}: give a model of its family."
        )
    unknown = [module for module in file.modules if module not in places and module != "bundle_emb"]
    if unknown:
        raise UserError(
            f"{file.path.name} isn't for {header.path.name}: it changes {unknown[0]} ({len(unknown)} such), "
            "which that model hasn't."
        )
    steps = []
    for module, strength in one.strengths(file).items():
        if strength and module in places:
            place = places[module]
            steps.append(_Step(file, module, place.weight, strength))
            if place.bias and {"diff_b", "b_norm"} & file.modules[module].keys():
                steps.append(_Step(file, module, place.bias, strength, is_bias=True))
    return steps


def _lasting(header: ModelHeader) -> dict[str, str]:
    """The base's metadata but for what isn't true of the merged file."""
    return {key: value for key, value in header.metadata.items() if key not in _BASES_OWN}


def _metadata(
    header: ModelHeader, loras: Sequence[Weighted], files: Sequence[LoraFile], out: Path, data_dir: str | Path | None
) -> dict[str, str]:
    told = {
        "base": header.path.name,
        "base_hash": model_hashes(header.path, data_dir)[1],
        "parents": [one.record(file.metadata) for one, file in zip(loras, files, strict=True)],
        "date": now(),
    }
    return {
        **_lasting(header),
        "modelspec.title": out.stem,
        "modelspec.date": now(),
        "modelspec.merged_from": ", ".join([header.path.stem, *(one.path.stem for one in loras)]),
        METADATA: record(told),
    }


def _base_notices(
    header: ModelHeader, loras: Sequence[Weighted], files: Sequence[LoraFile], data_dir: str | Path | None
) -> Iterator[str]:
    hashes = model_hashes(header.path, data_dir)
    for one, file in zip(loras, files, strict=True):
        told = file.metadata.get("ss_new_sd_model_hash") or file.metadata.get("ss_sd_model_hash")
        if told and told not in hashes:
            name = file.metadata.get("ss_sd_model_name") or "another model"
            yield (
                f"{one.path.name} was trained on {name} ({told[:10]}), not on {header.path.name} ({hashes[1][:10]}): "
                "it looks best on the model that it was trained on."
            )


def _write(
    path: Path,
    header: ModelHeader,
    steps: Mapping[str, Sequence[_Step]],
    metadata: Mapping[str, str],
    precision: str | None,
    sums: _Sums,
    tell: Tell | None,
) -> None:
    """The whole file in the original's order of tensors."""
    names = sorted(header.tensors, key=lambda name: header.tensors[name].start)
    content = read_tensors(header, {name: name for name in names}, None)
    entries: dict[str, Any] = {}
    offset = 0
    for name in names:
        tensor, dtype = content[name], header.tensors[name].dtype
        code, kind = _CODES[precision] if precision and tensor.is_floating_point() else (dtype, tensor.dtype)
        end = offset + tensor.numel() * kind.itemsize
        entries[name] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    words = json.dumps({"__metadata__": dict(sorted(metadata.items())), **entries}, separators=(",", ":"), ensure_ascii=False)
    start = words.encode()
    start += b" " * (-len(start) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(start)) + start)
        for name in each(names, tell):
            tensor = content.pop(name)
            kind = _CODES[precision][1] if precision and tensor.is_floating_point() else tensor.dtype
            made = _changed(name, tensor, steps[name], kind, sums) if name in steps else tensor.to(kind)
            if (name in steps or kind != tensor.dtype) and not bool(torch.isfinite(made.float()).all()):
                raise UserError(f"{name} would hold numbers that {kind} can't: give smaller ratios or --save_precision float.")
            file.write(_bytes(made))


@torch.no_grad()
def _changed(name: str, tensor: torch.Tensor, steps: Sequence[_Step], dtype: torch.dtype, sums: _Sums) -> torch.Tensor:
    """The tensor with all LoRAs on it, each at its strength: in a straight line, as webui has it."""
    before = tensor.float()
    weight = before.clone()
    for step in steps:
        rows = rows_of(step.place, len(weight))
        tensors = {suffix: torch.from_numpy(np.array(array)) for suffix, array in step.file.read(step.module).items()}
        own = weight[rows]
        try:
            if step.is_bias:
                more = bias_difference(tensors)
                own = own if more is None else own + step.strength * more
            else:
                own = own + step.strength * (changed_module_weight(tensors, own) - own)
        except (RuntimeError, KeyError, ZeroDivisionError, StopIteration) as error:
            raise UserError(
                f"{step.file.path.name} doesn't fit this model: {step.module} isn't for a weight of {list(weight[rows].shape)}."
            ) from error
        weight[rows] = own
    made = weight.to(dtype)
    difference = float((made.double() - tensor.to(dtype).double()).square().sum())
    if difference:
        sums.change += difference
        sums.own += float(before.double().square().sum())
        sums.changed += 1
    return made


def _bytes(tensor: torch.Tensor) -> memoryview:
    return memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
