"""Reads tensors out of model files: safetensors, torch's formats through weights_only, diffusers folders."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from .header import CheckpointError, ModelHeader, read_header

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


def read_tensors(header: ModelHeader, names: Mapping[str, str], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """{new name: tensor} for {new name: name in the file}; None keeps each tensor's dtype."""
    if header.files:
        part = next(iter(names.values())).split(":")[0]
        file = read_header(header.files[part])
        return read_tensors(file, {new: old.split(":", 1)[1] for new, old in names.items()}, dtype)
    if header.is_torch:
        return _cast(_read_torch(header.path, names.values()), names, dtype)
    if dtype is None or all(_DTYPES.get(header.tensors[old].dtype) == dtype for old in names.values()):
        return _map(header.path, names)
    with header.path.open("rb") as file:
        return {new: _read(file, header, old).to(dtype) for new, old in names.items()}


def _map(path: Path, names: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Tensors that lie in the file itself: they take memory only where they are used, and none beside the file's cache."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {new: file.get_tensor(old) for new, old in names.items()}


def _read(file: BinaryIO, header: ModelHeader, name: str) -> torch.Tensor:
    """One tensor by itself: a file in another dtype is never in memory as a whole beside its converted copy."""
    info = header.tensors[name]
    if info.dtype not in _DTYPES:
        raise CheckpointError(
            f"{header.path} holds {name!r} as {info.dtype}, which can't be read here: give it in fp16 or fp32."
        )
    dtype = _DTYPES[info.dtype]
    count = math.prod(info.shape)
    if not count:
        return torch.empty(info.shape, dtype=dtype)
    content = bytearray(count * dtype.itemsize)
    file.seek(info.start)
    if file.readinto(content) != len(content):
        raise CheckpointError(f"{header.path} became shorter while it was read: fetch it again.")
    return torch.frombuffer(content, dtype=dtype).view(info.shape)


def _cast(content: Mapping[str, torch.Tensor], names: Mapping[str, str], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    return {new: content[old] if dtype is None else content[old].to(dtype) for new, old in names.items()}


class _Callback:
    """Stands in for a training callback's class in old checkpoints; nothing of it is used."""


def _read_torch(path: Path, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Through torch's weights_only; the header reader has already refused any name beyond tensors."""
    import numpy as np

    scalar = np._core.multiarray.scalar if hasattr(np, "_core") else np.core.multiarray.scalar
    allowed: list[Any] = [
        (_Callback, f"{package}.callbacks.model_checkpoint.ModelCheckpoint")
        for package in ("pytorch_lightning", "lightning.pytorch")
    ]
    allowed += [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        type(np.dtype("float64")),
        type(np.dtype("float32")),
        type(np.dtype("int64")),
    ]
    zipped = path.open("rb").read(2) == b"PK"
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True if zipped else None)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(
            f"{path} can't be read as a checkpoint ({type(error).__name__}): fetch it again, best as .safetensors."
        ) from error
    content = content.get("state_dict", content)
    return {name: content[name] for name in names}
