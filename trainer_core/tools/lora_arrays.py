"""A LoRA file as NumPy arrays, module by module; of which family it is, and which block each module is in. Without torch."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..models.header import CheckpointError, TensorInfo, read_header
from ..networks import kind_shapes
from ..networks.blocks import NAMES, block_of, list_length
from ..networks.foreign_names import is_kohyas, not_kohyas, plain_name
from ..problems import UserError

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]
_TYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
# What a module of a kind has beside the tensor that tells the kind.
_TOGETHER = {
    "lora_down.weight": ("lora_up.weight",),
    "hada_w1_a": ("hada_w1_b", "hada_w2_a", "hada_w2_b"),
    "lokr_w1_a": ("lokr_w1_b",),
    "a1.weight": ("a2.weight", "b1.weight", "b2.weight"),
    "on_input": ("weight",),
}
_OF_SDXL = re.compile(r"lora_te2_|_(?:input|output)_blocks_\d|_transformer_blocks_[1-9]")


@dataclass(frozen=True)
class LoraFile:
    """A file's tensors by module, not read yet. `modules`: {module: {suffix: what the header says of it}}."""

    path: Path
    modules: Mapping[str, Mapping[str, TensorInfo]]
    metadata: Mapping[str, str]
    family: str
    whole: bool

    @property
    def length(self) -> int:
        """How many numbers a list of block weights for it has."""
        return list_length(self.family, self.whole)

    def bytes_of(self, module: str, suffix: str) -> Array:
        """A tensor's bytes as they are."""
        info = self.modules[module][suffix]
        return self._content[info.start : info.start + math.prod(info.shape) * bytes_each(info.dtype)]

    def read(self, module: str) -> dict[str, Array]:
        """{suffix: array} of a module, in float32; whole numbers stay whole. UserError where a number isn't finite."""
        arrays = self.read_any(module)
        if not all_finite(arrays):
            raise UserError(
                f"{self.path.name} holds numbers that are not finite in {module}: its training went wrong, or the file was "
                "damaged; take an earlier snapshot."
            )
        return arrays

    def read_any(self, module: str) -> dict[str, Array]:
        """The same, whatever the numbers are."""
        return {suffix: self.read_one(module, suffix) for suffix in self.modules[module]}

    def read_one(self, module: str, suffix: str) -> Array:
        """One tensor, as `read` has it."""
        info = self.modules[module][suffix]
        return as_array(self.bytes_of(module, suffix), info.dtype, info.shape)

    @functools.cached_property
    def _content(self) -> Array:
        return np.memmap(self.path, np.uint8, mode="r")


def read_lora_file(path: str | Path) -> LoraFile:
    """What is in the file; CheckpointError where it is no LoRA in kohya's or LyCORIS' naming, or no .safetensors."""
    header = read_header(path)
    if not is_kohyas(header.tensors):
        raise CheckpointError(not_kohyas(header))
    if header.is_torch:
        raise CheckpointError(
            f"{header.path} is a file of torch's: `python -m trainer_core convert` makes a .safetensors file of it."
        )
    modules: dict[str, dict[str, TensorInfo]] = {}
    for key, info in header.tensors.items():
        if info.dtype not in _TYPES and info.dtype != "BF16":
            raise CheckpointError(
                f"{header.path} holds {key} as {info.dtype}, which can't be read: save it as fp16 (`convert`)."
            )
        name, _, suffix = key.partition(".")
        modules.setdefault(plain_name(name), {})[suffix] = info
    _require_whole(header.path, modules)
    family = _family(modules, header.metadata)
    short = NAMES[list_length(family, False)]
    found = {block for block in map(block_of, modules) if block is not None}
    return LoraFile(header.path, modules, header.metadata, family, bool(found - set(short)))


def _require_whole(path: Path, modules: Mapping[str, Mapping[str, TensorInfo]]) -> None:
    """CheckpointError where a module lacks tensors, or those that it has don't fit each other."""
    for module, infos in modules.items():
        missing = next(
            (one for tells, others in _TOGETHER.items() if tells in infos for one in others if one not in infos), None
        )
        if missing:
            raise CheckpointError(f"{path} is damaged: {module} has no {missing}; get the file again.")
        empty = next((suffix for suffix, info in infos.items() if 0 in info.shape), None)
        if empty:
            raise CheckpointError(f"{path} is damaged: {module}.{empty} is empty; get the file again.")
        down, up = infos.get("lora_down.weight"), infos.get("lora_up.weight")
        if down and up and (len(down.shape) < 2 or len(up.shape) < 2 or down.shape[0] != up.shape[1]):
            raise CheckpointError(
                f"{path} is damaged: lora_down and lora_up of {module} are {list(down.shape)} and {list(up.shape)}, of other "
                "ranks; get the file again."
            )


def all_finite(arrays: Arrays) -> bool:
    return all(bool(np.isfinite(one).all()) for one in arrays.values() if one.dtype.kind == "f")


def _family(modules: Mapping[str, object], metadata: Mapping[str, str]) -> str:
    """ "sdxl", else "sd1", whose blocks Stable Diffusion 2.x has too."""
    told = metadata.get("ss_base_model_version", "").lower()
    if told.startswith("sdxl") or any(_OF_SDXL.search(name) for name in modules):
        return "sdxl"
    return "sd1"


def scale_of(arrays: Arrays) -> float:
    """A module's alpha by rank, its alpha being one of its arrays."""
    return kind_shapes.scale_of(arrays, float(arrays["alpha"]) if "alpha" in arrays else None)


def bytes_each(dtype: str) -> int:
    return 2 if dtype == "BF16" else int(np.dtype(_TYPES[dtype]).itemsize)


def as_array(content: Array, dtype: str, shape: tuple[int, ...]) -> Array:
    """Bytes of a tensor → float32; whole numbers stay whole."""
    if dtype == "BF16":
        wide = content.view(np.uint16).astype(np.uint32) << np.uint32(16)
        return wide.view(np.float32).reshape(shape)
    array = content.view(_TYPES[dtype]).reshape(shape)
    return array.astype(np.float32) if dtype.startswith("F") else array


def as_bytes(array: Array, dtype: str) -> bytes:
    """float32 → bytes of the file's dtype, rounded to the nearest, ties to even."""
    if dtype == "BF16":
        bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        return rounded.astype(np.uint16).tobytes()
    with np.errstate(over="ignore"):  # what grows beyond fp16 is found by whoever asked, not printed
        return np.ascontiguousarray(array).astype(_TYPES[dtype]).tobytes()


def each_module(file: LoraFile) -> Iterator[tuple[str, str | None, dict[str, Array]]]:
    """(module, its block or None, its arrays as they are), textual inversions that are packed with the LoRA left out."""
    for module in file.modules:
        if module != "bundle_emb":
            yield module, block_of(module), file.read_any(module)
