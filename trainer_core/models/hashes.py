"""The hashes by which webui knows a checkpoint. Without torch, so that the plan can ask for them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..files import data_folder, file_sha256, read_json, write_json
from .header import read_header


def model_hashes(path: str | Path, data_dir: str | Path | None = None) -> tuple[str, str]:
    """(legacy 8 hex digits, full SHA-256) of a checkpoint as webui shows them; kept by path, time and size.

    A diffusers folder is hashed as its UNet's file.
    """
    path = Path(path).expanduser().resolve()
    if path.is_dir():
        path = read_header(path).files["unet"]
    stat = path.stat()
    store = data_folder(data_dir) / "cache" / "model_hashes.json"
    known: dict[str, Any] = {}
    if store.is_file():
        try:
            known = read_json(store)
        except ValueError:
            known = {}
    entry = known.get(str(path))
    if not entry or entry[:2] != [stat.st_mtime_ns, stat.st_size]:
        with path.open("rb") as file:
            file.seek(0x100000)
            legacy = hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
        entry = known[str(path)] = [stat.st_mtime_ns, stat.st_size, legacy, file_sha256(path)]
        write_json(store, known)
    return entry[2], entry[3]
