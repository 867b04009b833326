"""Which files are pictures, by their names."""

from __future__ import annotations

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
READABLE = (".gif", ".avif", ".tif", ".tiff", ".jfif", ".ico", ".tga")  # not trained, but Pillow can read and convert them


def is_picture(name: str) -> bool:
    """Whether a file of that name is a picture; hidden files, such as a Mac's `._a.png`, are none."""
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")
