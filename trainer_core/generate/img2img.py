"""Pictures drawn from pictures, as webui's img2img does: noise over a picture, and only the last steps of the sampler.

With a mask only what is white there is redrawn. Everything else is the picture's own, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..problems import UserError
from .request import Request, check_strength
from .sample import Progress, Texts, check_with, decode, latents_of
from .schedule_types import all_sigmas

_PADDING = 32  # pixels around a masked part that is drawn by itself, so that it fits into its surroundings


def redraw(
    model: Any,
    image: Image.Image,
    requests: Sequence[Request],
    strength: float,
    *,
    mask: Image.Image | None = None,
    only_masked: bool = False,
    device: str | torch.device | None = None,
    batch_size: int = 4,
    progress: Progress | None = None,
) -> list[Image.Image]:
    """One picture for each request, all of one size: of that size, or with a mask the given picture with the part redrawn.

    strength: 0.01 … 1, webui's denoising strength. mask: white is redrawn, black stays, grey is mixed; of the picture's size.
    only_masked: the part around the mask is drawn by itself at the requests' size and put back, which gives small parts more
    detail. progress: as in `drawn_batches`. UserError with what can't be.
    """
    _require(model, image, requests, strength, mask)
    if device is not None:
        for part in model.parts().values():
            part.to(device)
    all_sigmas(model.zero_terminal)  # made outside of inference mode, where its cache could not be used in training later
    box = _box(mask, requests[0], image.size) if mask is not None and only_masked else (0, 0, *image.size)
    size = (requests[0].width, requests[0].height)
    shown = image.convert("RGB").crop(box).resize(size, Image.Resampling.LANCZOS)
    part = mask.convert("L").crop(box) if mask is not None else None
    found = []
    done, total = 0, len(requests) * max(1, int(strength * requests[0].steps))  # about: samplers differ by one

    def stepped_by(count: int) -> None:
        nonlocal done
        done = min(total, done + count)
        if progress:
            progress(done, total)

    stepped_by(0)
    with torch.inference_mode():
        start = encode(model, shown)
        keep = _blend(start, part.resize(size, Image.Resampling.BOX)) if part is not None else None
        for first in range(0, len(requests), batch_size):
            batch = requests[first : first + batch_size]
            begun = {"start": start.repeat(len(batch), 1, 1, 1), "strength": strength, "blend": keep}
            latents = latents_of(model, batch, Texts(model, None), partial(stepped_by, len(batch)), None, **begun)
            found += [_put_back(image, drawn, box, part) for drawn in decode(model, latents)]
    return found


def encode(model: Any, image: Image.Image) -> torch.Tensor:
    """Scaled latents [1, 4, h/8, w/8] of a picture, the mean of what the VAE sees: the same each time."""
    weight = next(model.vae.parameters())
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    mean = model.vae.encode(pixels.to(weight)).latent_dist.mean.float()
    if not bool(mean.isfinite().all()):
        raise UserError("The VAE gives no finite numbers for the picture: give another one with --vae, or mixed_precision no.")
    return mean * model.scaling_factor


def _require(model: Any, image: Image.Image, requests: Sequence[Request], strength: float, mask: Image.Image | None) -> None:
    for request in requests:
        check_with(model, request)
    check_strength(strength)
    if mask is not None:
        if mask.size != image.size:
            raise UserError(
                f"The mask is {_sized(mask)} and the picture {_sized(image)}: draw the mask over the picture itself."
            )
        if mask.convert("L").getextrema()[1] == 0:
            raise UserError("The mask is black all over: paint white what is to be redrawn.")


def _sized(image: Image.Image) -> str:
    return f"{image.width}x{image.height}"


def _blend(start: torch.Tensor, mask: Image.Image) -> Callable[[torch.Tensor], torch.Tensor]:
    """Puts the picture's own latents back wherever the mask is black."""
    height, width = start.shape[-2:]
    small = np.asarray(mask.resize((width, height), Image.Resampling.BOX), dtype=np.float32) / 255
    white = torch.from_numpy(np.ceil(small)).to(start)  # a latent that is white in part is drawn as a whole
    return partial(_mixed, start, white)


def _mixed(start: torch.Tensor, white: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    return white * picture + (1 - white) * start


def _box(mask: Image.Image, request: Request, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """What is drawn by itself: the mask's white with a margin, widened to the request's shape where the picture lets it."""
    left, top, right, bottom = mask.convert("L").getbbox() or (0, 0, *size)
    left, top, right, bottom = left - _PADDING, top - _PADDING, right + _PADDING, bottom + _PADDING
    wanted = request.width / request.height
    width, height = right - left, bottom - top
    if width / height < wanted:
        left, right = _widened(left, right, round(height * wanted))
    else:
        top, bottom = _widened(top, bottom, round(width / wanted))
    (left, right), (top, bottom) = _within(left, right, size[0]), _within(top, bottom, size[1])
    return left, top, right, bottom


def _widened(low: int, high: int, wanted: int) -> tuple[int, int]:
    more = max(0, wanted - (high - low))
    return low - more // 2, high + more - more // 2


def _within(low: int, high: int, most: int) -> tuple[int, int]:
    """Moved, and cut where that is not enough, to lie in 0 … most."""
    if low < 0:
        low, high = 0, high - low
    if high > most:
        low, high = low - (high - most), most
    return max(0, low), high


def _put_back(image: Image.Image, drawn: Image.Image, box: tuple[int, int, int, int], mask: Image.Image | None) -> Image.Image:
    """The drawn part at its place; where the mask is black every byte is the picture's."""
    if mask is None:
        return drawn
    size = (box[2] - box[0], box[3] - box[1])
    whole = image.convert("RGB")
    whole.paste(drawn if drawn.size == size else drawn.resize(size, Image.Resampling.LANCZOS), box[:2], mask)
    return whole
