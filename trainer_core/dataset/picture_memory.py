"""What was seen of picture files is kept in the data folder, by their paths, times and sizes: so the next plan is quick."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from ..files import read_json, write_atomically
from .pictures import Look, look_into
from .quick_look import look_quickly

_VERSION = 3
_THREADS = 8
_AT_ONCE = 2000  # pictures between two writes of what was found: whoever ends a long first look doesn't lose it

Mark = tuple[int, int]  # time of the last change in nanoseconds, size in bytes


def look_at(paths: Sequence[Path], memory: Path, decode: bool = False) -> tuple[list[Look], str]:
    """What each picture holds, seen now or recalled from the folder `memory`; with it why that can't be written, or "".

    decode: every picture is decoded once, which alone finds damage in its middle; else its first and last bytes do.
    """
    folders = [path.parent for path in paths]
    kept = {folder: _recall(memory, folder) for folder in set(folders)}
    marks = [_mark(path) for path in paths]
    places = zip(paths, folders, marks, strict=True)
    found = [_look_from(kept[folder].get(path.name), mark) for path, folder, mark in places]
    new = [number for number, look in enumerate(found) if look is None or (decode and not look.decoded)]
    if not new:
        return [look for look in found if look is not None], ""
    Image.init()  # before the threads, so that they find all decoders
    unwritable = ""
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            seen = pool.map(look_into if decode else look_quickly, [paths[number] for number in part])
            for number, look in zip(part, seen, strict=True):
                found[number] = look
            for folder in {folders[number] for number in part}:
                own = [number for number, one in enumerate(folders) if one == folder]
                unwritable = _remember(folder, [(paths[n].name, marks[n], found[n]) for n in own], memory) or unwritable
    return [look for look in found if look is not None], unwritable


def _remember(folder: Path, seen: Iterable[tuple[str, Mark | None, Look | None]], memory: Path) -> str:
    """Writes what is known of a folder's pictures so far; why that can't be done, or an empty string."""
    files: dict[str, list[Any]] = {
        name: [*mark, *look.size, look.rotated, look.transparent, look.reason, look.cfg, look.decoded]
        for name, mark, look in seen
        if mark is not None and look is not None
    }
    content = {"version": _VERSION, "folder": str(folder), "files": files}
    try:
        # in one line: ten thousand entries are written in a moment so
        write_atomically(_memory_file(memory, folder), json.dumps(content, ensure_ascii=False, separators=(",", ":")))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _mark(path: Path) -> Mark | None:
    """What changes when the file does."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _memory_file(memory: Path, folder: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=12).hexdigest()
    return memory / f"{name}.json"


def _recall(memory: Path, folder: Path) -> dict[str, object]:
    try:
        content = read_json(_memory_file(memory, folder))
    except (OSError, ValueError):  # none yet, or half a file from elsewhere: the pictures are looked at anew
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION or not isinstance(content.get("files"), dict):
        return {}
    return content["files"]


def _look_from(known: object, mark: Mark | None) -> Look | None:
    """What was seen of the file, or None where it has changed since or the entry isn't one of ours."""
    try:
        time, length, width, height, rotated, transparent, reason, cfg, decoded = known  # type: ignore[misc]
        if (time, length) != mark:
            return None
        cfg = None if cfg is None else float(cfg)
        return Look((int(width), int(height)), bool(rotated), bool(transparent), str(reason), cfg, bool(decoded))
    except (TypeError, ValueError):
        return None
