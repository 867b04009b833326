"""Where small parts are: found by what another tag would change, so that training can give those places more weight."""

from __future__ import annotations

import numpy as np
import torch

from lora_workbench.demo.world.creatures import Creature
from lora_workbench.demo.world.detail_map import PATTERN_SHARE, detail_map
from lora_workbench.demo.world.train_unet import _spread_timesteps

LOOKS = (("body", "round body"), ("colour", "green body"), ("background", "simple background"))


def creature(*more: tuple[str, str]) -> Creature:
    return Creature((*LOOKS, ("eyes", "one eye"), ("mouth", "smile"), *more), seed=11)


def test_faces_count_in_full_and_what_no_tag_of_a_small_part_changes_counts_nothing() -> None:
    weights = detail_map(creature())
    assert weights.shape == (16, 16) and weights.min() == 0 and weights.max() == 1
    face = weights[7:12, 6:10]  # the middle of the picture, a little low, where every face is
    assert face.mean() > 0.5
    assert weights[:, :2].max() == 0 and weights[:, 14:].max() == 0  # to both sides of the creature


def test_a_pattern_counts_on_the_whole_body_but_less() -> None:
    belly = detail_map(creature())[12, 5:11]  # below the mouth
    assert belly.max() == np.float32(PATTERN_SHARE) and belly.mean() > PATTERN_SHARE / 2


def test_a_bow_counts_whether_it_is_there_or_not() -> None:
    with_bow, without = detail_map(creature(("bow", "bow"))), detail_map(creature())
    assert np.array_equal(with_bow, without)


def test_each_equal_part_of_the_timesteps_is_drawn_once() -> None:
    torch.manual_seed(3)
    drawn = _spread_timesteps(8)
    assert sorted((drawn // 125).tolist()) == list(range(8))
    assert drawn.tolist() != sorted(drawn.tolist())
