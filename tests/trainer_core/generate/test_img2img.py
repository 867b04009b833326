"""img2img and redrawn regions: what stays, what changes, and the noise that webui puts there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lora_workbench.trainer_core.generate import img2img
from lora_workbench.trainer_core.generate.img2img import encode, redraw
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import decode
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.problems import UserError


@pytest.fixture(scope="module")
def model(toy_base: Path) -> Any:
    return load_model(toy_base)


@pytest.fixture
def picture() -> Image.Image:
    from lora_workbench.demo.world.creatures import base_creature, render

    return render(base_creature(5_000_123))


def request(seed: int = 3, **changes: Any) -> Request:
    known = {"width": 128, "height": 128, "steps": 6, "cfg": 2.0, "sampler": "Euler", "seed": seed}
    return Request("1creature, smile, forest", **{**known, **changes})


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


def moved(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(pixels(one) - pixels(other)).mean())


@pytest.mark.parametrize("sampler", ["Euler", "DDIM"])
def test_the_stronger_the_further_from_the_picture(model: Any, picture: Image.Image, sampler: str) -> None:
    with torch.inference_mode():
        (again,) = decode(model, encode(model, picture))
    weak, strong, whole = (redraw(model, picture, [request(sampler=sampler)], strength)[0] for strength in (0.4, 0.7, 1.0))
    assert moved(picture, again) < 25  # what the VAE alone costs
    assert moved(again, weak) < moved(again, strong) < moved(again, whole)


def test_the_noise_is_the_seeds_and_the_level_is_webuis(model: Any, picture: Image.Image, monkeypatch: Any) -> None:
    """x = latents + noise · sigma of the step where webui's img2img begins: steps - int(strength · steps) - 1."""
    from lora_workbench.trainer_core.generate import samplers
    from lora_workbench.trainer_core.generate.samplers import levels_of

    seen: list[torch.Tensor] = []
    real = samplers.SOLVERS["Euler"]
    monkeypatch.setitem(samplers.SOLVERS, "Euler", lambda levels, x, *rest: (seen.append(x), real(levels, x, *rest))[1])
    redraw(model, picture, [request(seed=11), request(seed=12)], 0.7)
    sigma = levels_of("Euler", 6, "Automatic")[6 - 4 - 1]
    with torch.inference_mode():
        start = encode(model, picture)
    for place, seed in enumerate((11, 12)):
        noise = torch.randn((4, 16, 16), generator=torch.Generator("cpu").manual_seed(seed))
        assert torch.allclose(seen[0][place], start[0] + sigma * noise, atol=1e-5)


@pytest.mark.parametrize("only_masked", [False, True])
def test_only_what_is_white_changes(model: Any, picture: Image.Image, only_masked: bool) -> None:
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).rectangle((40, 30, 75, 70), fill=255)
    (drawn,) = redraw(model, picture, [request()], 0.9, mask=mask, only_masked=only_masked)
    white = np.asarray(mask) == 255
    before, after = pixels(picture), pixels(drawn)
    assert drawn.size == picture.size
    assert (before[~white] == after[~white]).all()
    assert np.abs(before[white] - after[white]).mean() > 3


def test_what_is_around_the_mask_is_known_while_it_is_drawn(model: Any, picture: Image.Image, monkeypatch: Any) -> None:
    """Without the picture's own latents put back on the way, the seam is harder."""
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).rectangle((32, 32, 95, 95), fill=255)
    requests = [request(seed=seed) for seed in range(2)]

    def seam(images: list[Image.Image]) -> float:
        steps = [np.abs(pixels(one)[31, 32:96] - pixels(one)[32, 32:96]).mean() for one in images]
        return float(np.mean(steps))

    blended = seam(redraw(model, picture, requests, 1.0, mask=mask))
    monkeypatch.setattr(img2img, "_mixed", lambda start, white, drawn: drawn)
    assert blended < seam(redraw(model, picture, requests, 1.0, mask=mask))


def test_a_batch_changes_nothing(model: Any, picture: Image.Image) -> None:
    requests = [request(seed=seed) for seed in range(2)]
    together = redraw(model, picture, requests, 0.7)
    for one, drawn in zip(requests, together, strict=True):
        (alone,) = redraw(model, picture, [one], 0.7, batch_size=1)
        assert np.abs(pixels(alone) - pixels(drawn)).max() <= 2


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [((50, 50, 60, 60), (128, 128), (18, 18, 92, 92)), ((0, 0, 10, 10), (128, 128), (0, 0, 74, 74)),
     ((120, 60, 128, 64), (128, 128), (56, 26, 128, 98)), ((0, 0, 128, 128), (128, 128), (0, 0, 128, 128))],
)  # fmt: skip
def test_the_part_around_a_mask(box: tuple[int, ...], size: tuple[int, int], expected: tuple[int, ...]) -> None:
    mask = Image.new("L", size)
    mask.paste(255, box)
    assert img2img._box(mask, request(), size) == expected


def test_what_can_not_be_drawn(model: Any, picture: Image.Image) -> None:
    for strength in (0.0, 1.5):
        with pytest.raises(UserError, match="denoising strength"):
            redraw(model, picture, [request()], strength)
    with pytest.raises(UserError, match=r"The mask is 64x64 and the picture 128x128"):
        redraw(model, picture, [request()], 0.7, mask=Image.new("L", (64, 64), 255))
    with pytest.raises(UserError, match="black all over"):
        redraw(model, picture, [request()], 0.7, mask=Image.new("L", picture.size))
