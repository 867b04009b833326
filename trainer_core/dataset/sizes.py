"""What SDXL's UNet is told of a picture's size (Podell et al. 2023, section 2.2). Without torch.

The original size is the picture's own before it was resized; the crop is how many pixels of the resized picture were cut
off above and to the left; the target size is the bucket's. A mirrored picture counts from its own left edge.
"""

from __future__ import annotations

from ..randomness import generator, uniform
from .augment import random_corner
from .batches import Batch
from .items import Item, TrainingSet

Key = tuple[int, int, int]  # epoch, item, copy


def is_mirrored(item: Item, seed: int, key: Key) -> bool:
    """Whether flip_aug mirrors the picture this time."""
    return item.subset.options.flip_aug and uniform(seed, "flip", *key) < 0.5


def shown_sizes(training_set: TrainingSet, batch: Batch, epoch: int, seed: int) -> list[tuple[int, ...]]:
    """(original height, width, crop top, left, target height, width) of each picture of the batch, in pixels."""
    found = []
    for drawn in batch.draws:
        item, key = training_set.items[drawn.item], (epoch, drawn.item, drawn.copy)
        fit, (width, height) = item.fit, item.size
        # the same draw as the pixels' own, the first of that generator
        left, top = random_corner(fit, generator(seed, "augment", *key)) if item.subset.options.random_crop else fit.crop
        if is_mirrored(item, seed, key):
            left = fit.resized[0] - fit.bucket[0] - left
        found.append((height, width, top, left, fit.bucket[1], fit.bucket[0]))
    return found
