"""Several taggers on the same pictures: the mean of their scores, or all that any of them sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .captions import same_tag
from .labels import Label
from .results import Choice, Chooser, Result

HOWS = ("mean", "union")


class Ensemble:
    """Chooses tags by what several models saw; one model alone is the simplest case.

    mean: a tag's score is the mean over the models that know it, and the thresholds' mean counts. union: a tag is taken
    where one of the models takes it by its own thresholds, with the highest score.
    """

    def __init__(self, labels: Sequence[Sequence[Label]], choices: Sequence[Choice], how: str = "mean") -> None:
        if how not in HOWS:
            raise ValueError(f"no way {how!r} of combining models")
        self.how = how
        self.choosers = [Chooser(own, choice) for own, choice in zip(labels, choices, strict=True)]
        self._together: dict[str, int] = {}
        self.labels: list[Label] = []
        for own in labels:
            for label in own:
                if self._together.setdefault(same_tag(label.raw), len(self.labels)) == len(self.labels):
                    self.labels.append(label)
        self._places = [np.array([self._together[same_tag(label.raw)] for label in own]) for own in labels]
        self._mean = Chooser(self.labels, _mean_choice(choices))

    def __call__(self, rows: Sequence[np.ndarray]) -> Result:
        """The tags of one picture; `rows`: each model's [tags]."""
        if len(rows) == 1:
            return self.choosers[0](rows[0])
        mean = self.mean(rows)
        if self.how == "mean":
            return self._mean(mean)
        best: dict[str, tuple[Label, float]] = {}
        for chooser, row in zip(self.choosers, rows, strict=True):
            for label, score in chooser.taken(row):
                name = same_tag(label.raw)
                if name not in best or best[name][1] < score:
                    best[name] = (label, score)
        return self._mean.arranged(list(best.values()), self._mean.rating(mean))

    def mean(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """[tags of all models together]."""
        sums, counts = np.zeros(len(self.labels)), np.zeros(len(self.labels))
        for places, row in zip(self._places, rows, strict=True):
            np.add.at(sums, places, row)
            np.add.at(counts, places, 1)
        return sums / np.maximum(counts, 1)


def _mean_choice(choices: Sequence[Choice]) -> Choice:
    count = len(choices)
    per_tag = {tag: threshold for choice in choices for tag, threshold in choice.per_tag.items()}
    return replace(
        choices[0],
        threshold=sum(choice.threshold for choice in choices) / count,
        character_threshold=sum(choice.character_threshold for choice in choices) / count,
        per_tag=per_tag,
    )
