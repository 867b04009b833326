"""What every arm shares: the pictures and captions of a seed, the base model, and what the judge sees in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...demo.run import measures
from ...demo.run.pictures import make_pictures, tag_pictures
from ...demo.run.recipe import Job, Recipe, load_recipe
from ...demo.run.sampling import open_judge
from ...demo.run.workflow import without_activation
from ...demo.world.creatures import Creature, base_creature, own_tags, tags_of
from ...demo.world.evaluate import THRESHOLD, base_tags
from ...demo.world.pictures import test_prompts, true_renders
from ...trainer_core.files import read_json, write_json

CREATURE = "zibbo"
BASE_CREATURES = 6_000_000  # neither the base and the taggers nor the base's own measure saw creatures of these numbers
WATCHED = 8
CONFIG = "train.toml"


class Lab:
    """The base model and the judge, loaded once a process, and the folder that everything is kept in."""

    def __init__(self, folder: Path, samples: int, steps: int | None = None) -> None:
        import torch

        self.folder, self.recipe = folder, load_recipe(steps)
        self.samples, self.steps = samples, steps
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.job = Job(folder, CREATURE, 1, False)
        self.judge, self.tags = open_judge(self.job.judge)
        self._model: Any = None

    @property
    def model(self) -> Any:
        from ...trainer_core.models.checkpoint import load_model

        if self._model is None:
            self._model = load_model(self.job.base)
        return self._model

    def draw(self, prompts: Sequence[str], first_seed: int, lora: Path | None = None) -> list[Image.Image]:
        """One picture a prompt, seeds counting up, as the demo draws them."""
        from ...trainer_core.generate.sample import Request, generate
        from ...trainer_core.networks.apply import applied

        requests = [
            Request(prompt=prompt, seed=first_seed + number, **self.recipe.sampler) for number, prompt in enumerate(prompts)
        ]
        for part in (self.model.unet, self.model.text_encoder, self.model.vae):
            part.to(self.device)
        with applied(self.model, [(lora, 1.0, 1.0)] if lora else []):
            return generate(self.model, requests, batch_size=16)


def prepare(folder: Path, seed: int, recipe: Recipe) -> Job:
    """The seed's pictures of the creature with the tagger's captions, made once and used by every arm."""
    job = Job(folder / "material" / f"seed-{seed}", CREATURE, seed, False)
    done = job.out / "contexts.json"
    if not done.is_file():
        if job.out.exists():
            raise FileExistsError(f"{job.out} is unfinished: remove it and run again.")
        remembered = make_pictures(job, recipe)
        tag_pictures(job, recipe)
        write_json(done, [one["context"] for one in remembered])
    return job


def measure(lab: Lab, material: Job, lora: Path) -> dict[str, float]:
    """The demo's measures, and what became of the base's own creatures."""
    contexts = read_json(material.out / "contexts.json")
    tests = test_prompts(CREATURE, count=lab.samples, seed=material.seed, exclude=contexts)
    prompts = [one["prompt"] for one in tests]
    first_seed = 1000 * material.seed
    with_tag = lab.judge(lab.draw(prompts, first_seed, lora))
    without = lab.judge(lab.draw([without_activation(one, CREATURE) for one in prompts], first_seed, lora))
    truth = lab.judge(true_renders(CREATURE, count=lab.samples, seed=material.seed))
    own = own_tags(CREATURE)
    of_truth = measures.concept(truth, lab.tags, own)
    found = {
        "concept_after": measures.relative(measures.concept(with_tag, lab.tags, own), of_truth),
        "context_followed": measures.context_followed(with_tag, lab.tags, [list(one["context"]) for one in tests], THRESHOLD),
        "without_tag": measures.relative(measures.concept(without, lab.tags, own), of_truth),
    }
    for tag in own:
        seen, true = measures.concept(with_tag, lab.tags, [tag]), measures.concept(truth, lab.tags, [tag])
        found[f"tag: {tag}"] = measures.relative(seen, true)
    return found | base_kept(lab, material.seed, lora)


def steps_to_learn(lab: Lab, material: Job, lora: Path) -> int | None:
    """The first snapshot's step at which concept_after reaches the demo's aim, on WATCHED prompts; None where none does."""
    prompts = [one["prompt"] for one in test_prompts(CREATURE, count=WATCHED, seed=material.seed)]
    own = own_tags(CREATURE)
    of_truth = measures.concept(lab.judge(true_renders(CREATURE, count=lab.samples, seed=material.seed)), lab.tags, own)
    aim = lab.recipe.aims["concept_after"]
    for snapshot in sorted(lora.parent.glob(f"{lora.stem}-step*{lora.suffix}")):
        seen = lab.judge(lab.draw(prompts, 1000 * material.seed, snapshot))
        if measures.is_met(measures.relative(measures.concept(seen, lab.tags, own), of_truth), *aim):
            return int(snapshot.stem.rpartition("-step")[2])
    return None


def base_kept(lab: Lab, seed: int, lora: Path) -> dict[str, float]:
    """drift: mean difference of colours (0 to 1) between the base's pictures of its own creatures with and without the LoRA,
    same prompts and seeds. kept: share of the prompted tags that the judge sees with the LoRA, divided by that without it."""
    creatures = [base_creature(BASE_CREATURES + 1000 * seed + number) for number in range(lab.samples)]
    prompts, first_seed = [", ".join(tags_of(one)) for one in creatures], 80_000 + 1000 * seed
    before, after = lab.draw(prompts, first_seed), lab.draw(prompts, first_seed, lora)
    difference = np.abs(_colours(after) - _colours(before)).mean(axis=(1, 2, 3))
    return {"drift": float(difference.mean()), "kept": _recall(lab, after, creatures) / _recall(lab, before, creatures)}


def _colours(images: Sequence[Image.Image]) -> np.ndarray:
    """float32 [pictures, height, width, 3], 0 to 1."""
    return np.stack([np.asarray(image.convert("RGB"), dtype=np.float32) / 255 for image in images])


def _recall(lab: Lab, images: Sequence[Image.Image], creatures: Sequence[Creature]) -> float:
    known = set(base_tags())
    wanted = [[tag for tag in tags_of(one) if tag in known] for one in creatures]
    return measures.context_followed(lab.judge(list(images)), lab.tags, wanted, THRESHOLD)
