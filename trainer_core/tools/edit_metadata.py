"""A LoRA file with other metadata and the same tensors, byte for byte. Without torch."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..networks.file_bytes import write_file
from ..problems import UserError
from .lora_arrays import LoraFile, bytes_each, read_lora_file
from .outputs import unwritable

# What tells of the pictures, of the people who made the file, or of their disks.
_PRIVATE = (
    "ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_tag_frequency", "ss_datasets", "ss_bucket_info", "ss_training_comment",
    "modelspec.author", "modelspec.description", "modelspec.tags", "modelspec.usage_hint", "modelspec.trigger_phrase",
    "modelspec.thumbnail",
)  # fmt: skip
_A_PATH = re.compile(r"(?:^|[\s\"'=,;\[({])(?:[A-Za-z]:[\\/]|\\\\[^\\\s]|~[/\\]|/(?!/)[^\s/\"',]+/)")
_HASHES = ("sshs_model_hash", "sshs_legacy_hash")


@dataclass(frozen=True)
class Edited:
    """What was written, and the keys that were set, changed or removed."""

    path: Path
    set: tuple[str, ...]
    removed: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "set": list(self.set), "removed": list(self.removed)}


def edit_metadata(
    path: str | Path, out: Path, *, values: Mapping[str, str] | None = None, remove: Sequence[str] = (), private: bool = False
) -> Edited:
    """Writes the file with `values` set and `remove` gone; the one at `path` stays as it is. Hashes are computed anew.

    private: removes the pictures' folders, tags and sizes, comments, the author's words, and every value with a path in it.
    UserError where a key to remove isn't there, or nothing would change.
    """
    file = read_lora_file(path)
    values = values or {}
    missing = [key for key in remove if key not in file.metadata]
    if missing:
        raise UserError(f"{file.path.name} has no metadata called {missing[0]}: see `inspect` for what there is.")
    own = [key for key in (*values, *remove) if key in _HASHES]
    if own:
        raise UserError(f"{own[0]} is computed from the tensors: it can't be set or removed.")
    gone = set(remove) | (_private_keys(file.metadata) if private else set()) - set(values)
    changed = [key for key, value in values.items() if file.metadata.get(key) != value]
    if not gone and not changed:
        what = "nothing private is in its metadata" if private else "its metadata are so already"
        raise UserError(f"Nothing in {file.path.name} would change: {what}.")
    metadata = {key: value for key, value in file.metadata.items() if key not in gone and key not in _HASHES}
    _write_same_tensors(file, out, {**metadata, **values})
    return Edited(out, tuple(changed), tuple(sorted(gone)))


def _private_keys(metadata: Mapping[str, str]) -> set[str]:
    """Those of the list that are there, and those with a path of a disk somewhere in their value."""
    return {key for key, value in metadata.items() if key in _PRIVATE or (value and _names_path(value))}


def _names_path(value: str) -> bool:
    with contextlib.suppress(ValueError):  # plain text has no JSON in it
        value = json.dumps(json.loads(value), ensure_ascii=False).replace("\\\\", "\\")
    return "://" not in value and bool(_A_PATH.search(value))


def _write_same_tensors(file: LoraFile, out: Path, metadata: Mapping[str, str]) -> None:
    """The same tensors in the same order, each byte as it was."""
    tensors = sorted(((info.start, module, suffix) for module, own in file.modules.items() for suffix, info in own.items()))
    entries: dict[str, object] = {}
    offset = 0
    for _, module, suffix in tensors:
        info = file.modules[module][suffix]
        end = offset + math.prod(info.shape) * bytes_each(info.dtype)
        key = f"{module}.{suffix}" if suffix else module
        entries[key] = {"dtype": info.dtype, "shape": list(info.shape), "data_offsets": [offset, end]}
        offset = end
    data = [memoryview(file.bytes_of(module, suffix)) for _, module, suffix in tensors]
    try:
        write_file(out, entries, data, metadata)
    except OSError as error:
        raise unwritable(out, error) from error
