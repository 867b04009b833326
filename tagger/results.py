"""From probabilities to tags: thresholds, rating, order and what is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .captions import same_tag
from .labels import CHARACTER, RATING, Label, series_apart

MCUT_FLOOR = 0.15  # a character below this is never meant, wherever the largest gap lies


@dataclass(frozen=True)
class Choice:
    """Which tags are taken: those above their threshold.

    mcut: thresholds at the largest gap between scores. rating: "no", "first" or "last". per_tag: a threshold of its own for
    a tag (as `same_tag` spells it). series_apart: `name (series)` becomes two tags.
    """

    threshold: float = 0.35
    character_threshold: float = 0.85
    mcut: bool = False
    underscores: bool = False
    characters_first: bool = False
    rating: str = "no"
    exclude: Sequence[str] = ()
    per_tag: Mapping[str, float] = field(default_factory=dict)
    series_apart: bool = False

    @property
    def lowest(self) -> float:
        """No score below it can be taken, but for MCut's."""
        return min(self.threshold, self.character_threshold, *self.per_tag.values())


@dataclass(frozen=True)
class Result:
    """What a tagger sees in one picture: the likeliest rating, and the tags taken with their probabilities, in order."""

    rating: str
    tags: list[tuple[str, float]]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.tags]


class Chooser:
    """Chooses the tags of one picture after the other. All categories but ratings and characters are general."""

    def __init__(self, labels: Sequence[Label], choice: Choice) -> None:
        self.labels, self.choice = labels, choice
        kinds = np.array([label.category for label in labels])
        self.ratings = np.flatnonzero(kinds == RATING)
        self.characters = np.flatnonzero(kinds == CHARACTER)
        self.general = np.flatnonzero((kinds != RATING) & (kinds != CHARACTER))
        self._left_out = {same_tag(tag) for tag in choice.exclude}
        self._own = np.full(len(labels), np.nan)
        for place, label in enumerate(labels):
            if (threshold := choice.per_tag.get(same_tag(label.raw))) is not None:
                self._own[place] = threshold

    def __call__(self, probabilities: np.ndarray) -> Result:
        """The tags of one picture; `probabilities` [tags]."""
        return self.arranged(self.taken(probabilities), self.rating(probabilities))

    def taken(self, probabilities: np.ndarray) -> list[tuple[Label, float]]:
        """The characters and general tags above their thresholds, and none of those left out; in no order."""
        if len(self.labels) != len(probabilities):
            raise ValueError(f"{len(probabilities)} probabilities for {len(self.labels)} labels")
        choice, found = self.choice, []
        for places, threshold, floor in (
            (self.characters, choice.character_threshold, MCUT_FLOOR),
            (self.general, choice.threshold, 0.0),
        ):
            scores = probabilities[places]
            if choice.mcut:
                threshold = max(floor, mcut(scores))
            own = self._own[places]
            limits = np.where(np.isnan(own), threshold, own)
            found += [(self.labels[places[at]], float(scores[at])) for at in np.flatnonzero(scores > limits)]
        return [one for one in found if same_tag(one[0].raw) not in self._left_out]

    def rating(self, probabilities: np.ndarray) -> tuple[Label, float] | None:
        """The likeliest rating; None for a model that knows none."""
        if not len(self.ratings):
            return None
        best = self.ratings[int(np.argmax(probabilities[self.ratings]))]
        return self.labels[best], float(probabilities[best])

    def arranged(self, taken: Sequence[tuple[Label, float]], rating: tuple[Label, float] | None) -> Result:
        """In the order and the spelling asked for, likeliest first."""
        choice = self.choice
        ordered = sorted(taken, key=lambda one: (choice.characters_first and one[0].category != CHARACTER, -one[1]))
        tags = [(name, score) for label, score in ordered for name in self._spelled(label)]
        told = [(self._spelled(rating[0])[0], rating[1])] if rating else []
        if choice.rating == "first":
            tags = [*told, *tags]
        elif choice.rating == "last":
            tags = [*tags, *told]
        return Result(rating[0].name if rating else "", tags)

    def _spelled(self, label: Label) -> list[str]:
        text = label.raw if self.choice.underscores else label.name
        return series_apart(text) if self.choice.series_apart and label.category == CHARACTER else [text]


def choose(labels: Sequence[Label], probabilities: np.ndarray, choice: Choice) -> Result:
    """The tags of one picture; `probabilities` [tags]."""
    return Chooser(labels, choice)(probabilities)


def mcut(scores: np.ndarray | Sequence[float]) -> float:
    """Maximum cut (Largeron et al. 2012): the middle of the largest gap between neighbouring scores; 0 for fewer than 2."""
    falling = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    if len(falling) < 2:
        return 0.0
    place = int(np.argmax(falling[:-1] - falling[1:]))
    return math.fsum(falling[place : place + 2]) / 2
