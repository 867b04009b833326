"""From a picture's file to what a WD tagger is shown, exactly as its authors show it."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..trainer_core.picture_files import opened, upright

_LARGE = 32_000_000  # pixels; such pictures are decoded one at a time, or a few of them would fill the memory
_ONE_LARGE = threading.Lock()


def load_picture(source: Path | bytes) -> Image.Image | str:
    """The picture of a file or of a file's bytes, upright and in RGB, or why it can't be read."""
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        if not content:
            return "it is empty (0 bytes)"
        with opened(content) as image:
            large = image.width * image.height > _LARGE
            with _ONE_LARGE if large else contextlib.nullcontext():
                return upright(image)
    except UnidentifiedImageError:
        return "it is corrupt, or not a png, jpg, webp or bmp picture inside"
    except Image.DecompressionBombError:
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError) as error:
        return f"it can't be read ({error or type(error).__name__})"  # each decoder fails in its own way


def prepared(image: Image.Image, size: int) -> np.ndarray:
    """uint8 [size, size, 3], BGR: upright, on white, padded with white to a square, then resized bicubically."""
    image = upright(image)
    side = max(image.size)
    square = _squared_in_bands(image, side, size) if side * side > _LARGE else _squared(image, side)
    if square.size != (size, size):
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(square)[:, :, ::-1])


def _squared(image: Image.Image, side: int) -> Image.Image:
    """In the middle of a white square of that side; an odd pixel goes to the right or below."""
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _squared_in_bands(image: Image.Image, side: int, size: int) -> Image.Image:
    """[side, size]: as `_squared`, then made `size` wide, without ever holding the whole square (a comic strip 60,000 px
    high would need 10 GB). Pillow resizes rows first and columns afterwards, so that the result is the same to the bit."""
    result = Image.new("RGB", (size, side), "white")
    left, top = (side - image.width) // 2, (side - image.height) // 2
    rows = max(1, 4_000_000 // side)
    for start in range(0, image.height, rows):
        part = image.crop((0, start, image.width, min(start + rows, image.height)))
        band = Image.new("RGB", (side, part.height), "white")
        band.paste(part, (left, 0))
        result.paste(band.resize((size, part.height), Image.Resampling.BICUBIC), (0, top + start))
    return result
