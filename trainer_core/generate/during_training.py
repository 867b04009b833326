"""Sample pictures while a LoRA learns. The training is as if they had not been made."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..files import free_name
from ..models.memory import put_idle_away
from ..settings import Settings
from .base_model import Base
from .infotext import infotext, save_png
from .prompts_file import sample_requests
from .sample import Progress, drawn_batches

_BATCH = 4


def sample_now(
    model: Any,
    network: Any,
    settings: Settings,
    output_name: str,
    *,
    epoch: int,
    step: int,
    device: Any,
    asked: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Path]]:
    """Draws the sample prompts with the network as it is now; each prompt's place and its picture's path, as they are saved.

    Names as kohya's: by epoch where samples are drawn every n epochs, else, and for those that someone `asked` for, by
    step. Nothing is overwritten.
    """
    requests = sample_requests(settings).requests
    folder = Path(settings.output_dir).expanduser() / "sample"
    when = sample_moment(settings, epoch, step, asked)
    now = time.strftime("%Y%m%d%H%M%S")
    try:
        with _as_if_nothing(model, network):
            for places, images in drawn_batches(model, requests, device=device, batch_size=_BATCH, progress=progress):
                for place, image in zip(places, images, strict=True):
                    path = free_name(folder / f"{output_name}_{when}_{place:02d}_{now}_{requests[place].seed}.png")
                    save_png(path, image, infotext(requests[place], Base(Path(model.path).stem)))
                    yield place, path
    finally:
        put_idle_away(model, settings, device)


def sample_moment(settings: Settings, epoch: int, step: int, asked: bool = False) -> str:
    """When a sample was drawn, as its name says it."""
    by_epoch = step == 0 or (bool(settings.sample_every_n_epochs) and not asked)
    return f"e{epoch:06d}" if by_epoch else f"{step:06d}"


@contextmanager
def _as_if_nothing(model: Any, network: Any) -> Iterator[None]:
    """The network at full strength, everything in eval mode; then modes, strengths and all random numbers as before."""
    parts = [*model.parts().values(), network]
    modes = [(module, module.training) for part in parts for module in part.modules()]
    strengths = [(module, module.multiplier) for module in network.loras.values()]
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002  others' draws, kept as they are
    gpu_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        for part in parts:
            part.eval()
        network.set_multiplier(1.0, 1.0)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for module, strength in strengths:
            module.multiplier = strength
            module.attach()
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        if gpu_states:
            torch.cuda.set_rng_state_all(gpu_states)
