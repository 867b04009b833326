"""Atomic writes, free names, hashes and the users' data folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MOST_OF_NAME = 200  # bytes of a name that its temporary file's begins with: disks take 255 in all


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on success it is synced and takes `path`'s place, else it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _made_beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Writes all of `data` or nothing; text is UTF-8 with the line ends as given."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


def _made_beside(path: Path) -> Path:
    """A new empty file, with the rights that the user's umask lets it have. tempfile's are for the owner only, and the umask
    can't be asked for without changing it, for every thread, for a moment."""
    prefix = os.fsencode(f".{path.name}")[:_MOST_OF_NAME].decode("utf-8", "ignore")
    while True:
        temporary = path.with_name(f"{prefix}.{secrets.token_hex(4)}.tmp")
        with contextlib.suppress(FileExistsError):
            temporary.open("xb").close()
            return temporary


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def free_name(path: Path) -> Path:
    """`path`, or where that exists `stem-2`, `stem-3`, …: the first that is free."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def data_folder(given: str | Path | None = None) -> Path:
    """Where users' data lives: the given folder, else LORA_WORKBENCH_DATA, else `lora_workbench` in the home folder."""
    chosen = given or os.environ.get("LORA_WORKBENCH_DATA")
    return Path(chosen).expanduser() if chosen else Path.home() / "lora_workbench"
