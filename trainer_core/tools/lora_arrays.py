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
from ..networks.kind_shapes import KNOWN_SUFFIXES

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
        """{suffix: array} of a module, in float32; whole numbers stay whole."""
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
    if not any(name.partition(".")[2] in KNOWN_SUFFIXES for name in header.tensors):
        raise CheckpointError(f"{header.path} is not a LoRA in kohya's or LyCORIS' format: choose another file.")
    if header.is_torch:
        raise CheckpointError(f"{header.path} is a file of torch's: get the LoRA as .safetensors.")
    modules: dict[str, dict[str, TensorInfo]] = {}
    for key, info in header.tensors.items():
        if info.dtype not in _TYPES and info.dtype != "BF16":
            raise CheckpointError(f"{header.path} holds {key} as {info.dtype}, which can't be read: save it as fp16 or bf16.")
        name, _, suffix = key.partition(".")
        modules.setdefault(name, {})[suffix] = info
    family = _family(modules, header.metadata)
    short = NAMES[list_length(family, False)]
    found = {block for block in map(block_of, modules) if block is not None}
    return LoraFile(header.path, modules, header.metadata, family, bool(found - set(short)))


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
    """(module, its block or None, its arrays), textual inversions that are packed with the LoRA left out."""
    for module in file.modules:
        if module != "bundle_emb":
            yield module, block_of(module), file.read(module)
