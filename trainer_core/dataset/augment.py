"""From a picture to the pixels that are encoded: resized, cropped, and where asked for varied at random.

All draws come from a generator that the caller keys by (epoch, item, copy). Needs no torch.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

from .items import Fit, Item, Size, SubsetOptions

_FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "linear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
}
_COLOR_SHARE = 0.33
_HUE_DEGREES = 16  # of 360, to either side
_GAMMA = (0.95, 1.05)


def plain_pixels(picture: Image.Image, item: Item) -> np.ndarray:
    """The picture as its bucket wants it, uint8 [height, width, 3]; always the same."""
    return cropped(resized(picture, item.fit.resized, item.subset.options.resize_interpolation), item.fit.bucket, item.fit.crop)


def varied_pixels(picture: Image.Image, item: Item, draw: np.random.Generator, *, buckets: bool) -> np.ndarray:
    """The picture with random crop, face crop (only without `buckets`) and random colours, as the subset asks for them."""
    options, fit = item.subset.options, item.fit
    face = face_place(item.path) if options.face_crop_aug_range and not buckets else None
    if face and options.face_crop_aug_range and min(a - b for a, b in zip(picture.size, fit.bucket, strict=True)) >= 0:
        pixels = face_cropped(picture, fit.bucket, face, options.face_crop_aug_range, options, draw)
    else:
        whole = resized(picture, fit.resized, options.resize_interpolation)
        pixels = cropped(whole, fit.bucket, random_corner(fit, draw) if options.random_crop else fit.crop)
    return varied_colors(pixels, draw) if options.color_aug else pixels


def resized(picture: Image.Image, size: Size, interpolation: str | None) -> np.ndarray:
    """uint8 [height, width, 3] of `size`; unless told otherwise by area where both sides shrink, else by Lanczos."""
    if picture.size == size:
        return np.asarray(picture)
    shrinks = size[0] <= picture.width and size[1] <= picture.height
    if (interpolation or "area") == "area" and shrinks:
        return by_area(np.asarray(picture), size)
    return np.asarray(picture.resize(size, _FILTERS.get(interpolation or "", Image.Resampling.LANCZOS)))


def by_area(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Each new pixel is the mean of the area that it covers, parts of pixels counted by their share; only for shrinking."""
    rows = _mean_of_rows(pixels, size[1])
    columns = _mean_of_rows(np.ascontiguousarray(rows.transpose(1, 0, 2)), size[0])
    return np.rint(columns.transpose(1, 0, 2)).clip(0, 255).astype(np.uint8)


def _mean_of_rows(values: np.ndarray, count: int) -> np.ndarray:
    """[n, …] → float32 [count, …]: sums of the rows that each new one begins with, their parts moved to the neighbour."""
    length = values.shape[0]
    edges = np.arange(count) * (length / count)
    first = edges.astype(np.int64)
    before = (edges - first).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1)) * values[first].astype(np.float32)
    sums = np.add.reduceat(values, first, axis=0, dtype=np.float32) - before
    sums[:-1] += before[1:]
    return sums * np.float32(count / length)


def cropped(pixels: np.ndarray, bucket: Size, corner: tuple[int, int]) -> np.ndarray:
    left, top = corner
    return pixels[top : top + bucket[1], left : left + bucket[0]]


def random_corner(fit: Fit, draw: np.random.Generator) -> tuple[int, int]:
    left, top = (int(draw.integers(0, long - short + 1)) for long, short in zip(fit.resized, fit.bucket, strict=True))
    return left, top


def varied_colors(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A third of the pictures is changed: half of them in hue, half in gamma, a little each."""
    if draw.random() > _COLOR_SHARE:
        return pixels
    if draw.random() > 0.5:
        shift = round(draw.uniform(-_HUE_DEGREES, _HUE_DEGREES) * 256 / 360)
        hsv = np.asarray(Image.fromarray(pixels).convert("HSV")).copy()
        hsv[..., 0] += np.uint8(shift % 256)
        return np.asarray(Image.frombytes("HSV", (hsv.shape[1], hsv.shape[0]), hsv.tobytes()).convert("RGB"))
    gamma = draw.uniform(*_GAMMA)
    return np.rint(255 * (pixels / 255) ** gamma).astype(np.uint8)


def face_place(path: Path) -> tuple[int, int, int, int] | None:
    """Centre and size of the face in a name `…_cx_cy_w_h`; None for other names, however many underscores they have."""
    parts = path.stem.rsplit("_", 4)
    if len(parts) < 5 or not all(part.isdecimal() for part in parts[1:]):
        return None
    x, y, width, height = (int(part) for part in parts[1:])
    return (x, y, width, height) if x > 0 and max(width, height) > 0 else None


def face_cropped(
    picture: Image.Image,
    target: Size,
    face: tuple[int, int, int, int],
    sizes: tuple[float, float],
    options: SubsetOptions,
    draw: np.random.Generator,
) -> np.ndarray:
    """A crop of `target` around the face, whose longer side is 1/sizes[1] to 1/sizes[0] of the target's shorter side.

    Pictures are never enlarged for it; where the face is too small or too large for that, the nearest scale is taken.
    """
    face_side, short = max(face[2:]), min(target)
    cover = max(target[0] / picture.width, target[1] / picture.height)
    low = min(1.0, max(cover, short / (face_side * sizes[1])))
    high = min(1.0, max(low, short / (face_side * sizes[0])))
    scale = draw.uniform(low, high) if low < high else low
    size = tuple(max(math.floor(side * scale + 0.5), least) for side, least in zip(picture.size, target, strict=True))
    whole = resized(picture, (size[0], size[1]), options.resize_interpolation)
    corner = []
    for axis in (0, 1):
        centre = math.floor(face[axis] * scale + 0.5)
        start = centre - target[axis] // 2
        if options.random_crop:
            reach = max(size[axis] - centre, centre)
            start += int(draw.integers(0, reach + 1)) + int(draw.integers(0, reach + 1)) - reach
        elif sizes[0] != sizes[1] and face_side >= 40 and face_side > short // 10:
            start += int(draw.integers(-(face_side // 20), face_side // 20 + 1))
        corner.append(max(0, min(start, size[axis] - target[axis])))
    return cropped(whole, target, (corner[0], corner[1]))
