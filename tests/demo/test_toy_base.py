"""The shipped base model: its autoencoder keeps colours, and what it draws follows the prompt. And how that is measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.demo.world import evaluate
from lora_workbench.demo.world.creatures import BODY_COLOURS, Creature, render

JUDGE = Path(__file__).parents[2] / "demo" / "models" / "toy_judge"


@cache
def loaded(path: Path) -> Any:
    """The base, loaded once."""
    from lora_workbench.trainer_core.models.checkpoint import load_model

    return load_model(path)


def pixels(images: list[Image.Image]) -> torch.Tensor:
    """float [n, 3, h, w] in -1..1."""
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def test_the_autoencoder_keeps_colours(toy_base: Path) -> None:
    looks = (("body", "square body"), ("eyes", "closed eyes"), ("mouth", "smile"), ("background", "simple background"))
    truth = pixels([render(Creature((("colour", colour), *looks), seed=4)) for colour in BODY_COLOURS])
    vae = loaded(toy_base).vae
    decoded = vae.decode(vae.encode(truth).latent_dist.mean).sample
    flank = np.s_[:, :, 80:100, 40:50]  # nothing but body there
    wanted, given = (one[flank].mean(dim=(2, 3)) for one in (truth, decoded))
    distances = torch.cdist(given, wanted)
    assert distances.argmin(dim=1).tolist() == list(range(len(BODY_COLOURS)))
    assert distances.diagonal().max() < 0.2  # blue and purple, the nearest two, lie 0.77 apart


@torch.no_grad()
def test_latents_have_unit_variance_at_the_usual_scaling_factor(toy_base: Path) -> None:
    images = [render(creature) for creature in evaluate.prompted_creatures(16)]
    latents = loaded(toy_base).vae.encode(pixels(images)).latent_dist.mean * 0.18215
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 0.2
    assert (latents.std(dim=(0, 2, 3)) - 1).abs().max() < 0.2


def test_what_is_drawn_follows_its_tags(toy_base: Path) -> None:
    """Smiles, frowns and patterns do so least (docs/toy_world.md); all tags together are asked for by F1."""
    pytest.importorskip("onnxruntime")
    count = 8
    figures, images = evaluate.evaluate(toy_base, JUDGE, count)
    assert len(images) == count and images[0].size == (128, 128)
    kinds = ("body", "colour", "background", "eyes")
    asked = [dict(creature.tags)[kind] for creature in evaluate.prompted_creatures(count) for kind in kinds]

    def seen(what: str) -> float:
        return float(np.mean([figures[what]["by_tag"][tag] for tag in asked]))

    assert seen("true_pictures") >= 0.95
    assert seen("samples") >= 0.9  # chance is 1 in 3 to 8
    assert figures["samples"]["f1"] >= 0.8


def test_following_is_counted_by_hand() -> None:
    names = ["general", "1creature", *evaluate.base_tags()]
    asked = [["1creature", "cat", "red body", "crown"], ["1creature", "cat", "blue body"]]
    seen = [["1creature", "cat", "red body"], ["1creature", "bunny", "blue body"]]
    figures = evaluate.followed(np.array([[float(name in row) for name in names] for row in seen]), names, asked)
    assert figures["recall"] == pytest.approx(3 / 5)  # cat, red, blue of cat, red, crown, cat, blue
    assert figures["precision"] == pytest.approx(3 / 4)  # the bunny is wrong; 1creature does not count
    assert figures["f1"] == pytest.approx(2 * 3 / 9)
    assert figures["by_tag"] == {"cat": 0.5, "red body": 1.0, "blue body": 1.0, "crown": 0.0}
