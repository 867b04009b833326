"""What a tagger sees in one picture, for a process that stays: the model is loaded once."""

from __future__ import annotations

import functools
from pathlib import Path

from ..trainer_core.problems import UserError
from .labels import RATING
from .model import Tagger
from .pictures import load_picture

LOWEST = 0.05  # of thousands of tags nearly all are below it and say nothing


def interrogate(model_path: str | Path, picture: str | Path | bytes, lowest: float = LOWEST) -> list[tuple[str, float, str]]:
    """(tag, score 0…1, kind) of every tag of at least `lowest` and all ratings, highest first.

    `picture`: a path or a picture file's bytes. Raises UserError where the model or the picture can't be read.
    """
    loaded = load_picture(picture if isinstance(picture, bytes) else Path(picture))
    if isinstance(loaded, str):
        name = "The picture" if isinstance(picture, bytes) else str(picture)
        raise UserError(f"{name} can't be tagged: {loaded}.")
    tagger = loaded_tagger(str(model_path))
    scores = tagger.probabilities([loaded])[0].tolist()
    found = [
        (label.name, score, label.category)
        for label, score in zip(tagger.labels, scores, strict=True)
        if score >= lowest or label.category == RATING
    ]
    return sorted(found, key=lambda one: -one[1])


@functools.lru_cache(maxsize=1)
def loaded_tagger(model_path: str) -> Tagger:
    """The last model stays loaded."""
    return Tagger.load(model_path)
