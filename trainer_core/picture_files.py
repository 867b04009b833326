"""How pictures are read: by content, upright, in RGB, on white where they are transparent."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def opened(content: bytes) -> Image.Image:
    """The picture in a file's bytes, told by content; Pillow raises OSError, ValueError, SyntaxError … for damaged ones."""
    Image.init()  # else Pillow knows a few decoders only, and not WebP's
    return Image.open(io.BytesIO(content), formats=FORMATS)


def upright(image: Image.Image) -> Image.Image:
    """The picture as it is to be seen: turned as its EXIF data says, in RGB, on white."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Sixteen bits a pixel: Pillow would cut off all above 255 and leave a white picture.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    image = ImageOps.exif_transpose(image)
    if is_transparent(image):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def is_transparent(image: Image.Image) -> bool:
    """Whether parts of the picture can be seen through."""
    return image.has_transparency_data
