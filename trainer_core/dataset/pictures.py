"""Which files are pictures that can be trained, and how they are read: upright, in RGB, without transparency.

Each picture is decoded once to find the broken ones; what was found is remembered in the data folder by the file's time
and size, so that the next plan is quick.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..files import read_json, write_json
from ..picture_files import is_transparent, opened, upright
from .items import Size

# Pictures all the same, but not of a kind that is trained.
OTHER_EXTENSIONS = (".gif", ".avif", ".heic", ".jxl", ".tif", ".tiff", ".psd", ".svg", ".jfif", ".ico", ".tga")
MIN_SIDE = 16
_EXIF_ORIENTATION = 0x0112
_CFG = re.compile(r"\bCFG scale: (\d+(?:\.\d+)?)")
_VERSION = 2
_THREADS = 8
_AT_ONCE = 500  # pictures between two writes of what was found: whoever ends a long first look doesn't lose it


@dataclass(frozen=True)
class Look:
    """What a picture file holds: size of the upright picture, or why it can't be trained (`reason`, else empty).

    `cfg`: the guidance that it was drawn with, where webui's PNG info in it says so.
    """

    size: Size = (0, 0)
    rotated: bool = False
    transparent: bool = False
    reason: str = ""
    cfg: float | None = None


def look_at(paths: Sequence[Path], memory: Path) -> tuple[list[Look], str]:
    """Decodes each picture, or recalls what was found from the folder `memory`; with it why that can't be written, or ""."""
    kept = {folder: _recall(memory, folder) for folder in {path.parent for path in paths}}
    marks = [_mark(path) for path in paths]
    found: list[Look | None] = []
    for path, mark in zip(paths, marks, strict=True):
        known = kept[path.parent].get(path.name)
        found.append(_look_from(known) if known and known.get("mark") == mark else None)
    new = [number for number, look in enumerate(found) if look is None]
    Image.init()  # before the threads, so that they find all decoders
    unwritable = ""
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            for number, look in zip(part, pool.map(look_into, [paths[number] for number in part]), strict=True):
                found[number] = look
            unwritable = _remember({paths[number].parent for number in part}, paths, marks, found, memory) or unwritable
    return [look for look in found if look is not None], unwritable


def _remember(
    folders: set[Path], paths: Sequence[Path], marks: Sequence[list[int] | None], looks: Sequence[Look | None], memory: Path
) -> str:
    """Writes what is known of the folders' pictures so far; why that can't be done, or an empty string."""
    try:
        for folder in folders:
            entries = {
                path.name: {"mark": mark, **asdict(look)}
                for path, mark, look in zip(paths, marks, looks, strict=True)
                if path.parent == folder and mark is not None and look is not None
            }
            write_json(_memory_file(memory, folder), {"version": _VERSION, "folder": str(folder), "files": entries})
    except OSError as error:
        return error.strerror or str(error)
    return ""


def look_into(path: Path) -> Look:
    """Decodes the whole picture; whatever is wrong with it becomes a reason."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Look(reason=f"it can't be read ({error.strerror or error})")
    if not content:
        return Look(reason="it is empty (0 bytes)")
    try:
        with opened(content) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # MPO: a camera's photo with further views of the same moment
                return Look(reason=f"it is animated ({frames} pictures): save the one to train as .png")
            rotated = image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)
            transparent = is_transparent(image)
            cfg = told_cfg(image.info.get("parameters"))
            turned = upright(image)
    except UnidentifiedImageError:
        return Look(reason="it is corrupt, or not a png, jpg, webp or bmp picture inside")
    except Image.DecompressionBombError:
        return Look(reason=f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: make it smaller")
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError) as error:
        return Look(reason=f"it is corrupt ({error or type(error).__name__})")  # each decoder fails in its own way
    if min(turned.size) < MIN_SIDE:
        width, height = turned.size
        return Look(reason=f"it is {width}×{height} px, too small to learn from (at least {MIN_SIDE} px a side)")
    return Look(turned.size, rotated, transparent, cfg=cfg)


def told_cfg(parameters: object) -> float | None:
    """The CFG scale in webui's text about a picture; None where it says nothing of it."""
    found = _CFG.findall(parameters) if isinstance(parameters, str) else []
    return float(found[-1]) if found else None  # the last: a prompt may say the same words


def load_picture(path: Path, content: bytes | None = None) -> Image.Image:
    """The picture upright, in RGB, on white where it is transparent; `content`: the file's bytes where they are at hand."""
    with opened(path.read_bytes() if content is None else content) as image:
        return upright(image)


def _mark(path: Path) -> list[int] | None:
    """What changes when the file does: time of the last change in nanoseconds, and its size in bytes."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def _memory_file(memory: Path, folder: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=12).hexdigest()
    return memory / f"{name}.json"


def _recall(memory: Path, folder: Path) -> dict[str, dict[str, object]]:
    try:
        content = read_json(_memory_file(memory, folder))
    except (OSError, ValueError):  # none yet, or half a file from elsewhere: the pictures are looked at anew
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION or not isinstance(content.get("files"), dict):
        return {}
    return content["files"]


def _look_from(known: dict[str, object]) -> Look | None:
    try:
        width, height = known["size"]  # type: ignore[misc]
        cfg = known["cfg"]
        size, reason = (int(width), int(height)), str(known["reason"])
        return Look(size, bool(known["rotated"]), bool(known["transparent"]), reason, None if cfg is None else float(cfg))  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        return None
