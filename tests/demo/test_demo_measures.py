"""The demo's measures against hand-made judgements, real copies and real new pictures."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lora_workbench.demo.run import measures
from lora_workbench.demo.world import creatures

TAGS = ["general", "star body", "smile", "forest", "two-tone body"]


def picture(seed: int) -> Image.Image:
    context = creatures.draw_context(random.Random(seed))
    return creatures.render(creatures.named_creature("zibbo", context, seed))


def test_concept_is_the_mean_over_own_tags_and_pictures() -> None:
    seen = np.array([[0.9, 0.2, 0.9, 0.9, 0.4], [0.9, 0.6, 0.9, 0.9, 0.8]])
    assert measures.concept(seen, TAGS, ["star body", "two-tone body"]) == pytest.approx((0.2 + 0.4 + 0.6 + 0.8) / 4)
    assert measures.relative(0.45, 0.9) == pytest.approx(0.5)


def test_an_unknown_tag_or_a_blind_judge_is_no_measure() -> None:
    with pytest.raises(ValueError, match="leaf wings"):
        measures.concept(np.zeros((1, 5)), TAGS, ["leaf wings"])
    with pytest.raises(ValueError, match="sees nothing"):
        measures.relative(0.5, 0.0)


def test_context_followed_counts_prompted_tags_only() -> None:
    seen = np.array([[1, 1, 0.5, 0.49, 1], [1, 1, 0.1, 0.9, 1.0]])
    followed = measures.context_followed(seen, TAGS, [["smile", "forest"], ["forest"]], threshold=0.5)
    assert followed == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="1 prompts for 2 pictures"):
        measures.context_followed(seen, TAGS, [["smile"]], threshold=0.5)


def test_copies_are_near_and_new_pictures_are_far() -> None:
    training = [picture(seed) for seed in range(16)]
    blurred = training[3].filter(ImageFilter.GaussianBlur(1))
    copies = measures.nearest_copy([training[5], blurred], training)
    assert copies[0] == 0
    assert copies[1] < 0.3
    new = measures.nearest_copy([picture(seed) for seed in range(1000, 1032)], training)
    assert min(new) > 0.3
    assert 0.7 < float(np.median(new)) < 1.3


def test_nearest_copy_is_measured_in_usual_distances() -> None:
    """Grey pictures: distances are differences of brightness, so the ratio can be told by hand."""

    def grey(value: int) -> Image.Image:
        return Image.new("RGB", (128, 128), (value, value, value))

    training = [grey(value) for value in (0, 10, 30, 60, 100)]  # nearest neighbours at 10, 10, 20, 30, 40
    assert measures.nearest_copy([grey(105), grey(60)], training) == pytest.approx([5 / 20, 0])
    with pytest.raises(ValueError, match="occur twice"):
        measures.nearest_copy([grey(1)], [grey(5), grey(5), grey(5)])


def test_loss_ends_are_means_of_tenths() -> None:
    losses = [float(number) for number in range(20)]
    assert measures.loss_ends(losses) == (0.5, 18.5)
    assert measures.loss_ends([3.0]) == (3.0, 3.0)
    with pytest.raises(ValueError, match="no loss"):
        measures.loss_ends([])


def test_aims_are_met_at_their_limit_and_never_by_nan() -> None:
    aims = {"high": ("at least", 0.9), "low": ("at most", 0.1)}
    assert measures.missed_aims({"high": 0.9, "low": 0.1}, aims) == []
    assert measures.missed_aims({"high": 0.89, "low": 0.11}, aims) == ["high", "low"]
    assert measures.missed_aims({"high": float("nan"), "low": float("nan")}, aims) == ["high", "low"]
