"""Several models: the mean over those that know a tag, or all that any of them takes."""

from __future__ import annotations

import numpy as np
import pytest

from lora_workbench.tagger.ensemble import Ensemble
from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.results import Choice

FIRST = [Label("safe", "rating", "safe"), Label("red hat", "general", "red_hat"), Label("cat", "general", "cat")]
OTHER = [Label("cat", "general", "cat"), Label("miku", "character", "miku"), Label("safe", "rating", "safe")]
ROWS = [np.array([0.9, 0.5, 0.2]), np.array([0.6, 0.9, 0.5])]


def test_the_mean_is_over_the_models_that_know_the_tag() -> None:
    both = Ensemble([FIRST, OTHER], [Choice(), Choice()], "mean")
    assert both.mean(ROWS).tolist() == pytest.approx([0.7, 0.5, 0.4, 0.9])
    result = both(ROWS)
    assert [(name, round(score, 6)) for name, score in result.tags] == [("miku", 0.9), ("red hat", 0.5), ("cat", 0.4)]
    assert result.rating == "safe"
    own = Ensemble([FIRST, OTHER], [Choice(threshold=0.3), Choice(threshold=0.6)], "mean")(ROWS)
    assert own.names == ["miku", "red hat"]  # 0.45 is the mean threshold, cat has 0.4


def test_the_union_is_what_any_model_takes_by_its_own_threshold() -> None:
    result = Ensemble([FIRST, OTHER], [Choice(threshold=0.1), Choice(threshold=0.7)], "union")(ROWS)
    assert result.tags == [("miku", 0.9), ("red hat", 0.5), ("cat", 0.2)]  # cat by the first alone: the other one has 0.6
    result = Ensemble([FIRST, OTHER], [Choice(threshold=0.1, exclude=["cat"]), Choice(exclude=["cat"])], "union")(ROWS)
    assert result.names == ["miku", "red hat"]


def test_one_model_is_itself() -> None:
    assert Ensemble([FIRST], [Choice()])([ROWS[0]]).tags == [("red hat", 0.5)]
    with pytest.raises(ValueError, match="no way"):
        Ensemble([FIRST], [Choice()], "sum")
