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
    path = _file(path)
    entry = _kept(path, data_dir)
    if not entry:
        stat, store = path.stat(), _store(data_dir)
        with path.open("rb") as file:
            file.seek(0x100000)
            legacy = hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
        entry = [stat.st_mtime_ns, stat.st_size, legacy, file_sha256(path)]
        write_json(store, {**_all_kept(store), str(path): entry})
    return entry[2], entry[3]


def known_hashes(path: str | Path, data_dir: str | Path | None = None) -> tuple[str, str] | None:
    """The same where they have been found before; None where the file would have to be read for them."""
    entry = _kept(_file(path), data_dir)
    return (entry[2], entry[3]) if entry else None


def _file(path: str | Path) -> Path:
    path = Path(path).expanduser().resolve()
    return read_header(path).files["unet"] if path.is_dir() else path


def _store(data_dir: str | Path | None) -> Path:
    return data_folder(data_dir) / "cache" / "model_hashes.json"


def _all_kept(store: Path) -> dict[str, Any]:
    try:
        return read_json(store) if store.is_file() else {}
    except ValueError:
        return {}


def _kept(path: Path, data_dir: str | Path | None) -> list[Any] | None:
    """[time, size, legacy, SHA-256] as long as the file is as it was."""
    stat, entry = path.stat(), _all_kept(_store(data_dir)).get(str(path))
    return entry if entry and entry[:2] == [stat.st_mtime_ns, stat.st_size] else None
