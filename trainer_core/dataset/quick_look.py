"""What a picture file holds, from its first and last bytes: its size, and that it is there to its end.

Decoding a photograph takes a hundred times as long. What can't be told in this way is decoded after all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from ..picture_files import FORMATS, is_transparent
from .pictures import DAMAGES, EXIF_ORIENTATION, MIN_SIDE, Look, look_into, told_cfg

_TAIL = 1 << 16
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
_PNG_WORDS = (b"eXIf", b"tEXt", b"iTXt", b"zTXt")  # behind the pixels they are seen only by who reads to the end
_TURNED = (5, 6, 7, 8)  # orientations that swap width and height


def look_quickly(path: Path) -> Look:
    """As `look_into`, without decoding where the picture is surely whole; Image.init() must have been called."""
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            look = _look_from_header(file, image)
    except (*DAMAGES, Image.DecompressionBombError):
        look = None
    return look or look_into(path)


def _look_from_header(file: BinaryIO, image: Image.Image) -> Look | None:
    """None where the header doesn't tell all, or the file may be cut short."""
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        return None
    read, size = file.tell(), os.fstat(file.fileno()).st_size
    if not _is_whole(file, image.format or "", read, size):
        return None
    if image.format == "PNG" and "exif" not in image.info:  # asked for EXIF data, Pillow would decode the picture
        orientation = 1
    else:
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    width, height = reversed(image.size) if orientation in _TURNED else image.size
    if min(width, height) < MIN_SIDE:
        return None
    cfg = told_cfg(image.info.get("parameters"))
    return Look((width, height), orientation not in (0, 1), is_transparent(image), cfg=cfg, decoded=False)


def _is_whole(file: BinaryIO, kind: str, read: int, size: int) -> bool:
    """Whether the file surely reaches its picture's end; `read`: bytes of the header that Pillow has read."""
    if kind in ("JPEG", "MPO"):  # within a scan, FF is never followed by D9
        return _JPEG_END in _tail(file, read, size)
    if kind == "PNG":
        tail = _tail(file, read, size)
        return _PNG_END in tail and not any(word in tail for word in _PNG_WORDS)
    file.seek(0)
    head = file.read(12)
    if kind == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    return kind == "BMP" and 0 < int.from_bytes(head[2:6], "little") <= size


def _tail(file: BinaryIO, read: int, size: int) -> bytes:
    file.seek(max(read, size - _TAIL))
    return file.read()
