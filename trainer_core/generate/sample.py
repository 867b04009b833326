"""Draws pictures with a loaded model. A seed means what it means in webui with its RNG set to CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..models.predict import predict as ask_unet
from ..models.text import TextStates
from ..networks.apply import applied
from ..networks.block_weights import parse_block_weights
from ..problems import UserError
from .prompt import encode_prompt, prompt_chunks
from .request import Lora, Request, check
from .samplers import sample_latents, step_count
from .schedule_types import all_sigmas

_KEPT_TEXTS = 64  # encoded prompts, so that a negative prompt is encoded once and ten thousand prompts fill no memory
Progress = Callable[[int, int], None]  # (steps done, steps in all), a step of one picture each; what it raises ends it


def generate(
    model: Any,
    requests: Sequence[Request],
    *,
    device: str | torch.device | None = None,
    batch_size: int = 8,
    progress: Progress | None = None,
    autocast: torch.dtype | None = None,
) -> list[Image.Image]:
    """Pictures in the order of the requests, RGB; otherwise as `drawn_batches`."""
    images = [Image.new("RGB", (8, 8))] * len(requests)
    for places, drawn in drawn_batches(
        model, requests, device=device, batch_size=batch_size, progress=progress, autocast=autocast
    ):
        for place, image in zip(places, drawn, strict=True):
            images[place] = image
    return images


def drawn_batches(
    model: Any,
    requests: Sequence[Request],
    *,
    device: str | torch.device | None = None,
    batch_size: int = 8,
    progress: Progress | None = None,
    autocast: torch.dtype | None = None,
) -> Iterator[tuple[list[int], list[Image.Image]]]:
    """(places in `requests`, their pictures) batch by batch, as they are drawn.

    The model's parts are moved to `device` where one is given. With `autocast` the UNet and text encoder compute in that
    dtype. What can share a batch does, which changes no picture beyond the rounding of floats. LoRAs that requests name are
    on the model while their pictures are drawn.
    """
    for request in requests:
        check_with(model, request)
    if device is not None:
        for part in model.parts().values():
            part.to(device)
    all_sigmas(model.zero_terminal)  # made outside of inference mode, where its cache could not be used in training later
    total, done = sum(step_count(one.sampler, one.steps, one.schedule) for one in requests), 0
    if progress:
        progress(done, total)

    def stepped_by(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    for alike in _with_the_same_loras(requests):
        loras = applied_loras(requests[alike[0]].loras, model.family)
        with applied(model, loras) if loras else nullcontext():
            texts = Texts(model, autocast)
            for places in _batches(model, requests, alike, batch_size):
                batch = [requests[place] for place in places]
                with torch.inference_mode():
                    latents = latents_of(model, batch, texts, partial(stepped_by, len(batch)), autocast)
                    images = decode(model, latents)
                yield places, images


def applied_loras(loras: Sequence[Lora], family: str) -> list[Any]:
    """What `networks.apply` takes: (file, strengths) and, where they are asked for, block weights."""
    found: list[Any] = []
    for one in loras:
        strengths = (one.path, one.te, one.unet)
        found.append((*strengths, parse_block_weights(one.lbw, family, x=one.x).values) if one.lbw else strengths)
    return found


def _with_the_same_loras(requests: Sequence[Request]) -> list[list[int]]:
    """Places of requests by their LoRAs, in the order of the first of each."""
    groups: dict[Any, list[int]] = {}
    for place, one in enumerate(requests):
        groups.setdefault(one.loras, []).append(place)
    return list(groups.values())


def check_with(model: Any, request: Request) -> None:
    """Raises UserError with what the request asks and can't be."""
    check(request)
    if model.text_encoder is None:
        _require_kept(model, request)
        return
    layers = len(getattr(model.text_encoder, "text_model", model.text_encoder).encoder.layers)
    if not 1 <= request.clip_skip <= layers:
        raise UserError(f"clip_skip {request.clip_skip} is not possible: this model's text encoder has {layers} layers.")


def _require_kept(model: Any, request: Request) -> None:
    """Without a text encoder only prompts can be drawn whose states were kept."""
    missing = next((key for key in text_keys([request]) if key not in model.kept_prompts), None)
    if missing:
        raise UserError(
            f"The prompt {missing[0]!r} was not there when the text encoders were done with: prompts can be changed during "
            "a run only without cache_text_encoder_outputs."
        )


TextKey = tuple[str, int]  # prompt and clip skip


def text_keys(requests: Sequence[Request]) -> list[TextKey]:
    """The prompts, negative ones too, that the requests need the text states of."""
    wanted = [(request.prompt, request.clip_skip) for request in requests]
    wanted += [(request.negative, request.clip_skip) for request in requests if request.cfg != 1]
    return list(dict.fromkeys(wanted))


class Texts:
    """The text states [1, 77·n, C] of prompts, each encoded by itself and kept for a while, or as the model kept them."""

    def __init__(self, model: Any, autocast: torch.dtype | None) -> None:
        self._model, self._autocast = model, autocast
        self._recent: dict[TextKey, TextStates] = {}

    def of(self, prompt: str, clip_skip: int) -> TextStates:
        key = (prompt, clip_skip)
        if key in self._model.kept_prompts:
            return self._model.kept_prompts[key]
        found = self._recent.pop(key, None)
        if found is None:
            with _computing_in(self._model.unet, self._autocast):
                found = encode_prompt(self._model, prompt, clip_skip)
        self._recent[key] = found  # the newest is last
        if len(self._recent) > _KEPT_TEXTS:
            del self._recent[next(iter(self._recent))]
        return found


def _computing_in(part: Any, autocast: torch.dtype | None) -> Any:
    return torch.autocast(next(part.parameters()).device.type, dtype=autocast) if autocast else nullcontext()


def _batches(model: Any, requests: Sequence[Request], places: Sequence[int], batch_size: int) -> list[list[int]]:
    """Places of requests that can be drawn together: all but prompt and seed are equal, and the prompts' lengths are."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place in places:
        one = requests[place]
        lengths = [len(prompt_chunks(model.tokenizer, text)) for text in (one.prompt, one.negative)]
        own = (one.width, one.height, one.steps, one.cfg, one.sampler, one.schedule)
        groups.setdefault((*own, *(lengths if one.cfg != 1 else lengths[:1])), []).append(place)
    return [group[start : start + batch_size] for group in groups.values() for start in range(0, len(group), batch_size)]


def latents_of(
    model: Any,
    batch: Sequence[Request],
    texts: Texts,
    stepped: Callable[[], None],
    autocast: torch.dtype | None,
    **begun: Any,
) -> torch.Tensor:
    """Latents [B, 4, h/8, w/8] of a batch; each picture's noise comes from its own generator in webui's order.

    `begun`: what `sample_latents` takes where pictures are drawn from others (start, strength, blend).
    """
    first, unet = batch[0], model.unet
    weight = next(unet.parameters())
    positive = _together([texts.of(one.prompt, one.clip_skip) for one in batch])
    negative = None
    if first.cfg != 1:
        negative = _together([_as_negative(one.negative, texts.of(one.negative, one.clip_skip)) for one in batch])
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

    return sample_latents(
        first.sampler,
        first.steps,
        predict,
        draw,
        stepped,
        model.prediction,
        model.zero_terminal,
        schedule=first.schedule,
        xl=model.family == "sdxl",
        seeds=[one.seed for one in batch],
        **begun,
    )


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
