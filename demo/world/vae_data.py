"""Pictures for the autoencoder: base creatures, and random shapes so that unseen creatures survive it too."""

from __future__ import annotations

import random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .creatures import SIZE, base_creature, render
from .pen import Pen


def random_shapes(seed: int) -> Image.Image:
    """A flat background under a few random polygons, discs and strokes in random colours."""
    rng = random.Random(f"shapes {seed}")
    side = SIZE * 3

    def colour() -> tuple[int, int, int]:
        return tuple(rng.choice((rng.randint(0, 255), 20, 240)) for _ in range(3))

    pen = Pen(Image.new("RGB", (side, side), colour()), (side / 2, side / 2), 3.0)
    for _ in range(rng.randint(4, 10)):
        x, y, size = rng.uniform(-64, 64), rng.uniform(-64, 64), rng.uniform(8, 44)
        line = rng.choice((0.0, 2.5, 3.0))
        kind = rng.randrange(3)
        if kind == 0:
            pen.ellipse((x, y), size * rng.uniform(0.4, 1), size * rng.uniform(0.4, 1), colour(), line)
        elif kind == 1:
            corners = [(x + rng.uniform(-size, size), y + rng.uniform(-size, size)) for _ in range(rng.randint(3, 6))]
            pen.polygon(corners, colour(), line)
        else:
            pen.line([(x, y), (x + rng.uniform(-size, size), y + rng.uniform(-size, size))], colour(), rng.uniform(4, 12))
    return pen.image.resize((SIZE, SIZE), Image.Resampling.BOX)


def picture_pool(count: int) -> Tensor:
    """uint8 [count, 3, 128, 128]; every fifth picture is random shapes."""
    pictures = [random_shapes(i) if i % 5 == 4 else render(base_creature(i)) for i in range(count)]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).contiguous()


def vae_batch(pool: Tensor, step: int, seed: int, full_every: int = 6) -> Tensor:
    """float [n, 3, h, w] in -1..1: sixteen random 64-pixel crops, or now and then four whole pictures."""
    rng = random.Random(f"vae {seed} {step}")
    whole = step % full_every == 0
    count, size = (4, SIZE) if whole else (16, SIZE // 2)
    crops = []
    for _ in range(count):
        x, y = rng.randint(0, SIZE - size), rng.randint(0, SIZE - size)
        crops.append(pool[rng.randrange(len(pool)), :, y : y + size, x : x + size])
    return torch.stack(crops).float() / 127.5 - 1
