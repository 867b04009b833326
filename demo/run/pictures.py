"""The demo's material: pictures of the creature, captions from the tagger, regularization pictures from the base model."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ...trainer_core.files import write_atomically
from ...trainer_core.randomness import permutation
from ..world.creatures import draw_context, own_tags, world
from ..world.pictures import make_training_pictures
from .recipe import Job, Recipe

Draw = Callable[[Sequence[str], int], list[Image.Image]]  # prompts and the first seed → one picture each


def training_folder(job: Job, recipe: Recipe) -> Path:
    """kohya's layout: the folder's name says how often each picture is seen in an epoch, and what it shows."""
    return job.out / "pictures" / f"{recipe.repeats}_{job.creature}"


def make_pictures(job: Job, recipe: Recipe) -> list[dict[str, Any]]:
    """Draws the creature's pictures without captions; returns what the renderer remembers of each."""
    folder = training_folder(job, recipe)
    folder.mkdir(parents=True)
    return make_training_pictures(folder, job.creature, count=recipe.pictures, seed=job.seed)


def tag_pictures(job: Job, recipe: Recipe) -> dict[Path, str]:
    """Tags every picture that has no caption; returns the captions by picture.

    The activation tag comes first. The creature's own tags are left out: what a caption does not name goes into the tag
    that it does name, so the activation tag comes to stand for them.
    """
    from ...tagger.batch import Plan, tag_folder
    from ...tagger.results import Choice

    folder = training_folder(job, recipe)
    tag_folder(
        folder,
        job.tagger,
        plan=Plan(first=[job.creature]),
        choice=Choice(threshold=recipe.tag_threshold, exclude=[job.creature, *own_tags(job.creature)]),
    )
    return {path: path.with_suffix(".txt").read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.png"))}


def regularization_prompts(count: int, seed: int) -> list[str]:
    """Captions of creatures that the base knows; half of them leave body and colour to the model."""
    prompts = []
    for number in range(count):
        rng = random.Random(f"regularization {seed} {number}")
        looks = [rng.choice(world()["body"]), rng.choice(world()["colour"])] if number % 2 else []
        prompts.append(", ".join([*world()["always"], *looks, *draw_context(rng).values()]))
    return prompts


def make_regularization(job: Job, recipe: Recipe, draw: Draw) -> dict[Path, str]:
    """Pictures by the base model itself with the prompts as captions: they hold back what must not change."""
    folder = job.out / "regularization" / "1_creature"
    prompts = regularization_prompts(recipe.regularization_pictures, job.seed)
    captions = {}
    for number, (prompt, image) in enumerate(zip(prompts, draw(prompts, 50_000 + 1000 * job.seed), strict=True), start=1):
        path = folder / f"creature_{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        write_atomically(path.with_suffix(".txt"), prompt + "\n")
        captions[path] = prompt
    return captions


def shuffle_captions(
    captions: dict[Path, str], regularization: dict[Path, str], seed: int
) -> tuple[dict[Path, str], dict[Path, str]]:
    """The control: the same captions on other pictures, so that the activation tag no longer belongs to the creature."""
    paths, texts = [*captions, *regularization], [*captions.values(), *regularization.values()]
    places = permutation(len(texts), seed, "shuffled captions")
    moved = {path: texts[place] for path, place in zip(paths, places, strict=True)}
    for path, text in moved.items():
        write_atomically(path.with_suffix(".txt"), text + "\n")
    return {path: moved[path] for path in captions}, {path: moved[path] for path in regularization}
