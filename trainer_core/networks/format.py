"""LoRA files: written as safetensors with kohya's metadata and hashes, read from safetensors or, weights only, from .pt.

The header is written here and not by the safetensors library, whose order of metadata differs from process to process:
so two runs that trained the same write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path

import torch

from ..files import atomic_path
from ..models.header import CheckpointError, read_header
from ..problems import UserError
from .kind_shapes import KNOWN_SUFFIXES
from .targets import file_layout

PRECISIONS = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CODES = {torch.float32: ("F32", 4), torch.float16: ("F16", 2), torch.bfloat16: ("BF16", 2)}
LEGACY_START, LEGACY_LENGTH = 0x100000, 0x10000


def save_lora(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], precision: str | None = None
) -> None:
    """Writes the file atomically, with `sshs_model_hash` and `sshs_legacy_hash` added to the metadata.

    precision: "float", "fp16", "bf16" or None (float32) for all tensors, alphas too. An existing file is replaced.
    """
    dtype = PRECISIONS[precision or "float"]
    content = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
    broken = next((name for name, tensor in content.items() if not bool(torch.isfinite(tensor).all())), None)
    if broken:
        raise UserError(
            f"{path.name} isn't saved: {broken} holds numbers that aren't finite in {precision or 'float'}; "
            "lower the learning rate, or save with --save_precision float."
        )
    entries, _ = file_layout(
        {name: tuple(tensor.shape) for name, tensor in content.items()}, dict.fromkeys(content, _CODES[dtype])
    )
    data = [_bytes(content[name]) for name in entries]
    metadata = {**metadata, **_hashes(entries, data, metadata)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(entries, metadata))
        for piece in data:
            file.write(piece)


def _bytes(tensor: torch.Tensor) -> memoryview:
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy())


def _header(entries: Mapping[str, object], metadata: Mapping[str, str]) -> bytes:
    """Length and JSON of a safetensors header, metadata sorted by key, padded to a multiple of 8 bytes."""
    content = {"__metadata__": dict(sorted(metadata.items())), **entries} if metadata else dict(entries)
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded


def _hashes(entries: Mapping[str, object], data: list[memoryview], metadata: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of the tensors' bytes, and the legacy hash: 8 digits from 64 KiB at 1 MiB of the file with ss_* metadata only."""
    whole, legacy = hashlib.sha256(), hashlib.sha256()
    position = 0
    header = _header(entries, {key: value for key, value in metadata.items() if key.startswith("ss_")})
    for number, piece in enumerate([memoryview(header), *data]):
        if number:
            whole.update(piece)
        start, end = LEGACY_START - position, LEGACY_START + LEGACY_LENGTH - position
        if end > 0 and start < len(piece):
            legacy.update(piece[max(0, start) : end])
        position += len(piece)
    return {"sshs_model_hash": whole.hexdigest(), "sshs_legacy_hash": legacy.hexdigest()[:8]}


def read_lora(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """All tensors (in their own dtype) and the metadata of a LoRA file; CheckpointError where it isn't one."""
    header = read_header(path)
    if not any(name.partition(".")[2] in KNOWN_SUFFIXES for name in header.tensors):
        raise CheckpointError(
            f"{header.path} is not a LoRA in kohya's or LyCORIS' format: give a .safetensors file whose tensors are named so."
        )
    if header.is_torch:
        return _read_torch(header.path), {}
    from safetensors.torch import load_file

    return load_file(header.path), dict(header.metadata)


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(f"{path} can't be read as a LoRA ({type(error).__name__}): get it as .safetensors.") from error
    content = content.get("state_dict", content)
    return {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}


def by_module(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """{module: {suffix: tensor}} of a file's tensors; textual inversions that are packed with them are left out."""
    modules: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, suffix = key.partition(".")
        if name != "bundle_emb":
            modules.setdefault(name, {})[suffix] = tensor
    return modules
