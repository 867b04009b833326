"""From probabilities to tags: thresholds, rating, order and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .captions import same_tag
from .labels import CHARACTER, GENERAL, RATING, Label

MCUT_FLOOR = 0.15  # a character below this is never meant, wherever the largest gap lies


@dataclass(frozen=True)
class Choice:
    """Which tags are taken: those above their threshold.

    mcut: thresholds at the largest gap between scores. rating: "no", "first" or "last".
    """

    threshold: float = 0.35
    character_threshold: float = 0.85
    mcut: bool = False
    underscores: bool = False
    characters_first: bool = False
    rating: str = "no"
    exclude: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """What a tagger sees in one picture: the likeliest rating, and the tags taken with their probabilities, in order."""

    rating: str
    tags: list[tuple[str, float]]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.tags]


def choose(labels: Sequence[Label], probabilities: np.ndarray, choice: Choice) -> Result:
    """The tags of one picture; `probabilities` [tags]. All categories but ratings and characters are general."""
    if len(labels) != len(probabilities):
        raise ValueError(f"{len(probabilities)} probabilities for {len(labels)} labels")
    left_out = {same_tag(tag) for tag in choice.exclude}
    ratings = _scored(labels, probabilities, (RATING,), choice)
    rating = max(ratings, key=lambda one: one[1])[0] if ratings else ""
    characters = _scored(labels, probabilities, (CHARACTER,), choice)
    others = [label.category for label in labels if label.category not in (RATING, CHARACTER)]
    general = _scored(labels, probabilities, (GENERAL, *others), choice)
    characters = _above(characters, choice.character_threshold, MCUT_FLOOR if choice.mcut else None)
    general = _above(general, choice.threshold, 0.0 if choice.mcut else None)
    tags = [*characters, *general]
    if not choice.characters_first:
        tags.sort(key=lambda one: -one[1])
    tags = [one for one in tags if same_tag(one[0]) not in left_out]
    told = [one for one in ratings if one[0] == rating]
    if choice.rating == "first":
        tags = [*told, *tags]
    elif choice.rating == "last":
        tags = [*tags, *told]
    return Result(rating, tags)


def _scored(
    labels: Sequence[Label], probabilities: np.ndarray, categories: Iterable[str], choice: Choice
) -> list[tuple[str, float]]:
    """(tag, probability) of all labels of the categories, likeliest first."""
    wanted = set(categories)
    found = [
        (label.raw if choice.underscores else label.name, float(probability))
        for label, probability in zip(labels, probabilities, strict=True)
        if label.category in wanted
    ]
    return sorted(found, key=lambda one: -one[1])


def _above(scored: list[tuple[str, float]], threshold: float, floor: float | None) -> list[tuple[str, float]]:
    """Those above the threshold; with a floor given, MCut's threshold counts instead, but never below the floor."""
    if floor is not None:
        threshold = max(floor, mcut([score for _, score in scored]))
    return [one for one in scored if one[1] > threshold]


def mcut(scores: Sequence[float]) -> float:
    """Maximum cut (Largeron et al. 2012): the middle of the largest gap between neighbouring scores; 0 for fewer than 2."""
    falling = sorted(scores, reverse=True)
    if len(falling) < 2:
        return 0.0
    gaps = [high - low for high, low in zip(falling, falling[1:], strict=False)]
    place = max(range(len(gaps)), key=gaps.__getitem__)
    return (falling[place] + falling[place + 1]) / 2
