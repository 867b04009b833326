"""Which size a picture is trained in: the arithmetic of kohya's buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .items import Dataset, Fit, Size


class UnfitSize(ValueError):
    """A picture of this size has no bucket; the message says why."""


def bucket_sizes(resolution: Size, low: int, high: int, step: int) -> list[Size]:
    """All buckets, sorted: sides from `low` to `high` in multiples of `step`, areas of at most the resolution's.

    `low` is taken down and `high` up to a multiple of `step`.
    """
    low, high = low - low % step, high + -high % step
    area = resolution[0] * resolution[1]
    side = int(math.sqrt(area) // step) * step
    sizes = {(side, side)} if side else set()
    for width in range(max(low, step), high + 1, step):
        height = min(high, area // width // step * step)
        if height >= max(low, step):
            sizes |= {(width, height), (height, width)}
    return sorted(sizes)


def fits(dataset: Dataset, sizes: Sequence[Size]) -> list[Fit | str]:
    """For each picture's size its place in the dataset's buckets, or the reason why it has none."""
    buckets = [dataset.resolution]
    if dataset.enable_bucket and not dataset.bucket_no_upscale:
        limits = (dataset.min_bucket_reso, dataset.max_bucket_reso, dataset.bucket_reso_steps)
        buckets = bucket_sizes(dataset.resolution, *limits)
    places: dict[Size, Fit | str] = {}
    for size in dict.fromkeys(sizes):
        try:
            if dataset.enable_bucket and dataset.bucket_no_upscale:
                places[size] = fit_without_enlarging(size, dataset.resolution, dataset.bucket_reso_steps)
            else:
                places[size] = fit_into_nearest(size, buckets)
        except UnfitSize as error:
            places[size] = str(error)
    return [places[size] for size in sizes]


def fit_into_nearest(size: Size, buckets: Sequence[Size]) -> Fit:
    """The bucket of the nearest aspect ratio (the picture's own size, where it is a bucket), covered and cropped."""
    width, height = size
    ratio = width / height
    if not buckets:
        raise UnfitSize("no bucket is left: bucket_reso_steps is larger than the resolution")
    if size in buckets:
        bucket = size
    else:
        bucket = min(buckets, key=lambda one: abs(one[0] / one[1] - ratio))
    scale = bucket[1] / height if ratio > bucket[0] / bucket[1] else bucket[0] / width
    return centred(bucket, (int(width * scale + 0.5), int(height * scale + 0.5)))


def fit_without_enlarging(size: Size, resolution: Size, step: int) -> Fit:
    """The picture's own size, made smaller where its area is above the resolution's, cropped to multiples of `step`.

    Raises UnfitSize where a side is shorter than one step.
    """
    width, height = size
    ratio, area = width / height, resolution[0] * resolution[1]
    resized = size
    if width * height > area:
        exact_width = math.sqrt(area * ratio)
        by_width, by_height = _down_to(exact_width, step), _down_to(area / exact_width, step)
        if not by_width or not by_height:
            raise UnfitSize(f"its shape {width}×{height} is too narrow for a bucket")
        by_width_height, by_height_width = _down_to(by_width / ratio, step), _down_to(by_height * ratio, step)
        width_error = abs(by_width / by_width_height - ratio) if by_width_height else math.inf
        if width_error < abs(by_height_width / by_height - ratio):
            resized = (by_width, int(by_width / ratio + 0.5))
        else:
            resized = (int(by_height * ratio + 0.5), by_height)
    bucket = (resized[0] - resized[0] % step, resized[1] - resized[1] % step)
    if not bucket[0] or not bucket[1]:
        raise UnfitSize(f"it is {width}×{height} px, and with bucket_no_upscale both sides must have at least {step} px")
    return centred(bucket, resized)


def _down_to(length: float, step: int) -> int:
    """The length rounded to whole pixels and taken down to a multiple of `step`."""
    whole = int(length + 0.5)
    return whole - whole % step


def centred(bucket: Size, resized: Size) -> Fit:
    return Fit(bucket, resized, ((resized[0] - bucket[0]) // 2, (resized[1] - bucket[1]) // 2))
