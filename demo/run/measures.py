"""The demo's measures: what the judge sees in the samples, and whether they are copies. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

COPY_SIDE = 64


def concept(probabilities: np.ndarray, tags: Sequence[str], own: Sequence[str]) -> float:
    """Mean probability of the creature's own tags; `probabilities` is [pictures, tags]."""
    return float(probabilities[:, _columns(tags, own)].mean())


def relative(score: float, true_score: float) -> float:
    """A concept score as a share of what true pictures of the creature get."""
    if true_score <= 0:
        raise ValueError("the judge sees nothing of the creature in true pictures of it")
    return score / true_score


def context_followed(
    probabilities: np.ndarray, tags: Sequence[str], prompted: Sequence[Sequence[str]], threshold: float
) -> float:
    """Share of all prompted context tags that the judge gives at least `threshold`; one list of tags a picture."""
    if len(prompted) != len(probabilities):
        raise ValueError(f"{len(prompted)} prompts for {len(probabilities)} pictures")
    seen = [
        bool(row[column] >= threshold)
        for row, wanted in zip(probabilities, prompted, strict=True)
        for column in _columns(tags, wanted)
    ]
    return float(np.mean(seen))


def nearest_copy(samples: Sequence[Image.Image], training: Sequence[Image.Image]) -> list[float]:
    """How near each sample comes to its nearest training picture: 0 is a copy, about 1 is as far as two of them lie apart.

    The distance is the root mean square over the colours of the picture at 64 by 64. It is divided by the median of the
    distances from each training picture to the training picture nearest to it.
    """
    trained = _pixels(training)
    between = _distances(trained, trained)
    np.fill_diagonal(between, np.inf)
    usual = float(np.median(between.min(axis=1)))
    if usual <= 0:
        raise ValueError("most training pictures occur twice")
    return (_distances(_pixels(samples), trained).min(axis=1) / usual).tolist()


def loss_ends(losses: Sequence[float]) -> tuple[float, float]:
    """Mean loss over the first and over the last tenth of the steps, since single steps vary with their timesteps."""
    if not losses:
        raise ValueError("the training reported no loss")
    count = max(1, len(losses) // 10)
    return float(np.mean(losses[:count])), float(np.mean(losses[-count:]))


def missed_aims(result: Mapping[str, Any], aims: Mapping[str, Sequence[Any]]) -> list[str]:
    """The names of the measures that miss their aim; an aim is ("at least" or "at most", limit)."""
    return [name for name, (side, limit) in aims.items() if not is_met(result[name], side, limit)]


def is_met(value: float, side: str, limit: float) -> bool:
    """Whether a value keeps its limit; a value that is no number never does."""
    return value >= limit if side == "at least" else value <= limit


def _columns(tags: Sequence[str], wanted: Sequence[str]) -> list[int]:
    missing = [tag for tag in wanted if tag not in tags]
    if missing:
        raise ValueError(f"the judge does not know {', '.join(missing)}")
    return [list(tags).index(tag) for tag in wanted]


def _pixels(images: Sequence[Image.Image]) -> np.ndarray:
    """float32 [pictures, values], colours from 0 to 1."""
    small = [image.convert("RGB").resize((COPY_SIDE, COPY_SIDE), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image, dtype=np.float32).reshape(-1) / 255 for image in small])


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Root mean square distances [first, second]."""
    return np.stack([np.sqrt(((second - row) ** 2).mean(axis=1)) for row in first])
