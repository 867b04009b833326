"""What the demo is asked to do: the words of its command line and the settings that ship with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...trainer_core.files import read_json
from ...trainer_core.problems import UserError

HERE = Path(__file__).parent
MODELS = HERE.parent / "models"


@dataclass(frozen=True)
class Recipe:
    """The demo's settings, as in demo_settings.json; `training` holds kohya's names."""

    pictures: int
    regularization_pictures: int
    samples: int
    strength: float
    tag_threshold: float
    seen_threshold: float
    sampler: dict[str, Any]
    grid_strengths: list[float]
    grid_prompts: int
    repeats: int
    training: dict[str, Any]
    aims: dict[str, tuple[str, float]]


@dataclass(frozen=True)
class Job:
    """One run of the demo. `steps` and `samples` shorten it for tests of its mechanics."""

    out: Path
    creature: str
    seed: int
    shuffle_captions: bool
    base: Path = MODELS / "toy_base.safetensors"
    tagger: Path = MODELS / "toy_tagger"
    judge: Path = MODELS / "toy_judge"
    steps: int | None = None
    samples: int | None = None


def load_recipe(steps: int | None = None, samples: int | None = None) -> Recipe:
    """The shipped settings; with `steps` and `samples` shortened so that only the mechanics are shown."""
    values = read_json(HERE / "demo_settings.json")
    if steps is not None:
        values["training"] |= {"max_train_steps": steps, "lr_warmup_steps": 0}
        values["sampler"]["steps"] = 2
    if samples is not None:
        values |= {"samples": samples, "regularization_pictures": samples, "grid_prompts": 1}
    return Recipe(**values)


def check(job: Job) -> None:
    """Raises UserError where a model is missing or the output folder is in use."""
    from ..world.creatures import world

    names = list(world()["held_back"])
    if job.creature not in names:
        raise UserError(f"There is no creature named {job.creature!r}: choose {' or '.join(names)}.")
    for path in (job.base, job.tagger / "model.onnx", job.judge / "model.onnx"):
        if not path.is_file():
            raise UserError(f"The demo's model {path} is missing: get the complete project again.")
    if job.out.exists() and (not job.out.is_dir() or any(job.out.iterdir())):
        raise UserError(f"{job.out} already holds something: choose another folder with --out, or remove it.")
