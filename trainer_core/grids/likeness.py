"""How like pictures are to each other by what a tagger sees in them, and which of its tags a prompt asks for. Without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..models.prompt_weights import weighted_parts

T = TypeVar("T")


def prompt_tags(prompt: str, known: Mapping[str, int]) -> list[int]:
    """Which of the tagger's tags the prompt asks for."""
    text = "".join(part for part, weight in weighted_parts(prompt) if weight > 0)
    wanted = (re.sub(r"[\s_]+", " ", tag).strip().lower() for tag in re.split(r",|\bBREAK\b", text))
    return list(dict.fromkeys(known[tag] for tag in wanted if tag in known))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, so that their products are likenesses, 0 (nothing in common) to 1."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def nearest_among(rows: np.ndarray) -> float:
    """The mean likeness of a row to the one most like it: what is clearly above is a copy. rows: of length 1."""
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -1)
    return float(likeness.max(axis=1).mean())


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many, evenly spread."""
    return list(items[:: max(1, -(-len(items) // most))])
