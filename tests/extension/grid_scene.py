"""A project with a finished training, for tests of grids: LoRA files with nothing learnt, a base of one tensor.

The helper's answers are given in the test's own process.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.job_reader import JobReader
from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.drawn_answers import answer
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.grids.cells import write_manifest
from lora_workbench.trainer_core.grids.find import find_given, find_grid
from lora_workbench.trainer_core.grids.words import read_options
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.randomness import uniform_int

SEED, STARTED = 7, "1000.0"
KEY = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"


class Answers:
    """The helper's answers about grids, given in this process; those about tags and thumbnails are made up."""

    def __init__(self, made_up: dict[str, Any] | None = None) -> None:
        self.made_up = made_up or {}
        self.asked: list[dict[str, Any]] = []

    def ask(self, what: str, patience: float = 60, **values: Any) -> Any:
        self.asked.append({"what": what, **values})
        if what in self.made_up:
            return self.made_up[what]
        if what == "thumb":
            return {"path": values["path"]}
        try:
            return json.loads(json.dumps(answer(what, values)))
        except UserError as error:
            raise Refused(str(error)) from None

    def end(self) -> None:
        return None


def make_lora(path: Path, value: float, **metadata: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    down, up = np.full((2, 4), value, np.float32), np.full((4, 2), value, np.float32)
    tensors = {f"{KEY}.lora_down.weight": down, f"{KEY}.lora_up.weight": up, f"{KEY}.alpha": np.float32([1])}
    save_file(tensors, path, metadata)
    return path


def make_base(path: Path) -> Path:
    """Enough of a checkpoint to be told from other files, and to have a hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.transformer.text_model.embeddings.weight")
    save_file({name: np.zeros((2, 4), np.float32) for name in names}, path)
    return path


def make_run(
    bench: Workbench, *, name: str = "penny", epochs: int = 3, project: str | None = "penny", **more: Any
) -> JobReader:
    """A training that has ended, with a snapshot of each epoch and the last file."""
    data = bench.host.data
    out = data / "projects" / (project or "none") / "runs" / name
    settings = {
        "pretrained_model_name_or_path": str(make_base(data / "models" / "base.safetensors")),
        "train_data_dir": str(data / "sets" / "penny"),
        "output_dir": str(out),
        "output_name": name,
        "resolution": "64",
        "max_train_epochs": epochs,
        "optimizer_type": "AdamW",
        "unet_lr": 1e-4,
        "text_encoder_lr": 5e-5,
        "seed": SEED,
        **more,
    }
    session = str(uniform_int(0, 2**32, SEED, "session"))
    job = bench.jobs.add("train", name, project, {"settings": settings})
    events = EventLog(job.folder)
    events.write("start", steps=epochs, epochs=epochs, output_name=name, seed=SEED)
    for epoch in range(1, epochs + 1):
        file = f"{name}.safetensors" if epoch == epochs else f"{name}-{epoch:06d}.safetensors"
        said = {"ss_session_id": session, "ss_training_started_at": STARTED, "ss_epoch": str(epoch)}
        path = make_lora(Path(settings["output_dir"]) / file, epoch, **said)
        events.write("saved", path=str(path), epoch=epoch, step=epoch, state=None)
    events.write("done", path=str(path), steps=epochs, published=None)
    events.close()
    return bench.jobs.get(job.id)


def draw(options: dict[str, Any], *, but: int = 0) -> list[str]:
    """Does what a grid's job does, with plain colours for pictures, leaving out the last `but`; the cells' ids."""
    found = find_grid(find_given(read_options(options)))
    numbers = {cell.id: {"drift": 0.03} for cell in found.cells if cell.snapshot}
    write_manifest(found.given.folder, found.grids, found.files, found.bases, numbers, found.about())
    for number, cell in enumerate(found.cells[: len(found.cells) - but]):
        found.files[cell.id].parent.mkdir(parents=True, exist_ok=True)
        colour = (40 * number % 256, 90, 160)
        Image.new("RGB", (cell.request.width, cell.request.height), colour).save(found.files[cell.id])
    return [cell.id for cell in found.cells]
