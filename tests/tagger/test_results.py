"""Which tags are taken, and in which order; the numbers are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.results import Choice, choose, mcut

LABELS = [
    Label("sensitive", "rating", "sensitive"),
    Label("long hair", "general", "long_hair"),
    Label("^_^", "general", "^_^"),
    Label("general", "rating", "general"),
    Label("rei (eva)", "character", "rei_(eva)"),
    Label("smile", "general", "smile"),
]
SEEN = np.array([0.2, 0.5, 0.9, 0.7, 0.86, 0.36], dtype=np.float32)


def names(choice: Choice, seen: np.ndarray = SEEN) -> list[str]:
    return choose(LABELS, seen, choice).names


def test_likeliest_first_above_their_own_thresholds() -> None:
    assert names(Choice()) == ["^_^", "rei (eva)", "long hair", "smile"]
    assert names(Choice(threshold=0.37)) == ["^_^", "rei (eva)", "long hair"]
    assert names(Choice(character_threshold=0.9)) == ["^_^", "long hair", "smile"]
    assert names(Choice(threshold=1.0, character_threshold=0.0)) == ["rei (eva)"]


def test_rating_is_the_likeliest_and_only_told_where_asked() -> None:
    assert choose(LABELS, SEEN, Choice()).rating == "general"
    assert names(Choice(rating="first", threshold=0.8)) == ["general", "^_^", "rei (eva)"]
    assert names(Choice(rating="last", threshold=0.8)) == ["^_^", "rei (eva)", "general"]


def test_excluded_in_any_spelling() -> None:
    assert names(Choice(exclude=("Long_Hair", r"rei \(eva\)", "^_^"))) == ["smile"]


def test_underscores_and_characters_first() -> None:
    assert names(Choice(underscores=True, characters_first=True)) == ["rei_(eva)", "^_^", "long_hair", "smile"]


@pytest.mark.parametrize(
    ("scores", "cut"),
    [
        ([0.9, 0.1, 0.8, 0.2], 0.5),  # the gap is between 0.8 and 0.2
        ([0.95, 0.4, 0.35, 0.3], 0.675),
        ([0.3, 0.2], 0.25),
        ([0.7], 0.0),
    ],
)
def test_mcut_is_the_middle_of_the_largest_gap(scores: list[float], cut: float) -> None:
    assert mcut(scores) == pytest.approx(cut)


def test_mcut_characters_never_below_its_floor() -> None:
    labels = [Label("a", "character", "a"), Label("b", "character", "b"), Label("c", "general", "c")]
    seen = np.array([0.14, 0.01, 0.2])  # the largest gap's middle is 0.075, and 0.14 lies above it
    assert choose(labels, seen, Choice(mcut=True)).names == ["c"]
    seen = np.array([0.16, 0.01, 0.2])
    assert choose(labels, seen, Choice(mcut=True)).names == ["c", "a"]


def test_probabilities_of_another_tagger_are_refused() -> None:
    with pytest.raises(ValueError, match="5 probabilities for 6 labels"):
        choose(LABELS, SEEN[:5], Choice())
