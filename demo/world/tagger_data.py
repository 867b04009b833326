"""Pictures and labels for the taggers: renders as they are, renders through the autoencoder, and their augmentation."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from .creatures import Creature, base_creature, draw_context, named_creature, own_tags, render, tags_of, world

INPUT, POOL = 448, 7  # the WD taggers' input, and what the toy taggers average it by first
SIDE = INPUT // POOL
RATINGS = ("general", "sensitive", "questionable", "explicit")
HYBRID_BODIES = ("round body", "tall body", "square body", "ghost")  # single outlines, so that own parts fit them


def labels() -> list[tuple[str, int]]:
    """(name with spaces, category of selected_tags.csv) in the files' order: ratings 9, general tags 0, characters 4."""
    kinds = [kind for kind in world() if kind not in ("context_kinds", "held_back")]
    general = [tag for kind in kinds for tag in world()[kind]]
    own = [tag for name in world()["held_back"] for tag in own_tags(name)]
    characters = [(name, 4) for name in world()["held_back"]]
    return [(name, 9) for name in RATINGS] + [(tag, 0) for tag in [*general, *own]] + characters


def tagger_picture(seed: int) -> tuple[Creature, list[str]]:
    """A creature and its tags: 56 % of the base, 24 % held back, 20 % with only a part of what is held back.

    The parts keep the judge honest: it must see a creature's body, colours and limbs each for itself.
    """
    rng = random.Random(f"tagger {seed}")
    kind, name = rng.random(), rng.choice(list(world()["held_back"]))
    if kind < 0.56:
        creature = base_creature(rng.getrandbits(60))
        return creature, tags_of(creature)
    if kind < 0.80:
        creature = named_creature(name, draw_context(rng), rng.getrandbits(60))
        return creature, tags_of(creature)
    context = draw_context(rng)
    body, *limbs = own_tags(name)
    if kind < 0.90:
        looks = {"body": body, "colour": rng.choice(world()["colour"])}
        if rng.random() < 0.5:
            looks["pattern"] = rng.choice(world()["pattern"])
        creature = Creature(tags=tuple((looks | context).items()), seed=rng.getrandbits(60))
        return creature, [*world()["always"], *(looks | context).values()]
    other = rng.choice(HYBRID_BODIES)
    creature = dataclasses.replace(named_creature(name, context, rng.getrandbits(60)), tags=(("body", other), *context.items()))
    return creature, [*world()["always"], other, *limbs, *context.values()]


def label_row(tags: list[str]) -> np.ndarray:
    """float32 [labels], 1 where a label is true; everything in the toy world is rated general."""
    true = {*tags, "general"}
    return np.array([name in true for name, _ in labels()], dtype=np.float32)


def shrink(image: Image.Image) -> np.ndarray:
    """uint8 [64, 64, 3] BGR: what the taggers see of a square picture after resizing to 448 and averaging over 7 by 7."""
    large = np.asarray(image.resize((INPUT, INPUT), Image.Resampling.BICUBIC), dtype=np.float32)
    small = large.reshape(SIDE, POOL, SIDE, POOL, 3).mean(axis=(1, 3))
    return np.rint(small)[:, :, ::-1].astype(np.uint8)


def tagger_set(path: Path, first: int, count: int, through: nn.Module | None = None) -> tuple[Tensor, Tensor]:
    """Pictures uint8 [count, 64, 64, 3] and labels float32 [count, labels], kept in a file; with `through` an
    autoencoder that the pictures are encoded and decoded by."""
    if not path.exists():
        chosen = [tagger_picture(seed) for seed in range(first, first + count)]
        images = [render(creature) for creature, _ in chosen]
        if through is not None:
            images = encode_and_decode(through, images)
        pictures = torch.from_numpy(np.stack([shrink(image) for image in images]))
        torch.save({"pictures": pictures, "labels": torch.from_numpy(np.stack([label_row(tags) for _, tags in chosen]))}, path)
    kept = torch.load(path, weights_only=True)
    return kept["pictures"][:count], kept["labels"][:count]


@torch.no_grad()
def encode_and_decode(vae: nn.Module, images: list[Image.Image]) -> list[Image.Image]:
    """The pictures as the autoencoder gives them back."""
    decoded = []
    for start in range(0, len(images), 8):
        batch = torch.from_numpy(np.stack([np.asarray(image) for image in images[start : start + 8]]))
        with torch.autocast("cpu", torch.bfloat16):
            result = vae.decode(vae.encode(batch.permute(0, 3, 1, 2).float() / 127.5 - 1).latent_dist.mean).sample.float()
        pixels = ((result + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        decoded += [Image.fromarray(one) for one in pixels]
    return decoded


def augmented(pictures: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """float [B, 3, 64, 64] in -1..1: shifted, blurred, recoloured and noisy, each picture in its own way."""
    x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    count = len(x)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    x = _moved(x, draw(-0.1, 0.1, 2) * strength, 1 + draw(-0.07, 0.07, 1) * strength)
    x = _blended(x, lambda t: F.avg_pool2d(F.pad(t, (1, 1, 1, 1), mode="replicate"), 3, 1), draw(-0.6, 1, 1, 1, 1) * strength)
    coarse = lambda t: F.interpolate(F.avg_pool2d(t, 4), scale_factor=4, mode="bilinear")  # noqa: E731
    x = _blended(x, coarse, draw(-0.7, 0.5, 1, 1, 1) * strength)
    x = x * (1 + draw(-0.15, 0.15, 3, 1, 1) * strength) + draw(-0.12, 0.12, 3, 1, 1) * strength
    noise = torch.randn(x.shape, generator=generator)
    return (x + noise * draw(-0.1, 0.12, 1, 1, 1).clamp(min=0) * strength).clamp(-1, 1)


def _blended(x: Tensor, change: Callable[[Tensor], Tensor], share: Tensor) -> Tensor:
    return torch.lerp(x, change(x), share.clamp(0, 1))


def _moved(x: Tensor, shift: Tensor, zoom: Tensor) -> Tensor:
    """Shifted by parts of the half width [B, 2] and zoomed [B, 1]; borders repeat."""
    turn = torch.zeros(len(x), 2, 3)
    turn[:, 0, 0] = turn[:, 1, 1] = zoom[:, 0]
    turn[:, :, 2] = shift
    return F.grid_sample(x, F.affine_grid(turn, list(x.shape), align_corners=False), padding_mode="border", align_corners=False)
