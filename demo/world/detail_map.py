"""Where small parts of a creature are: the places of a latent that face, hat, bow, boots and pattern decide."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from .creatures import SIZE, Creature, optional_share, render, world

CELL = 8  # pixels of a picture along one side of a latent's place
SMALL_PARTS = ("eyes", "mouth", "hat", "bow", "boots")
PATTERN_SHARE = 0.25  # a pattern covers a whole body: each of its places needs less
CHANGED = 24  # of 255, in any colour
FULL = 0.3  # share of changed pixels from which a place counts in full


def detail_map(creature: Creature) -> np.ndarray:
    """float32 [16, 16] from 0 to 1: how much of each place changes where a small part or the pattern is another."""
    picture = _pixels(render(creature))
    parts = _changed(picture, _with_others(creature, SMALL_PARTS))
    return np.maximum(parts, PATTERN_SHARE * _changed(picture, _with_others(creature, ("pattern",))))


def _with_others(creature: Creature, kinds: tuple[str, ...]) -> Creature:
    """The creature with another tag of each of the kinds: the next in the table, or none after the last where none is usual."""
    tags = dict(creature.tags)
    for kind in kinds:
        choices = [*world()[kind], *([""] if optional_share(kind) < 1 else [])]
        tags[kind] = choices[(choices.index(tags.get(kind, "")) + 1) % len(choices)]
    return dataclasses.replace(creature, tags=tuple((kind, tag) for kind, tag in tags.items() if tag))


def _changed(picture: np.ndarray, other: Creature) -> np.ndarray:
    pixels = (np.abs(picture - _pixels(render(other))).max(axis=2) > CHANGED).astype(np.float32)
    cells = pixels.reshape(SIZE // CELL, CELL, SIZE // CELL, CELL).mean(axis=(1, 3))
    return np.minimum(1, cells / FULL)


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)
