"""Pictures whose truth is known: drawn figures and photo-like scenes, and what may be wrong with them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("drawing", "photo", "plain")


def scene(seed: int, kind: str, size: tuple[int, int] = (512, 640)) -> Image.Image:
    """drawing: flat colours with outlines · photo: many soft and hard shades with grain · plain: a figure on one colour."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    width, height = size
    big = (width * 2, height * 2)  # drawn large and made small, so that edges are as a camera's or a painter's
    image = _ground(rng, big, kind)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(14, 30))):
        _shape(rng, pen, big, kind)
    for _ in range(int(rng.integers(30, 60))):
        _hair(rng, pen, big)
    image = image.resize(size, Image.Resampling.LANCZOS)
    if kind == "photo":
        grain = rng.normal(0, 4, (height, width, 1))
        image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
    return image


def _ground(rng: np.random.Generator, size: tuple[int, int], kind: str) -> Image.Image:
    if kind == "photo":
        small = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
        return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    if kind == "plain":
        return Image.new("RGB", size, tuple(int(v) for v in rng.choice([0, 128, 200, 255], 3)))
    top, bottom = rng.integers(0, 256, (2, 3))
    rows = np.linspace(0, 1, size[1])[:, None, None]
    return Image.fromarray(np.broadcast_to(top * (1 - rows) + bottom * rows, (size[1], size[0], 3)).astype(np.uint8))


def _place(rng: np.random.Generator, size: tuple[int, int], kind: str) -> tuple[float, float]:
    """Anywhere; on a plain ground within the middle, as a figure stands."""
    low, high = (0.25, 0.75) if kind == "plain" else (0.0, 1.0)
    return float(rng.uniform(low, high) * size[0]), float(rng.uniform(low, high) * size[1])


def _shape(rng: np.random.Generator, pen: ImageDraw.ImageDraw, size: tuple[int, int], kind: str) -> None:
    x, y = _place(rng, size, kind)
    w, h = rng.uniform(0.03, 0.2, 2) * min(size)
    colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    outline = (20, 16, 24) if kind != "photo" else None
    box = (x - w, y - h, x + w, y + h)
    (pen.ellipse if rng.random() < 0.6 else pen.rectangle)(box, fill=colour, outline=outline, width=5)


def _hair(rng: np.random.Generator, pen: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    x, y = _place(rng, size, "plain")
    dx, dy = rng.normal(0, 0.08, 2) * min(size)
    pen.line((x, y, x + dx, y + dy), fill=tuple(int(v) for v in rng.integers(0, 140, 3)), width=int(rng.integers(2, 6)))


def blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def with_bars(image: Image.Image, left: int, top: int, right: int, bottom: int, colour: str) -> Image.Image:
    made = Image.new("RGB", (image.width + left + right, image.height + top + bottom), colour)
    made.paste(image, (left, top))
    return made


def changed(image: Image.Image, how: str) -> Image.Image:
    """The same picture as it comes back from elsewhere."""
    if how == "smaller":
        return image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.BICUBIC)
    if how == "brighter":
        return image.point(lambda value: min(255, int(value * 1.15 + 8)))
    if how == "cropped":
        x, y = image.width // 40, image.height // 40  # 2.5 % at each side
        return image.crop((x, y, image.width - x, image.height - y))
    if how == "signed":
        made = image.copy()
        ImageDraw.Draw(made).text((image.width * 0.7, image.height * 0.93), "@someone 2021", fill="white")
        return made
    if how == "mirrored":
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    raise ValueError(how)


CHANGES = ("smaller", "brighter", "cropped", "signed", "mirrored")
