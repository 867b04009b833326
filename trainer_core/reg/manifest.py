"""`reg_images.json` beside regularization pictures: how each was drawn, so that only what changed is drawn again.

A picture is ours where the manifest has it and its bytes are those that were written; any other file is the user's. Without
torch, so that the plan can ask.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..files import file_sha256, read_json, write_json
from ..generate.request import Request
from ..problems import UserError

NAME = "reg_images.json"
VERSION = 1


@dataclass(frozen=True)
class Entry:
    """How one picture was drawn. `base` and `vae`: SHA-256 of the files; `source` is that of the training caption.

    `training_seed` is the training's, from which the request's own follows.
    `text` is the caption written beside it, `text_before` the one that this took the place of; `sha256` the PNG file's.
    """

    request: Request
    training_seed: int
    base: str
    vae: str
    source: str
    text: str
    sha256: str
    text_before: str = ""


@dataclass
class Manifest:
    """What was drawn into a folder. `pending`: about to be written, and true where the file is there."""

    kind: str
    seed: int
    seeds: str
    base_name: str
    pictures: dict[str, Entry] = field(default_factory=dict)
    pending: dict[str, Entry] = field(default_factory=dict)

    def is_ours(self, path: Path) -> bool:
        """Whether the picture was drawn by us and nobody has changed it since."""
        entry = self.pictures.get(path.name)
        if entry is None or not path.is_file():
            return False
        stat = path.stat()
        return _sha256(path, stat.st_mtime_ns, stat.st_size) == entry.sha256

    def settle(self, folder: Path) -> None:
        """Takes over what was pending and is on the disk: whoever ended the process in between loses nothing."""
        for name, entry in self.pending.items():
            path = folder / name
            if path.is_file() and file_sha256(path) == entry.sha256:
                self.pictures[name] = entry
        self.pending = {}


@functools.lru_cache(maxsize=100_000)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    """The file's hash, read once a process while it is as it was: a page asks again with each change of an option."""
    return file_sha256(path)


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest, None where there is none; UserError where it can't be read."""
    path = folder / NAME
    try:
        content = read_json(path)
        pictures, pending = (_entries(content[name]) for name in ("pictures", "pending"))
        manifest = Manifest(
            str(content["kind"]), int(content["seed"]), str(content["seeds"]), str(content["base_name"]), pictures, pending
        )
        known = content["version"] == VERSION
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror or error}): check the file and its rights.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: take it away, then its pictures count as your own.") from None
    if not known:
        raise UserError(f"{path} was written by a newer version: update this one.")
    manifest.settle(folder)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    pictures = dict(sorted(manifest.pictures.items()))
    captions = text_hash("\n".join(f"{name} {entry.source}" for name, entry in pictures.items()))
    content: dict[str, Any] = {
        "version": VERSION,
        "kind": manifest.kind,
        "base_name": manifest.base_name,
        "captions": captions,
        "seed": manifest.seed,
        "seeds": manifest.seeds,
        "pictures": {name: asdict(entry) for name, entry in pictures.items()},
        "pending": {name: asdict(entry) for name, entry in manifest.pending.items()},
    }
    write_json(folder / NAME, content)


def _entries(content: dict[str, Any]) -> dict[str, Entry]:
    return {name: Entry(**{**entry, "request": Request(**entry["request"])}) for name, entry in content.items()}
