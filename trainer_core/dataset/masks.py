"""What of each picture is learnt, as the loss wants it: 1 where it counts, 0 where it is left out."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps

from ..picture_files import is_transparent, opened
from ..problems import UserError
from .augment import cropped, resized
from .batches import Batch
from .items import Item, TrainingSet
from .sizes import is_mirrored

LATENT_PIXELS = 8


class Masks:
    """The masks of a training set: those of files go before the pictures' own transparency, as in kohya's."""

    def __init__(self, training_set: TrainingSet, seed: int) -> None:
        self.training_set, self.seed = training_set, seed
        self._masks: dict[int, torch.Tensor] = {}

    def batch(self, batch: Batch, epoch: int) -> torch.Tensor | None:
        """Masks of the batch in `epoch`, float32 [batch, 1, height / 8, width / 8]; None where no picture has one."""
        items = [self.training_set.items[draw.item] for draw in batch.draws]
        if not any(has_mask(item) for item in items):
            return None
        masks = []
        for item, draw in zip(items, batch.draws, strict=True):
            mask = self._mask(item)
            masks.append(mask.flip(-1) if is_mirrored(item, self.seed, (epoch, draw.item, draw.copy)) else mask)
        return torch.stack(masks)

    def _mask(self, item: Item) -> torch.Tensor:
        if item.index not in self._masks:
            self._masks[item.index] = latent_mask(item)
        return self._masks[item.index]


def has_mask(item: Item) -> bool:
    return item.mask is not None or item.subset.options.alpha_mask


def latent_mask(item: Item) -> torch.Tensor:
    """[1, height / 8, width / 8] in 0 … 1: the mask resized and cropped as its picture is, then the mean of each latent's
    pixels. Of a coloured mask the red channel counts. UserError where a file can't be read any more."""
    width, height = item.fit.bucket
    mask = _read(item)
    if mask is None:
        return torch.ones(1, height // LATENT_PIXELS, width // LATENT_PIXELS)
    whole = resized(mask.convert("RGB"), item.fit.resized, item.subset.options.resize_interpolation)[..., 0]
    pixels = cropped(whole, item.fit.bucket, item.fit.crop).astype(np.float32) / 255
    blocks = pixels.reshape(height // LATENT_PIXELS, LATENT_PIXELS, width // LATENT_PIXELS, LATENT_PIXELS)
    return torch.from_numpy(blocks.mean(axis=(1, 3), dtype=np.float32))[None]


def _read(item: Item) -> Image.Image | None:
    """One channel, 0 … 255; None where all of the picture counts."""
    path = item.mask or item.path
    try:
        with opened(path.read_bytes()) as image:
            turned = ImageOps.exif_transpose(image)
            if item.mask is None:
                return turned.convert("RGBA").getchannel("A") if is_transparent(turned) else None
            return turned.convert("RGB").getchannel("R")
    except OSError as error:
        raise UserError(f"The mask {path} can't be read any more ({error.strerror or error}): plan again.") from error
