"""Which files are pictures that can be trained, and how they are read: upright, in RGB, without transparency."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..picture_files import is_transparent, opened, upright
from .items import Size

# Pictures all the same, but not of a kind that is trained.
OTHER_EXTENSIONS = (".gif", ".avif", ".heic", ".jxl", ".tif", ".tiff", ".psd", ".svg", ".jfif", ".ico", ".tga")
MIN_SIDE = 16
EXIF_ORIENTATION = 0x0112
_CFG = re.compile(r"\bCFG scale: (\d+(?:\.\d+)?)")
# What decoders raise at damaged files: each fails in its own way.
DAMAGES = (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError)


@dataclass(frozen=True)
class Look:
    """What a picture file holds: size of the upright picture, or why it can't be trained (`reason`, else empty).

    `cfg`: the guidance that it was drawn with, where webui's PNG info in it says so. `decoded`: whether all of it was read.
    """

    size: Size = (0, 0)
    rotated: bool = False
    transparent: bool = False
    reason: str = ""
    cfg: float | None = None
    decoded: bool = True


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
            rotated = image.getexif().get(EXIF_ORIENTATION, 1) not in (0, 1)
            transparent = is_transparent(image)
            cfg = told_cfg(image.info.get("parameters"))
            turned = upright(image)
    except UnidentifiedImageError:
        return Look(reason="it is corrupt, or not a png, jpg, webp or bmp picture inside")
    except Image.DecompressionBombError:
        return Look(reason=f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: make it smaller")
    except DAMAGES as error:
        return Look(reason=f"it is corrupt ({error or type(error).__name__})")
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
