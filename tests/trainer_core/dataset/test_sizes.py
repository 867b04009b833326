"""The sizes that SDXL is told: of the picture, of what was cut off, and of the bucket."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset.augment import varied_pixels
from lora_workbench.trainer_core.dataset.batches import Batch, Draw
from lora_workbench.trainer_core.dataset.items import Fit, Item, TrainingSet
from lora_workbench.trainer_core.dataset.sizes import is_mirrored, shown_sizes
from lora_workbench.trainer_core.randomness import generator

FIT = Fit(bucket=(64, 96), resized=(80, 100), crop=(8, 2))
SEED = 11


def sizes(training_set: TrainingSet, item: Item, copies: int = 1, epoch: int = 0) -> list[tuple[int, ...]]:
    draws = tuple(Draw(item.index, copy) for copy in range(copies))
    return shown_sizes(training_set, Batch(item.fit.bucket, draws), epoch, SEED)


def test_heights_come_first_and_the_crop_is_what_was_cut_off(make_item: Callable[..., Item], make_set: Callable) -> None:
    item = make_item(fit=FIT, size=(1600, 2000))
    assert sizes(make_set([item]), item) == [(2000, 1600, 2, 8, 96, 64)]


def test_a_mirrored_picture_counts_from_its_own_left(make_item: Callable[..., Item], make_set: Callable) -> None:
    item = make_item(fit=Fit((64, 96), (80, 100), (5, 2)), size=(800, 1000), flip_aug=True, copies=20)
    found = sizes(make_set([item]), item, copies=20)
    for copy, one in enumerate(found):
        mirrored = is_mirrored(item, SEED, (0, item.index, copy))
        assert one[3] == (80 - 64 - 5 if mirrored else 5)
    assert {one[3] for one in found} == {5, 11}


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_random_crop_is_told_where_it_was_made(make_item: Callable[..., Item], make_set: Callable, epoch: int) -> None:
    """The pixels' own first column and row are found again in the resized picture at the crop that is told."""
    ramp = np.zeros((100, 80, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(80), np.arange(100)[:, None]
    item = make_item(fit=FIT, size=(80, 100), random_crop=True, copies=8)
    found = sizes(make_set([item]), item, copies=8, epoch=epoch)
    for copy, (_, _, top, left, *_bucket) in enumerate(found):
        draw = generator(SEED, "augment", epoch, item.index, copy)
        pixels = varied_pixels(Image.fromarray(ramp), item, draw, buckets=True)
        assert tuple(pixels[0, 0, :2]) == (left, top)
    assert len(set(found)) > 1
