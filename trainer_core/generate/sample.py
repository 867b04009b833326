"""Draws pictures with a loaded model. A seed means what it means in webui with its RNG set to CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..models.predict import predict as ask_unet
from ..models.text import TextStates
from ..problems import UserError
from .prompt import encode_prompt
from .request import Request, check
from .samplers import all_sigmas, evaluations, sample_latents

Progress = Callable[[int, int], None]  # (steps done, steps in all), a step of one picture each


def generate(
    model: Any,
    requests: Sequence[Request],
    *,
    device: str | torch.device | None = None,
    batch_size: int = 8,
    progress: Progress | None = None,
    autocast: torch.dtype | None = None,
) -> list[Image.Image]:
    """Pictures in the order of the requests, RGB.

    The model's parts are moved to `device` where one is given. With `autocast` the UNet and text encoder compute in that
    dtype. What can share a batch does, which changes no picture beyond the rounding of floats.
    """
    for request in requests:
        _check(model, request)
    if device is not None:
        for part in model.parts().values():
            part.to(device)
    all_sigmas(model.zero_terminal)  # made outside of inference mode, where its cache could not be used in training later
    total = sum(evaluations(request.sampler, request.steps) for request in requests)
    done, images = 0, [Image.new("RGB", (8, 8))] * len(requests)
    with torch.inference_mode():
        states = _text_states(model, requests, autocast)
        for places in _batches(requests, states, batch_size):
            batch = [requests[place] for place in places]

            def stepped(count: int = len(batch)) -> None:
                nonlocal done
                done += count
                if progress:
                    progress(done, total)

            latents = _latents(model, batch, states, stepped, autocast)
            for place, image in zip(places, decode(model, latents), strict=True):
                images[place] = image
    return images


def _check(model: Any, request: Request) -> None:
    """Raises UserError with what the request asks and can't be."""
    check(request)
    if model.text_encoder is None:
        return
    layers = len(getattr(model.text_encoder, "text_model", model.text_encoder).encoder.layers)
    if not 1 <= request.clip_skip <= layers:
        raise UserError(f"clip_skip {request.clip_skip} is not possible: this model's text encoder has {layers} layers.")


TextKey = tuple[str, int]  # prompt and clip skip


def text_keys(requests: Sequence[Request]) -> list[TextKey]:
    """The prompts, negative ones too, that the requests need the text states of."""
    wanted = [(request.prompt, request.clip_skip) for request in requests]
    wanted += [(request.negative, request.clip_skip) for request in requests if request.cfg != 1]
    return list(dict.fromkeys(wanted))


def _text_states(model: Any, requests: Sequence[Request], autocast: torch.dtype | None) -> dict[TextKey, TextStates]:
    """The text states [1, 77·n, C] of all prompts, each encoded once and by itself, or as they were kept on the model."""
    known, keys = model.kept_prompts, text_keys(requests)
    missing = [key for key in keys if key not in known]
    if missing and model.text_encoder is None:
        raise UserError(
            f"The prompt {missing[0][0]!r} was not there when the text encoders were done with: prompts can be changed during "
            "a run only without cache_text_encoder_outputs."
        )
    with _computing_in(model.unet, autocast):
        return {key: known[key] if key in known else encode_prompt(model, *key) for key in keys}


def _computing_in(part: Any, autocast: torch.dtype | None) -> Any:
    return torch.autocast(next(part.parameters()).device.type, dtype=autocast) if autocast else nullcontext()


def _batches(requests: Sequence[Request], states: dict[TextKey, TextStates], batch_size: int) -> list[list[int]]:
    """Places of requests that can be drawn together: all but prompt and seed are equal, and the prompts' lengths are."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, one in enumerate(requests):
        lengths = [
            states[text, one.clip_skip].states.shape[1]
            for text in (one.prompt, one.negative)
            if (text, one.clip_skip) in states
        ]
        key = (one.width, one.height, one.steps, one.cfg, one.sampler, *(lengths if one.cfg != 1 else lengths[:1]))
        groups.setdefault(key, []).append(place)
    return [group[start : start + batch_size] for group in groups.values() for start in range(0, len(group), batch_size)]


def _latents(
    model: Any,
    batch: Sequence[Request],
    states: dict[TextKey, TextStates],
    stepped: Callable[[], None],
    autocast: torch.dtype | None,
) -> torch.Tensor:
    """Latents [B, 4, h/8, w/8] of a batch; each picture's noise comes from its own generator in webui's order."""
    first, unet = batch[0], model.unet
    weight = next(unet.parameters())
    positive = _together([states[one.prompt, one.clip_skip] for one in batch])
    negative = None
    if first.cfg != 1:
        negative = _together([_as_negative(one.negative, states[one.negative, one.clip_skip]) for one in batch])
    sizes = [(first.height, first.width, 0, 0, first.height, first.width)]
    generators = [torch.Generator("cpu").manual_seed(one.seed) for one in batch]
    shape = (unet.config.in_channels, first.height // 8, first.width // 8)

    def draw() -> torch.Tensor:
        return torch.stack([torch.randn(shape, generator=one) for one in generators]).to(weight.device)

    def ask(x: torch.Tensor, timestep: float, text: TextStates) -> torch.Tensor:
        timesteps = torch.full((len(x),), timestep, device=weight.device)
        with _computing_in(unet, autocast):
            return ask_unet(model, x, timesteps, text, sizes * len(x)).float()

    def predict(x: torch.Tensor, timestep: float) -> torch.Tensor:
        if negative is None:
            return ask(x, timestep, positive)
        if negative.states.shape == positive.states.shape:
            with_prompt, without = ask(torch.cat([x, x]), timestep, _together([positive, negative])).chunk(2)
        else:
            with_prompt, without = ask(x, timestep, positive), ask(x, timestep, negative)
        return without + first.cfg * (with_prompt - without)

    return sample_latents(first.sampler, first.steps, predict, draw, stepped, model.prediction, model.zero_terminal)


def _together(texts: Sequence[TextStates]) -> TextStates:
    pooled = [one.pooled for one in texts if one.pooled is not None]
    return TextStates(torch.cat([one.states for one in texts]), torch.cat(pooled) if pooled else None)


def _as_negative(prompt: str, text: TextStates) -> TextStates:
    """SDXL without a negative prompt is told nothing at all: zeros, as webui does."""
    if prompt or text.pooled is None:
        return text
    return TextStates(torch.zeros_like(text.states), torch.zeros_like(text.pooled))


def decode(model: Any, latents: torch.Tensor) -> list[Image.Image]:
    """Pictures of latents [B, 4, h, w]; brightness is cut to whole numbers as webui does."""
    vae = model.vae
    weight = next(vae.parameters())
    pixels = vae.decode(latents.to(weight) / model.scaling_factor).sample.float()
    if weight.dtype != torch.float32 and not bool(pixels.isfinite().all()):  # some VAEs overflow in fp16
        vae.float()
        try:
            pixels = vae.decode(latents.to(weight.device, torch.float32) / model.scaling_factor).sample
        finally:
            vae.to(weight.dtype)
    pixels = ((pixels + 1) / 2).clamp(0, 1).nan_to_num(0.0) * 255
    arrays = pixels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    return [Image.fromarray(array) for array in arrays]
