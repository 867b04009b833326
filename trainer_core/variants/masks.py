"""Masks that come from a page, or from a picture's own transparency: white is what is to be redrawn."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

from ...tagger.pictures import load_picture
from ..files import write_atomically
from ..picture_files import is_transparent, opened
from ..problems import UserError
from .review import MASKS

_DAMAGES = (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError)
_LONGEST_SIDE = 1024  # pixels of a mask that goes to a page


def keep_mask(review: Path, picture: Path, coded: str) -> Path:
    """Writes a mask, given as a PNG file in base64, at the picture's size; the same one is one file. UserError otherwise."""
    from PIL import Image

    size = upright_picture(picture).size
    try:
        with opened(base64.b64decode(coded.rpartition(",")[2], validate=True)) as image:
            mask = image.convert("L").resize(size, Image.Resampling.BILINEAR)
    except (*_DAMAGES, Image.DecompressionBombError) as error:
        raise UserError(f"The mask can't be read ({error}): paint it again.") from error
    if not mask.getextrema()[1]:
        raise UserError("The mask is empty: paint over what is to be redrawn.")
    content = io.BytesIO()
    mask.save(content, "PNG")
    path = review / MASKS / f"{hashlib.sha256(content.getvalue()).hexdigest()[:16]}.png"
    if not path.is_file():
        write_atomically(path, content.getvalue())
    return path


def transparency(picture: Path) -> str:
    """The picture's transparent parts as a mask, a PNG file in base64; UserError where nothing can be seen through."""
    from PIL import Image, ImageChops, ImageOps

    try:
        with opened(picture.read_bytes()) as image:
            alpha = ImageOps.exif_transpose(image).convert("RGBA").getchannel("A") if is_transparent(image) else None
    except (*_DAMAGES, Image.DecompressionBombError) as error:
        raise UserError(f"{picture.name} can't be read as a picture ({error}): leave it out.") from error
    if alpha is None or alpha.getextrema()[0] == 255:
        raise UserError(f"Nothing in {picture.name} is transparent: paint the mask by hand.")
    mask = ImageChops.invert(alpha)
    mask.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    content = io.BytesIO()
    mask.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode("ascii")


def is_seen_through(picture: Path) -> bool:
    """Whether the picture's own transparency could be the mask."""
    with opened(picture.read_bytes()) as image:
        return is_transparent(image) and image.convert("RGBA").getchannel("A").getextrema()[0] < 255


def upright_picture(path: Path) -> Any:
    """The picture as it is drawn over; UserError where it can't be."""
    image = load_picture(path) if path.is_file() else "it is not there"
    if isinstance(image, str):
        raise UserError(f"{path} can't be taken as a picture: {image}.")
    return image
