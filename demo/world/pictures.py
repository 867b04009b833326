"""The demo's picture sets: training pictures of a held-back creature, prompts to test with, and true renders to compare."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from .creatures import draw_context, named_creature, optional_share, render, world


def make_training_pictures(folder: str | Path, name: str, count: int = 16, seed: int = 1) -> list[dict[str, Any]]:
    """Writes `count` png pictures without captions, `<name>_01.png`, …; returns each one's path and context tags.

    Every choice of every kind of context comes about equally often, and no two pictures have the same context.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remembered = []
    for number, context in enumerate(balanced_contexts(name, count, seed), start=1):
        path = folder / f"{name}_{number:02d}.png"
        render(named_creature(name, context, _picture_seed("training", name, seed, number))).save(path)
        remembered.append({"path": path, "context": list(context.values())})
    return remembered


def test_prompts(name: str, count: int = 32, seed: int = 1, exclude: Sequence[Sequence[str]] = ()) -> list[dict[str, Any]]:
    """Prompts of the activation tag (the creature's name) and context tags in combinations that `exclude` lacks.

    Each is {"prompt": text, "context": [tags]}. None holds the creature's own tags: the activation tag stands for them.
    """
    used = {frozenset(context) for context in exclude}
    rng = random.Random(f"prompts {name} {seed}")
    found: list[dict[str, Any]] = []
    while len(found) < count:
        context = list(draw_context(rng).values())
        if frozenset(context) not in used:
            used.add(frozenset(context))
            found.append({"prompt": ", ".join([name, *world()["always"], *context]), "context": context})
    return found


test_prompts.__test__ = False  # a function for the demo that pytest would take for a test by its name


def true_renders(name: str, count: int = 32, seed: int = 1) -> list[Image.Image]:
    """Pictures of the creature by the renderer, in random contexts: what the judge gives these is the whole mark."""
    rng = random.Random(f"true renders {name} {seed}")
    return [
        render(named_creature(name, draw_context(rng), _picture_seed("true", name, seed, number))) for number in range(count)
    ]


def balanced_contexts(name: str, count: int, seed: int) -> list[dict[str, str]]:
    """`count` different contexts (tag by kind) in which each kind's choices are dealt out evenly."""
    for attempt in range(1000):
        rng = random.Random(f"training contexts {name} {seed} {attempt}")
        columns = {kind: _dealt(kind, count, rng) for kind in world()["context_kinds"]}
        contexts = [{kind: tags[i] for kind, tags in columns.items() if tags[i]} for i in range(count)]
        if len({frozenset(context.values()) for context in contexts}) == count:
            return contexts
    raise ValueError(f"no {count} different contexts found")


def _dealt(kind: str, count: int, rng: random.Random) -> list[str]:
    """`count` tags of a kind, empty for none, each as often as the others but for one, in random order."""
    present = round(optional_share(kind) * count)
    choices = list(world()[kind])
    rng.shuffle(choices)
    dealt = [choices[i % len(choices)] for i in range(present)] + [""] * (count - present)
    rng.shuffle(dealt)
    return dealt


def _picture_seed(use: str, name: str, seed: int, number: int) -> int:
    """A seed of the renderer's that no other use, creature, seed or number has."""
    return random.Random(f"{use} {name} {seed} {number}").getrandbits(60)
