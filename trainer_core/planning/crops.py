"""The crops of the training pictures as numbers, those that lose most first, a page at a time for who draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..dataset.items import Item, TrainingSet
from .sizes import crop_loss, crop_moves


def by_loss(training_set: TrainingSet) -> list[Item]:
    """The training pictures, regularization pictures left out, those that lose most to the crop first."""
    return sorted((item for item in training_set.items if not item.subset.is_reg), key=lambda item: -crop_loss(item))


def crops_page(training_set: TrainingSet, root: Path | None, start: int, count: int) -> dict[str, Any]:
    """`count` crops from the `start`th on, with how many there are.

    `losing`: pictures that lose anything; `moving`: whether some are cut elsewhere each time. A picture's `name` is its path
    below `root` with slashes, None where it lies elsewhere.
    """
    items = by_loss(training_set)
    return {
        "crops": [_crop(item, root) for item in items[start : start + count]],
        "total": len(items),
        "losing": sum(crop_loss(item) > 0 for item in items),
        "moving": any(map(crop_moves, items)),
    }


def _crop(item: Item, root: Path | None) -> dict[str, Any]:
    """A picture's crop: `box` is left, top, width and height as shares of the whole picture, `loss` of its area."""
    (wide, high), (left, top), (width, height) = item.fit.resized, item.fit.crop, item.fit.bucket
    name = item.path.relative_to(root).as_posix() if root and item.path.is_relative_to(root) else None
    return {
        "name": name,
        "title": item.path.name,
        "size": list(item.size),
        "trained": list(item.fit.bucket),
        "box": [round(one, 5) for one in (left / wide, top / high, width / wide, height / high)],
        "loss": round(crop_loss(item), 4),
    }
