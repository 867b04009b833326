"""From a te × unet grid of a run, through `grid --choose`, to the run that its cell writes, and how that compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...demo.run.recipe import Job
from ...trainer_core.files import read_json
from ...trainer_core.grids.command import main as grid
from ...trainer_core.settings import read_settings

if TYPE_CHECKING:
    from .lab import Lab

STRENGTHS = ("0.25", "0.5", "0.75", "1")
PROMPTS = 8


def run_next(lab: Lab, material: Job, lora: Path, folder: Path) -> dict[str, Any]:
    """Draws the grid, chooses, trains what the choice writes, and measures it; names end in _next."""
    from ...demo.world.pictures import test_prompts
    from ...trainer_core.train import train
    from .lab import CONFIG, CREATURE, measure

    # Other prompts than the judged ones, so that the choice knows nothing of them.
    prompts = [one["prompt"] for one in test_prompts(CREATURE, count=PROMPTS, seed=5000 + material.seed)]
    sampler = lab.recipe.sampler
    run = [str(lora), "--config_file", str(folder / CONFIG), "--out", str(folder / "grid")]
    grid([
        *run, "--prompt", *prompts, "--te", *STRENGTHS, "--unet", *STRENGTHS, "--seeds", "7",
        "--width", str(sampler["width"]), "--height", str(sampler["height"]), "--cfg", str(sampler["cfg"]),
        "--sampler", sampler["sampler"], "--steps", str(sampler["steps"]), "--batch_size", "16",
        "--tagger", str(lab.job.tagger),
    ])  # fmt: skip
    chosen = choose(read_json(folder / "grid" / "grid.json")["cells"])
    grid([*run, "--choose", chosen, "--settings", str(folder / "next.toml")])
    words = ["--config_file", str(folder / "next.toml"), "--job_dir", str(folder / "job-next")]
    settings = read_settings([*words, "--output_name", f"{CREATURE}-next"], "train")
    after = measure(lab, material, train(settings))
    return {"chosen": chosen, **{f"{name}_next": value for name, value in after.items()}}


def choose(cells: dict[str, dict[str, Any]]) -> str:
    """What a careful person does with the numbers beside the pictures: among the strengths whose pictures agree with their
    prompts nearly as well as the best do (to 0.02), those that change the base's pictures least."""
    by_strength: dict[tuple[float, float], list[dict[str, float]]] = {}
    for one in cells.values():
        if one["lora_file"]:
            by_strength.setdefault((one["te"], one["unet"]), []).append(one["numbers"])
    scores = {
        key: (sum(one["agreement"] for one in rows) / len(rows), sum(one["drift"] for one in rows) / len(rows))
        for key, rows in by_strength.items()
    }
    best = max(agreement for agreement, _ in scores.values())
    te, unet = min((key for key in scores if scores[key][0] >= best - 0.02), key=lambda key: scores[key][1])
    return next(id_ for id_, one in cells.items() if one["lora_file"] and (one["te"], one["unet"]) == (te, unet))
