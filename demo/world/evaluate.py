"""Measures the base model: draws creatures from tags it was not trained on together, and asks the judge what it sees.

python -m lora_workbench.demo.world.evaluate [--base FILE] [--judge FOLDER] [--count 64] [--sheet FILE.png] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...trainer_core.files import atomic_path, write_atomically
from ..run.sampling import draw, open_judge
from .creatures import Creature, base_creature, render, tags_of, world

MODELS = Path(__file__).parents[1] / "models"
FIRST_CREATURE = 5_000_000  # the base and the taggers were trained on other numbers
FIRST_SEED = 1
SAMPLER = {"sampler": "Euler", "steps": 20, "cfg": 3.0, "width": 128, "height": 128}
THRESHOLD = 0.5
SHEET_ROWS, SHEET_COLUMNS = 4, 8


def prompted_creatures(count: int) -> list[Creature]:
    """Creatures whose tags the base is asked for."""
    return [base_creature(FIRST_CREATURE + number) for number in range(count)]


def base_tags() -> list[str]:
    """Every tag of the base's world that a picture may have or lack."""
    return [tag for kind, tags in world().items() if kind not in ("always", "context_kinds", "held_back") for tag in tags]


def followed(probabilities: np.ndarray, names: Sequence[str], prompted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """How the judge's view [pictures, names] agrees with the prompts: recall, precision and F1 over the base's tags
    without those that every picture has, and the recall of each tag that was asked for."""
    tags = base_tags()
    seen = probabilities[:, [list(names).index(tag) for tag in tags]] >= THRESHOLD
    asked = np.array([[tag in wanted for tag in tags] for wanted in prompted])
    hits = (seen & asked).sum()
    by_tag = {tag: float(seen[asked[:, i], i].mean()) for i, tag in enumerate(tags) if asked[:, i].any()}
    return {
        "recall": float(hits / asked.sum()),
        "precision": float(hits / max(1, seen.sum())),
        "f1": float(2 * hits / (asked.sum() + seen.sum())),
        "by_tag": by_tag,
    }


def sheet(images: Sequence[Image.Image]) -> Image.Image:
    """The first pictures side by side, no words."""
    width, height = images[0].size
    page = Image.new("RGB", (SHEET_COLUMNS * width, -(-min(len(images), SHEET_ROWS * SHEET_COLUMNS) // SHEET_COLUMNS) * height))
    for number, image in enumerate(images[: SHEET_ROWS * SHEET_COLUMNS]):
        page.paste(image, (number % SHEET_COLUMNS * width, number // SHEET_COLUMNS * height))
    return page


def evaluate(base: Path, judge_folder: Path, count: int) -> tuple[dict[str, Any], list[Image.Image]]:
    """The figures for the base's samples and, as the judge's own limit, for true pictures with the same tags; the samples."""
    from ...trainer_core.models.checkpoint import load_model

    creatures = prompted_creatures(count)
    prompted = [tags_of(creature) for creature in creatures]
    images = draw(load_model(base), [", ".join(tags) for tags in prompted], FIRST_SEED, SAMPLER)
    judge, names = open_judge(judge_folder)
    truth = followed(judge([render(creature) for creature in creatures]), names, prompted)
    figures = followed(judge(images), names, prompted)
    return {"pictures": count, "sampler": SAMPLER, "samples": figures, "true_pictures": truth}, images


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, default=MODELS / "toy_base.safetensors")
    parser.add_argument("--judge", type=Path, default=MODELS / "toy_judge")
    parser.add_argument("--count", type=int, default=64, help="how many pictures")
    parser.add_argument("--sheet", type=Path, help="write a picture of the first samples here")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    figures, images = evaluate(args.base, args.judge, args.count)
    if args.sheet:
        with atomic_path(args.sheet) as temporary:
            sheet(images).quantize(128).save(temporary, format="PNG", optimize=True)
    if args.json:
        write_atomically(args.json, json.dumps(figures, indent=1) + "\n")
    for what in ("samples", "true_pictures"):
        one = figures[what]
        print(f"{what}: F1 {one['f1']:.3f}, recall {one['recall']:.3f}, precision {one['precision']:.3f}")
        worst = sorted(one["by_tag"].items(), key=lambda item: item[1])[:8]
        print("  least followed: " + ", ".join(f"{tag} {share:.2f}" for tag, share in worst))


if __name__ == "__main__":
    main()
