"""Reads tensors out of model files: safetensors, torch's formats through weights_only, diffusers folders."""

from __future__ import annotations

import math
import pickle
from collections.abc import Collection, Iterable, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any

import torch

from .header import CheckpointError, ModelHeader, read_header
from .open_clip import is_transposed, place_info, rows_of, split_place

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


def read_tensors(
    header: ModelHeader, names: Mapping[str, str], dtype: torch.dtype | None, as_stored: Collection[str] = ()
) -> dict[str, torch.Tensor]:
    """{new name: tensor} for {new name: place in the file} as `layout.part_names` gives them; None keeps each tensor's dtype.

    Those of `as_stored` (new names) stay in a safetensors file itself where they are in half precision there.
    """
    if header.files:
        part = next(iter(names.values())).split(":")[0]
        file = read_header(header.files[part])
        return read_tensors(file, {new: old.split(":", 1)[1] for new, old in names.items()}, dtype, as_stored)
    if header.is_torch:
        return _cast(_read_torch(header.path, {split_place(old)[0] for old in names.values()}), names, dtype)
    kinds = {new: _DTYPES.get(place_info(header.tensors, old).dtype) for new, old in names.items()}
    halves = (torch.float16, torch.bfloat16)
    mapped = {new for new, kind in kinds.items() if dtype in (None, kind) or (new in as_stored and kind in halves)}
    converted = {new: old for new, old in names.items() if new not in mapped}
    return {
        **(_converted(header, converted, dtype) if converted else {}),
        **_map(header.path, {new: names[new] for new in names if new in mapped}),
    }


def _map(path: Path, names: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Tensors that lie in the file itself: they take memory only where they are used, and none beside the file's cache."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {new: _piece(file.get_tensor(split_place(old)[0]), old) for new, old in names.items()}


def _piece(tensor: torch.Tensor, place: str) -> torch.Tensor:
    """What a place takes of the tensor in the file."""
    if is_transposed(place):
        return tensor.t().contiguous()
    return tensor[rows_of(place, len(tensor))] if split_place(place)[1] else tensor


def _converted(header: ModelHeader, names: Mapping[str, str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Tensor by tensor through one buffer: a file in another dtype is never in memory beside its converted copy."""
    tensors: dict[str, torch.Tensor] = {}
    buffer = bytearray(max(_bytes_of(header, old) for old in names.values()))
    with header.path.open("rb", buffering=0) as file:
        for new, old in sorted(names.items(), key=lambda pair: place_info(header.tensors, pair[1]).start):
            info, count = place_info(header.tensors, old), _bytes_of(header, old)
            file.seek(info.start)
            if _fill(file, memoryview(buffer)[:count]) < count:
                raise CheckpointError(f"{header.path} became shorter while it was read: fetch it again.")
            if count:
                raw = torch.frombuffer(buffer, dtype=_DTYPES[info.dtype], count=math.prod(info.shape))
                if is_transposed(old):
                    raw = raw.view(info.shape[::-1]).t()
                tensors[new] = raw.reshape(info.shape).to(dtype, copy=True)
            else:
                tensors[new] = torch.empty(info.shape, dtype=dtype)
    return tensors


def _bytes_of(header: ModelHeader, name: str) -> int:
    info = place_info(header.tensors, name)
    if info.dtype not in _DTYPES:
        raise CheckpointError(
            f"{header.path} holds {name!r} as {info.dtype}, which can't be read here: give it in fp16 or fp32."
        )
    return math.prod(info.shape) * _DTYPES[info.dtype].itemsize


def _fill(file: RawIOBase, space: memoryview) -> int:
    """Reads until `space` is full or the file ends; one read of an unbuffered file may bring less."""
    done = 0
    while done < len(space) and (count := file.readinto(space[done:])):
        done += count
    return done


def _cast(content: Mapping[str, torch.Tensor], names: Mapping[str, str], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    pieces = {new: _piece(content[split_place(old)[0]], old) for new, old in names.items()}
    return {new: piece if dtype is None else piece.to(dtype) for new, piece in pieces.items()}


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
