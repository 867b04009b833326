"""The demo from top to bottom: pictures, tags, plan, training, samples, judgement, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from ...trainer_core.files import write_json
from ..world.creatures import own_tags
from ..world.pictures import test_prompts, true_renders
from . import measures, pictures, sampling, training
from .recipe import Job, Recipe, check, load_recipe
from .report import Shown, write_report

Say = Callable[[str], None]


@dataclass(frozen=True)
class Tests:
    """What is asked of the model: prompts with the activation tag, without it, and their context tags."""

    prompts: list[str]
    plain: list[str]
    context: list[list[str]]


def run_demo(job: Job, say: Say) -> dict[str, Any]:
    """Runs the whole demo in `job.out` and returns what demo.json holds."""
    begun = time.monotonic()
    recipe = load_recipe(job.steps, job.samples)
    check(job)
    job.out.mkdir(parents=True, exist_ok=True)

    say(f"Pictures: {recipe.pictures} of {job.creature}, which the base model has never seen")
    remembered = pictures.make_pictures(job, recipe)
    tests = _tests(job, recipe, [one["context"] for one in remembered])
    say(f"Tags: the tagger captions them; {job.creature} comes first, its own tags are left out")
    captions = pictures.tag_pictures(job, recipe)

    model = _load_model(job.base)
    draw = partial(sampling.draw, model, sampler=recipe.sampler)
    first_seed = 1000 * job.seed
    say(f"Before: {recipe.samples} samples and {recipe.regularization_pictures} regularization pictures by the base model")
    before = draw(tests.prompts, first_seed)
    regularization = pictures.make_regularization(job, recipe, draw)
    if job.shuffle_captions:
        say("Control: all captions are shuffled among all pictures")
        captions, regularization = pictures.shuffle_captions(captions, regularization, job.seed)

    config = training.write_settings(job, recipe)
    plan = training.plan_training(config)
    say(f"Plan: {plan['steps']} steps, {plan['images']} pictures, a LoRA of {plan['file_size_bytes'] / 1024:.0f} KiB")
    trained = training.train(job, config, say)
    say(f"Trained: {trained.lora.name} in {trained.cpu_seconds:.0f} CPU seconds")

    say("After: samples with the LoRA, without its activation tag, and at several strengths")
    with_lora = partial(draw, lora=trained.lora, strength=recipe.strength)
    samples = {
        "before": before,
        "after": with_lora(tests.prompts, first_seed),
        "without_tag": with_lora(tests.plain, first_seed),
    }
    _save_samples(job.out / "samples", samples)
    chosen = tests.prompts[: recipe.grid_prompts]
    grid = sampling.draw_strengths(model, chosen, first_seed, recipe.sampler, trained.lora, recipe.grid_strengths)
    sampling.labelled_grid(grid, chosen, recipe.grid_strengths).save(job.out / "grid.png")

    say("Judgement: by another model than the tagger")
    result = {
        **_judge(job, recipe, tests, samples, list(captions)),
        **_told(job, recipe, trained),
        "total_seconds": time.monotonic() - begun,
    }
    result["missed"] = measures.missed_aims(result, recipe.aims)
    write_json(job.out / "demo.json", result)
    shown = Shown(captions, regularization, tests.prompts, grid, samples, trained.losses, plan)
    write_report(job.out / "report.html", result, recipe, shown)
    return result


def _told(job: Job, recipe: Recipe, trained: training.Trained) -> dict[str, Any]:
    """What demo.json says of the training and of how the demo was run."""
    first, last = measures.loss_ends(trained.losses)
    return {
        "train_cpu_seconds": trained.cpu_seconds,
        "loss_first": first,
        "loss_last": last,
        "lora": str(trained.lora),
        "grid": str(job.out / "grid.png"),
        "creature": job.creature,
        "seed": job.seed,
        "strength": recipe.strength,
        "control": job.shuffle_captions,
    }


def _load_model(path: Path) -> Any:
    from ...trainer_core.models.checkpoint import load_model

    return load_model(path)


def _tests(job: Job, recipe: Recipe, trained_contexts: list[Any]) -> Tests:
    """Prompts whose combinations of context tags are not in the training set."""
    found = test_prompts(job.creature, count=recipe.samples, seed=job.seed, exclude=trained_contexts)
    prompts = [one["prompt"] for one in found]
    plain = [without_activation(prompt, job.creature) for prompt in prompts]
    return Tests(prompts, plain, [list(one["context"]) for one in found])


def without_activation(prompt: str, activation: str) -> str:
    """The prompt without the activation tag."""
    return ", ".join(tag for tag in prompt.split(", ") if tag != activation)


def _save_samples(folder: Path, samples: dict[str, list[Image.Image]]) -> None:
    for name, images in samples.items():
        (folder / name).mkdir(parents=True)
        for number, image in enumerate(images, start=1):
            image.save(folder / name / f"{number:02d}.png")


def _judge(
    job: Job, recipe: Recipe, tests: Tests, samples: dict[str, list[Image.Image]], training_pictures: list[Path]
) -> dict[str, float]:
    """The measures of demo.json that look at pictures."""
    see, tags = sampling.open_judge(job.judge)
    score = partial(measures.concept, tags=tags, own=own_tags(job.creature))
    of_truth = score(see(true_renders(job.creature, count=recipe.samples, seed=job.seed)))
    seen_after = see(samples["after"])
    trained = [Image.open(path) for path in training_pictures]
    return {
        "concept_before": measures.relative(score(see(samples["before"])), of_truth),
        "concept_after": measures.relative(score(seen_after), of_truth),
        "context_followed": measures.context_followed(seen_after, tags, tests.context, recipe.seen_threshold),
        "without_tag": measures.relative(score(see(samples["without_tag"])), of_truth),
        "nearest_copy": min(measures.nearest_copy(samples["after"], trained)),
    }
