"""Four toy datasets that differ in kind, size and quality: pictures with the tagger's captions, and what to judge them by."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter

from ...demo.run.recipe import MODELS
from ...demo.world.creatures import Creature, draw_context, named_creature, own_tags, render, world
from ...demo.world.pictures import balanced_contexts
from ...demo.world.tagger_data import HYBRID_BODIES

_JPEG_QUALITY, _BLUR = 25, 1.0


@dataclass(frozen=True)
class Dataset:
    """`answers`: what its user says, as words of `advise`. `judged`: the tags that only what is taught has.

    hybrid: drawn on several known bodies, so that not a creature but its parts or its paint are taught.
    """

    name: str
    creature: str
    activation: str
    pictures: int
    judged: tuple[str, ...]
    answers: tuple[str, ...]
    hybrid: bool = False
    poor: bool = False

    def creature_of(self, context: dict[str, str], rng: random.Random) -> Creature:
        made = named_creature(self.creature, context, rng.getrandbits(60))
        if not self.hybrid:
            return made
        return dataclasses.replace(made, tags=(("body", rng.choice(HYBRID_BODIES)), *context.items()))

    def words_of(self, creature: Creature) -> list[str]:
        """What a prompt says of it beside the activation tag."""
        tags = dict(creature.tags)
        body = [tags["body"]] if self.hybrid else []
        return [*world()["always"], *body, *(tag for kind, tag in creature.tags if kind != "body")]


DATASETS: dict[str, Dataset] = {
    one.name: one
    for one in (
        Dataset(
            "character", "zibbo", "zibbo", 40, tuple(own_tags("zibbo")),
            ("--kind", "character", "--difficulty", "B", "--quality", "good", "--use", "usual", "--vram", "8", "--known", "no"),
        ),
        Dataset(
            "poor", "mirra", "mirra", 20, tuple(own_tags("mirra")),
            ("--kind", "character", "--difficulty", "C", "--quality", "poor", "--use", "usual", "--vram", "8", "--known", "no"),
            poor=True,
        ),
        Dataset(
            "concept", "mirra", "leafwear", 60, ("leaf wings", "diamond belly"), ("--kind", "concept", "--vram", "12"),
            hybrid=True,
        ),
        Dataset("style", "zibbo", "duotone", 120, ("two-tone body",), ("--kind", "style", "--vram", "12"), hybrid=True),
    )
}  # fmt: skip


def make(dataset: Dataset, folder: Path, seed: int) -> list[list[str]]:
    """Writes the pictures into `folder`/1_<activation>, captioned by the demo's tagger; returns each one's words."""
    from ...tagger.batch import Plan, tag_folder
    from ...tagger.results import Choice

    inside = folder / f"1_{dataset.activation}"
    inside.mkdir(parents=True)
    rng = random.Random(f"pictures {dataset.name} {seed}")
    words = []
    for number, context in enumerate(balanced_contexts(dataset.creature, dataset.pictures, seed), start=1):
        creature = dataset.creature_of(context, rng)
        _save(render(creature), inside / f"{dataset.activation}_{number:03d}", dataset.poor)
        words.append(dataset.words_of(creature))
    names = list(world()["held_back"])
    unsaid = [*names, *(tag for name in names for tag in own_tags(name))]
    plan, choice = Plan(first=[dataset.activation]), Choice(threshold=0.5, exclude=unsaid)
    tag_folder(inside, MODELS / "toy_tagger", plan=plan, choice=choice)
    return words


def _save(image: Image.Image, stem: Path, poor: bool) -> None:
    if poor:
        image.filter(ImageFilter.GaussianBlur(_BLUR)).save(stem.with_suffix(".jpg"), quality=_JPEG_QUALITY)
    else:
        image.save(stem.with_suffix(".png"))


def prompts(dataset: Dataset, count: int, seed: int, trained: list[list[str]]) -> list[list[str]]:
    """Words of prompts, without the activation tag, in combinations that the pictures don't have."""
    rng, used = random.Random(f"prompts {dataset.name} {seed}"), {frozenset(one) for one in trained}
    found: list[list[str]] = []
    while len(found) < count:
        words = dataset.words_of(dataset.creature_of(draw_context(rng), rng))
        if frozenset(words) not in used:
            used.add(frozenset(words))
            found.append(words)
    return found


def true_pictures(dataset: Dataset, count: int, seed: int) -> list[Image.Image]:
    """Pictures by the renderer: what the judge gives these is the whole mark."""
    rng = random.Random(f"true {dataset.name} {seed}")
    return [render(dataset.creature_of(draw_context(rng), rng)) for _ in range(count)]
