"""Small upright copies of pictures, kept in a cache folder, and sizes of pictures without decoding them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from PIL import Image

from .picture_files import FORMATS, opened, upright

SIDES = (16, 2048)
_QUALITY = 80
_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)  # EXIF: these orientations change width and height

MOST_BYTES = 512 << 20  # of all thumbnails; above it the ones that nobody looked at for longest go
_LEFT = 0.8  # so much of that is left, so that it need not be done again at once
_LOOKED_AT_EVERY = 2000  # thumbnails made between two looks at the cache's size; the first one of a process looks too
_DAY = 86_400.0
_made = 0
_RESIZED_WELL = ("RGB", "L", "RGBA", "CMYK")  # palettes and 16 bits are not


def thumbnail(path: Path, side: int, cache: Path) -> Path:
    """The WebP file in `cache` whose longer side is `side` px (or the picture's own, if less), made where it is missing.

    It is found by the picture's path, time of change and size in bytes. Pillow's errors and OSError are handed on.
    """
    side = min(max(int(side), SIDES[0]), SIDES[1])
    status = path.stat()
    mark = (os.fspath(path.absolute()), status.st_mtime_ns, status.st_size, side)
    name = hashlib.blake2b(repr(mark).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    kept = cache / name[:2] / f"{name}.webp"
    if not kept.is_file():
        with opened(path.read_bytes()) as image:
            if image.mode in _RESIZED_WELL:  # first, since a JPEG is then decoded at a fraction of its size
                _shrink(image, side)
            small = upright(image)
        _shrink(small, side)
        _write(small, kept)
        _make_room(cache)
    elif time.time() - kept.stat().st_mtime > _DAY:
        os.utime(kept)  # was looked at: others go before it
    return kept


def _make_room(cache: Path) -> None:
    """Now and then looks whether the cache has grown too large."""
    global _made
    if _made % _LOOKED_AT_EVERY == 0:
        prune(cache, MOST_BYTES)
    _made += 1


def prune(cache: Path, most: int) -> int:
    """Removes what was looked at longest ago where the cache holds more than `most` bytes; returns how many files went."""
    found = []
    for path in cache.glob("??/*.webp"):
        with contextlib.suppress(FileNotFoundError):  # another process makes room too
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    held, gone = sum(size for _, size, _ in found), 0
    if held <= most:
        return 0
    for _, size, path in sorted(found):
        if held <= most * _LEFT:
            break
        path.unlink(missing_ok=True)
        held, gone = held - size, gone + 1
    return gone


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of the upright picture, from the file's head alone; remembered until the file changes."""
    status = path.stat()
    return _size(os.fspath(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=100_000)
def _size(path: str, _time: int, _bytes: int) -> tuple[int, int]:
    Image.init()
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(_ORIENTATION) in _LYING else (width, height)


def _shrink(image: Image.Image, side: int) -> None:
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _write(image: Image.Image, path: Path) -> None:
    """Readers see all of the file or nothing; it isn't synced, since it can be made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            image.save(file, "WEBP", quality=_QUALITY, method=2)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
