"""Draws the pictures of a regularization set batch by batch, so that it can be ended at any moment and gone on with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...tagger.captions import read_caption
from ..command_errors import system_sentence
from ..files import write_atomically
from ..generate.base_model import Base
from ..generate.infotext import infotext, png_bytes
from ..generate.sample import drawn_batches
from ..generate.telling import Told, steps_told
from ..problems import UserError
from ..processes import ALONE, Processes
from ..settings import Settings
from .manifest import Entry, Manifest, read_manifest, write_manifest
from .wanted import Wanted


def draw(
    settings: Settings,
    todo: Sequence[Wanted],
    folder: Path,
    manifest: Manifest,
    base: Base,
    batch_size: int,
    told: Told | None = None,
    those: Processes = ALONE,
) -> int:
    """Draws the pictures into the folder; how many were written. Those of a finished batch stay, whatever comes after.

    `those`: the processes that draw into it together, which write the manifest in turns.
    """
    model, device = loaded(settings)
    made, told = 0, told or Told()
    requests, steps = [one.request for one in todo], steps_told(told.between, 0, len(todo), len(todo))
    try:
        for places, images in drawn_batches(model, requests, device=device, batch_size=batch_size, progress=steps):
            batch = [todo[place] for place in places]
            with those.turn(folder):
                _take_over(manifest, folder, those)
                made += save_batch(batch, images, folder, manifest, base)
            told(made, len(todo), batch[-1].path)
        with those.turn(folder):
            _take_over(manifest, folder, those)
            write_manifest(folder, manifest)
    except OSError as error:
        raise UserError(
            f"{system_sentence(error)} The {made} pictures drawn until then are in {folder}; the same command goes on."
        ) from None
    return made


def _take_over(manifest: Manifest, folder: Path, those: Processes) -> None:
    """What the other processes have drawn since."""
    there = read_manifest(folder) if those.world > 1 else None
    if there is not None:
        manifest.pictures, manifest.pending = there.pictures, there.pending


def loaded(settings: Settings) -> tuple[Any, str]:
    """The settings' base model, and the device to draw on."""
    import torch

    from ..generate.device import own_device
    from ..models.checkpoint import load_model

    device = own_device()
    half = device != "cpu" and settings.mixed_precision != "no"
    model = load_model(
        settings.pretrained_model_name_or_path,
        settings.vae,
        torch.float16 if half else torch.float32,
        v_parameterization=settings.v_parameterization,
        zero_terminal_snr=settings.zero_terminal_snr,
    )
    return model, device


def save_batch(batch: Sequence[Wanted], images: Sequence[Any], folder: Path, manifest: Manifest, base: Base) -> int:
    """Writes what is about to come into the manifest, then the pictures and their captions; how many were written.

    In this order a process that ends in between leaves no picture that isn't known as ours.
    """
    contents: dict[str, bytes] = {}
    for one, image in zip(batch, images, strict=True):
        if one.path.exists() and not manifest.is_ours(one.path):
            continue  # somebody has put a picture there meanwhile
        content = png_bytes(image, infotext(one.request, base))
        contents[one.path.name] = content
        before = manifest.pictures.get(one.path.name)
        manifest.pending[one.path.name] = Entry(
            one.request,
            one.training_seed,
            base.sha256,
            base.vae,
            one.source,
            one.text,
            hashlib.sha256(content).hexdigest(),
            before.text if before else "",
        )
    write_manifest(folder, manifest)
    for one in batch:
        if one.path.name in contents:
            write_atomically(one.path, contents[one.path.name])
            save_caption(one, manifest.pending[one.path.name])
    manifest.settle(folder)
    return len(contents)


def save_caption(wanted: Wanted, entry: Entry) -> bool:
    """Writes the caption beside the picture; False where the file there holds another text than we wrote."""
    there = read_caption(wanted.caption)
    if there.content is not None and there.text not in (entry.text, entry.text_before):
        return False
    if there.content is None or there.text != wanted.text:
        write_atomically(wanted.caption, wanted.text)
    return True
