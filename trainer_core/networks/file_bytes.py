"""A LoRA file's header and hashes from its tensors' bytes; without torch.

The header is written here and not by the safetensors library, whose order of metadata differs from process to process:
so two runs that trained the same write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import atomic_path

Buffer = bytes | memoryview
LEGACY_START, LEGACY_LENGTH = 0x100000, 0x10000


def write_file(path: Path, entries: Mapping[str, object], data: Sequence[Buffer], metadata: Mapping[str, str]) -> None:
    """Writes the file atomically, with `sshs_model_hash` and `sshs_legacy_hash` of what is in it.

    entries: the tensors' entries in the header, in the order of `data`, their bytes.
    """
    metadata = {**metadata, **_hashes(entries, data, metadata)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(entries, metadata))
        for piece in data:
            file.write(piece)


def _header(entries: Mapping[str, object], metadata: Mapping[str, str]) -> bytes:
    """Length and JSON of a safetensors header, metadata sorted by key, padded to a multiple of 8 bytes."""
    content: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items())), **entries} if metadata else dict(entries)
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded


def _hashes(entries: Mapping[str, object], data: Sequence[Buffer], metadata: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of the tensors' bytes, and the legacy hash: 8 digits from 64 KiB at 1 MiB of the file with ss_* metadata only."""
    whole, legacy = hashlib.sha256(), hashlib.sha256()
    position = 0
    header = _header(entries, {key: value for key, value in metadata.items() if key.startswith("ss_")})
    for number, piece in enumerate([memoryview(header), *map(memoryview, data)]):
        if number:
            whole.update(piece)
        start, end = LEGACY_START - position, LEGACY_START + LEGACY_LENGTH - position
        if end > 0 and start < len(piece):
            legacy.update(piece[max(0, start) : end])
        position += len(piece)
    return {"sshs_model_hash": whole.hexdigest(), "sshs_legacy_hash": legacy.hexdigest()[:8]}
