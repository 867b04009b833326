"""Whole pictures by a base of random weights: seeds, batches, guidance, long prompts, sizes, wrong requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.models.checkpoint import Model, load_model
from lora_workbench.trainer_core.models.text import encode, tokenize
from lora_workbench.trainer_core.problems import UserError

ONE = Request("1creature, round body", width=32, height=32, seed=11, steps=2, sampler="Euler a", cfg=3.0)


@pytest.fixture(scope="module")
def model(random_base: Path) -> Model:
    return load_model(random_base)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(pixels(one) - pixels(other)).mean())


def test_a_seed_draws_the_same_picture_and_another_seed_another(model: Model) -> None:
    first, again, other = (generate(model, [one])[0] for one in (ONE, ONE, replace(ONE, seed=12)))
    assert first.size == (32, 32) and first.mode == "RGB"
    assert (pixels(first) == pixels(again)).all()
    assert difference(first, other) > 1


@pytest.mark.parametrize("sampler", ["DDIM", "Euler", "Euler a", "DPM++ 2M", "LMS", "DPM++ 2S a", "DPM++ SDE", "UniPC", "LCM"])
def test_batches_change_nothing(model: Model, sampler: str) -> None:
    requests = [replace(ONE, prompt=f"tag {number}", seed=number, sampler=sampler, steps=3) for number in range(3)]
    requests.insert(1, replace(ONE, width=40, sampler=sampler, cfg=1.0, steps=3))
    done = []
    together = generate(model, requests, batch_size=3, progress=lambda *now: done.append(now))
    alone = [generate(model, [one], batch_size=1)[0] for one in requests]
    assert [image.size for image in together] == [(32, 32), (40, 32), (32, 32), (32, 32)]
    for one, other in zip(together, alone, strict=True):
        assert np.abs(pixels(one) - pixels(other)).max() <= 1
    assert done[-1][0] == done[-1][1] and len({total for _, total in done}) == 1


def test_first_noise_is_a_torch_generators_of_the_seed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The UNet's first input is noise · sigma / sqrt(sigma² + 1): webui's with its RNG set to CPU."""
    seen = []
    forward = model.unet.forward

    def watch(x: torch.Tensor, timesteps: torch.Tensor, *rest: torch.Tensor) -> object:
        seen.append((x.clone(), timesteps.clone()))
        return forward(x, timesteps, *rest)

    monkeypatch.setattr(model.unet, "forward", watch)
    generate(model, [replace(ONE, seed=77, sampler="Euler")])
    expected = torch.randn((4, 4, 4), generator=torch.Generator().manual_seed(77)) * 14.6146 / (14.6146**2 + 1) ** 0.5
    assert len(seen) == 2 and seen[0][0].shape == (2, 4, 4, 4)  # two steps; with and without the prompt in one call
    assert torch.allclose(seen[0][0][0], expected, atol=1e-5) and torch.equal(seen[0][0][0], seen[0][0][1])
    assert seen[0][1].tolist() == pytest.approx([999.0, 999.0], abs=1e-2)


def test_guidance_is_a_line_through_both_predictions(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """DDIM's single evaluation is linear in the prediction, so latents of cfg 0, 1 and 4 lie on a line."""
    from lora_workbench.trainer_core.generate import sample

    latents: dict[float, torch.Tensor] = {}
    for cfg in (0.0, 1.0, 4.0):
        monkeypatch.setattr(
            sample, "decode", lambda _model, x, cfg=cfg: latents.__setitem__(cfg, x) or [Image.new("RGB", (8, 8))]
        )
        generate(model, [replace(ONE, negative="ghost, forest", cfg=cfg, sampler="DDIM")])
    direction = latents[1.0] - latents[0.0]
    assert direction.abs().max() > 1e-4
    assert torch.allclose(latents[4.0], latents[0.0] + 4 * direction, atol=1e-4)


def test_negative_prompt_acts_and_cfg_1_leaves_it_out(model: Model) -> None:
    plain = generate(model, [ONE])[0]
    assert difference(plain, generate(model, [replace(ONE, negative="ghost, forest, night")])[0]) > 0
    without = [generate(model, [replace(ONE, cfg=1.0, negative=text)])[0] for text in ("", "ghost")]
    assert difference(*without) == 0


def test_clip_skip_and_the_end_of_a_long_prompt_act(model: Model) -> None:
    long = ", ".join(f"tag{number}" for number in range(60))
    requests = [
        ONE,
        replace(ONE, clip_skip=2),
        replace(ONE, prompt=long),
        replace(ONE, prompt=long + ", moon"),
    ]
    plain, skipped, first, second = generate(model, requests)
    assert difference(plain, skipped) > 0 and difference(first, second) > 0


def test_prompts_are_encoded_as_in_training(model: Model) -> None:
    from lora_workbench.trainer_core.generate.prompt import encode_prompt

    with torch.no_grad():
        ours = encode_prompt(model, r"zibbo \(toy\), round body", 2)
        expected = encode(model.text_encoder, tokenize(model.tokenizer, ["zibbo (toy), round body"]), 2)
    assert ours.pooled is None and torch.equal(ours.states, expected)


def test_nothing_of_the_model_changes(model: Model) -> None:
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    generate(model, [ONE])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items())
    assert not any(parameter.is_inference() for part in (model.unet, model.text_encoder) for parameter in part.parameters())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 36}, "multiples of 8"),
        ({"sampler": "Quux"}, "no sampler 'Quux'"),
        ({"sampler": "DPM fast"}, "left out here"),
        ({"schedule": "Quux"}, "no schedule type 'Quux'"),
        ({"steps": 0}, "0 steps are not possible"),
        ({"clip_skip": 9}, "clip_skip 9"),
    ],
)
def test_impossible_requests_are_refused(model: Model, change: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        generate(model, [replace(ONE, **change)])
