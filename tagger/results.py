"""From a tagger's probabilities to a caption's tags: thresholds, rating, order, what is left out and what comes first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .labels import CHARACTER, GENERAL, RATING, Label

LEAST_MCUT_CHARACTER = 0.15
_SERIES = re.compile(r"(.+?) ?\(([^()]+)\)")


@dataclass(frozen=True)
class Choices:
    """What of a tagger's findings goes into a caption. Thresholds are probabilities; a tag must lie above its own.

    With MCut (Largeron et al. 2012) a picture's threshold is the middle of the largest gap between its probabilities.
    Other categories than general, character and rating (copyright, artist, …) are taken where `categories` names them.
    """

    threshold: float = 0.35
    character_threshold: float = 0.85
    mcut: bool = False
    character_mcut: bool = False
    first: Sequence[str] = ()
    exclude: Sequence[str] = ()
    rating: Literal["no", "first", "last"] = "no"
    characters_first: bool = False
    expand_characters: bool = False
    underscores: bool = False
    categories: Sequence[str] = (GENERAL, CHARACTER)


@dataclass(frozen=True)
class Found:
    """What the tagger sees in one picture; tags with their probabilities, most probable first."""

    tags: list[tuple[Label, float]]
    rating: tuple[Label, float] | None


def find(labels: Sequence[Label], probabilities: Sequence[float], choices: Choices) -> Found:
    """The tags above their category's threshold, and the most probable rating."""
    by_category: dict[str, list[tuple[Label, float]]] = {}
    for label, probability in zip(labels, probabilities, strict=True):
        by_category.setdefault(label.category, []).append((label, float(probability)))
    tags: list[tuple[Label, float]] = []
    for category in choices.categories:
        candidates = by_category.get(category, [])
        limit = _threshold(category, [probability for _, probability in candidates], choices)
        tags += [one for one in candidates if one[1] > limit]
    ratings = by_category.get(RATING)
    return Found(sorted(tags, key=lambda one: -one[1]), max(ratings, key=lambda one: one[1]) if ratings else None)


def _threshold(category: str, probabilities: Sequence[float], choices: Choices) -> float:
    if category == CHARACTER:
        if choices.character_mcut:
            return max(LEAST_MCUT_CHARACTER, mcut(probabilities))
        return choices.character_threshold
    return mcut(probabilities) if choices.mcut else choices.threshold


def mcut(probabilities: Sequence[float]) -> float:
    """The middle of the largest gap between neighbouring probabilities; 0 where there are less than two."""
    falling = sorted(probabilities, reverse=True)
    gaps = [high - low for high, low in zip(falling, falling[1:], strict=False)]
    if not gaps:
        return 0.0
    place = gaps.index(max(gaps))
    return (falling[place] + falling[place + 1]) / 2


def caption_tags(found: Found, choices: Choices) -> list[str]:
    """The caption's tags in their order: the first ones, rating if asked, characters if asked, then by probability."""
    tags = found.tags
    if choices.characters_first:
        tags = sorted(tags, key=lambda one: one[0].category != CHARACTER)
    spelled = _spelling(choices)
    names = [name for label, _ in tags for name in spelled(label)]
    if found.rating and choices.rating != "no":
        names.insert(0 if choices.rating == "first" else len(names), spelled(found.rating[0])[0])
    first = [tag.strip() for tag in choices.first if tag.strip()]
    taken = {same(tag) for tag in choices.exclude} | {same(tag) for tag in first}
    result = list(first)
    for name in names:
        if same(name) not in taken:
            taken.add(same(name))
            result.append(name)
    return result


def _spelling(choices: Choices) -> Callable[[Label], list[str]]:
    """How a label is written; `name (series)` becomes two tags where that is asked."""

    def spelled(label: Label) -> list[str]:
        name = label.raw if choices.underscores else label.name
        if choices.expand_characters and label.category == CHARACTER and (match := _SERIES.fullmatch(name)):
            return [match[1].rstrip("_ "), match[2]]
        return [name]

    return spelled


def same(tag: str) -> str:
    """What two spellings of a tag have in common: case, underscores and escapes don't tell tags apart."""
    return tag.strip().replace("\\", "").replace("_", " ").lower()
