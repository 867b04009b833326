"""One look into a picture file: everything that the report needs of it, from one decoding."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from ..dataset.pictures import MIN_SIDE, look_into
from ..picture_files import is_transparent, opened, upright
from .alike import SIDE
from .measures import bars, sharpness

SCALES = (512, 1024)  # px: a picture's sharpness is measured where it has about the pixels of such a square
_ORIENTATION, _GPS, _CAMERA = 0x0112, 0x8825, 0x8769
# EXIF fields that tell of a person or of one particular camera.
_PRIVATE = {
    0x013B: "the author's name",
    0x9C9D: "the author's name",
    0x8298: "a copyright notice",
    0xA430: "the owner's name",
    0xA431: "the camera's serial number",
    0xA435: "the lens's serial number",
    0x927C: "the maker's note",
    0x9286: "a comment",
}
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Seen:
    """What one file holds. size: of the upright picture in px; `reason`: why it can't be trained, or "".

    sharp: at each of SCALES, None where there are no edges to tell by; bars: left, top, right, bottom in px of the upright
    picture; content, pixels: hashes of the bytes and of what is shown; copy: SIDE × SIDE grey bytes in base64; profile: the
    colour profile's name where it isn't sRGB.
    """

    size: tuple[int, int] = (0, 0)
    reason: str = ""
    code: str = ""
    sharp: tuple[float | None, ...] = (None, None)
    bars: tuple[int, int, int, int] = (0, 0, 0, 0)
    content: str = ""
    pixels: str = ""
    copy: str = ""
    turned: bool = False
    gps: bool = False
    private: tuple[str, ...] = ()
    profile: str = ""
    mode: str = ""
    deep: bool = False
    transparent: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def seen_from(known: dict[str, Any]) -> Seen:
    """What `as_dict` gave, as it came back from JSON. Raises TypeError where it is something else."""
    return Seen(**{one.name: _tuple(known[one.name]) for one in fields(Seen) if one.name in known})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def look(path: Path) -> Seen:
    """Reads and decodes the file; whatever is wrong with it becomes its reason."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Seen(reason=f"it can't be read ({error.strerror or error})", code="unreadable")
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    try:
        with opened(content) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                reason = f"it is animated ({image.n_frames} pictures)"
                return Seen(image.size, reason, "animated", content=digest)
            return _seen(image, digest)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError,
            Image.DecompressionBombError) as error:  # fmt: skip
        reason = look_into(path).reason or f"it is corrupt ({error or type(error).__name__})"
        return Seen(reason=reason, code="unreadable", content=digest)


def _seen(image: Image.Image, digest: str) -> Seen:
    exif = image.getexif()
    told = {
        "turned": exif.get(_ORIENTATION, 1) not in (0, 1),
        "gps": bool(exif.get_ifd(_GPS)),
        "private": tuple(sorted({name for tag, name in _PRIVATE.items() if exif.get(tag) or exif.get_ifd(_CAMERA).get(tag)})),
        "profile": profile_name(image.info.get("icc_profile")),
        "mode": image.mode,
        "deep": image.mode in _DEEP,
        "transparent": is_transparent(image),
    }
    picture = upright(image)
    if min(picture.size) < MIN_SIDE:
        width, height = picture.size
        return Seen(picture.size, f"it is {width}×{height} px, too small to learn from", "tiny", content=digest, **told)
    grey = picture.convert("L")
    copy = grey.resize((SIDE, SIDE), Image.Resampling.BOX)
    return Seen(
        picture.size,
        sharp=tuple(_sharp(grey, side) for side in SCALES),
        bars=bars(_array(grey)),
        content=digest,
        pixels=hashlib.blake2b(picture.tobytes(), digest_size=16, key=repr(picture.size).encode()).hexdigest(),
        copy=base64.b64encode(copy.tobytes()).decode("ascii"),
        **told,
    )


def _sharp(grey: Image.Image, side: int) -> float | None:
    """The sharpness of the picture made as small as a square of that side; its own where it is smaller than that."""
    scale = side / math.sqrt(grey.width * grey.height)
    if scale < 1:
        small = (max(MIN_SIDE, round(grey.width * scale)), max(MIN_SIDE, round(grey.height * scale)))
        grey = grey.resize(small, Image.Resampling.LANCZOS)
    found = sharpness(_array(grey))
    return None if found is None else round(found, 4)


def _array(grey: Image.Image) -> Any:
    import numpy as np

    return np.asarray(grey)


def profile_name(profile: bytes | None) -> str:
    """The name of a colour profile that isn't sRGB; "" for sRGB, grey ones with its curve, and none."""
    if not profile:
        return ""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError):
        return "a damaged profile"
    return "" if "srgb" in name.lower().replace(" ", "") else name or "a profile without a name"
