"""The text that webui writes into its pictures, so that "PNG info" there reads ours and draws the same again."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..files import write_atomically
from .base_model import Base
from .lora_words import with_words
from .request import Request
from .sampler_names import schedule_used


def infotext(request: Request, base: Base, loras: Mapping[str, str] | None = None) -> str:
    """webui's parameters of one picture; what is empty in `base` is left out, hashes are shortened.

    `loras`: {name: its hash} of LoRAs that the prompt names already; the request's own are put behind the prompt.
    """
    loras = {**(loras or {}), **{one.name: one.digest for one in request.loras}}
    schedule = schedule_used(request.sampler, request.schedule)
    values: dict[str, object] = {"Steps": request.steps, "Sampler": request.sampler, "Schedule type": schedule}
    values |= {"CFG scale": f"{request.cfg:g}", "Seed": request.seed, "Size": f"{request.width}x{request.height}"}
    if base.sha256:
        values["Model hash"] = base.sha256[:10]
    if base.name:
        values["Model"] = base.name.replace(",", "").replace(":", "")
    if base.vae_file:
        values |= {"VAE hash": base.vae[:10], "VAE": base.vae_file.name}
    if request.clip_skip > 1:
        values["Clip skip"] = request.clip_skip
    values["RNG"] = "CPU"
    if loras:
        values["Lora hashes"] = ", ".join(f"{name}: {digest[:12]}" for name, digest in loras.items())
    lines = [with_words(request)]
    if request.negative:
        lines.append(f"Negative prompt: {request.negative}")
    lines.append(", ".join(f"{name}: {_quoted(str(value))}" for name, value in values.items()))
    return "\n".join(lines).strip()


def _quoted(text: str) -> str:
    """As JSON where the value holds what parts values from each other."""
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def png_bytes(image: Image.Image, text: str = "") -> bytes:
    """The picture as a PNG file, with `text` as its parameters."""
    info = PngInfo()
    if text:
        info.add_text("parameters", text)  # Pillow makes it iTXt where Latin-1 can't hold it
    content = io.BytesIO()
    image.save(content, "PNG", pnginfo=info)
    return content.getvalue()


def save_png(path: Path, image: Image.Image, text: str = "") -> None:
    """Writes all of the picture or nothing, with `text` as its parameters."""
    write_atomically(path, png_bytes(image, text))
