"""Tags of captions that the tagger itself was not sure of, by what the store remembers. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .captions import same_tag
from .folder import Entry
from .store import Store, content_key


@dataclass(frozen=True)
class Doubt:
    """A caption's tag with the score that the tagger gave it."""

    picture: Path
    tag: str
    score: float


def doubts(entries: Iterable[Entry], store: Store, below: float = 0.5) -> tuple[list[Doubt], int]:
    """Tags scored below that, least sure first, and how many pictures the store knows.

    Tags that the model lacks don't count.
    """
    model = store.last_model()
    if model is None:
        return [], 0
    key, names = model
    places = {same_tag(name): place for place, name in enumerate(names)}
    found, known = [], 0
    for entry in entries:
        content = store.content_of(entry.picture) or content_key(entry.picture.read_bytes())
        scores = store.scores(content, key)
        if scores is None:
            continue
        known += 1
        kept = dict(zip(scores.places, scores.scores, strict=True))
        for tag in entry.tags:
            place = places.get(same_tag(tag))
            if place is not None and (score := kept.get(place, 0.0)) < below:
                found.append(Doubt(entry.picture, tag, round(score, 4)))
    return sorted(found, key=lambda one: one.score), known
