"""Thresholds, MCut, rating, order and exclusions, by numbers chosen by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.results import Choice, choose, mcut

LABELS = [
    Label("long hair", "general", "long_hair"),
    Label("sensitive", "rating", "sensitive"),
    Label("miku", "character", "miku"),
    Label("hat", "general", "hat"),
    Label("general", "rating", "general"),
    Label("luka", "character", "luka"),
    Label("red hat", "general", "red_hat"),
]
SEEN = np.array([0.36, 0.2, 0.86, 0.34, 0.8, 0.84, 0.9])


def names(**choice: object) -> list[str]:
    return choose(LABELS, SEEN, Choice(**choice)).names


def test_each_kind_has_its_threshold_and_the_likeliest_comes_first() -> None:
    result = choose(LABELS, SEEN, Choice())
    assert result.tags == [("red hat", 0.9), ("miku", 0.86), ("long hair", 0.36)]
    assert result.rating == "general"
    assert names(threshold=0.3) == ["red hat", "miku", "long hair", "hat"]
    assert names(character_threshold=0.5) == ["red hat", "miku", "luka", "long hair"]
    assert names(threshold=0.9, character_threshold=0.86) == []  # above it, not at it


def test_ratings_are_tags_only_where_asked() -> None:
    assert names(rating="first") == ["general", "red hat", "miku", "long hair"]
    assert names(rating="last") == ["red hat", "miku", "long hair", "general"]


def test_order_and_spelling() -> None:
    assert names(characters_first=True) == ["miku", "red hat", "long hair"]
    assert names(underscores=True) == ["red_hat", "miku", "long_hair"]


@pytest.mark.parametrize("left_out", ["red hat", "red_hat", "Red Hat"])
def test_excluded_tags_in_any_spelling(left_out: str) -> None:
    assert names(exclude=[left_out]) == ["miku", "long hair"]


def test_mcut_is_the_middle_of_the_largest_gap() -> None:
    assert mcut([0.1, 0.9, 0.2, 0.8]) == pytest.approx(0.5)
    assert mcut([0.3]) == 0 and mcut([]) == 0
    assert names(mcut=True) == ["red hat", "miku"]  # general 0.9 | 0.36, 0.34; characters 0.86 | 0.84


def test_mcut_takes_no_character_that_is_hardly_there() -> None:
    seen = SEEN.copy()
    seen[[2, 5]] = 0.1, 0.01
    assert choose(LABELS, seen, Choice(mcut=True)).names == ["red hat"]


def test_single_tags_have_thresholds_of_their_own() -> None:
    assert names(per_tag={"hat": 0.3, "miku": 0.9}) == ["red hat", "long hair", "hat"]
    assert names(per_tag={"hat": 0.3}, mcut=True) == ["red hat", "miku", "hat"]
    assert Choice(per_tag={"hat": 0.1}).lowest == 0.1


def test_a_characters_series_can_be_a_tag_of_its_own() -> None:
    labels = [Label("miku (vocaloid)", "character", "miku_(vocaloid)"), Label("star (sky)", "general", "star_(sky)")]
    assert choose(labels, np.array([0.9, 0.8]), Choice(series_apart=True)).names == ["miku", "vocaloid", "star (sky)"]


def test_a_row_of_another_model_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 probabilities for 7 labels"):
        choose(LABELS, np.zeros(2), Choice())
