"""Measures what settings do to learning, on the toy world.

    python -m lora_workbench.benchmarks.learning reg --seeds 8 --out DIR

Every arm is trained with every seed by the trainer itself and judged by a tagger that was used for nothing else. What is
measured is kept in DIR: run it again to go on, or to see the table again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ...demo.world.creatures import own_tags
from .experiments import EXPERIMENTS, Arm
from .lab import CREATURE, prepare
from .tables import against, table, won
from .workers import open_lab, run

COLUMNS = ("concept_after", "context_followed", "without_tag", "drift", "kept")


def main(argv: Sequence[str]) -> int:
    """The exit status: 0 where every arm was measured with every seed."""
    words = _words(argv)
    arms = {name: EXPERIMENTS[name] for name in words.experiment}
    if words.arms:
        arms = {name: [arm for arm in every if arm.name in words.arms] for name, every in arms.items()}
    work = [(name, arm, seed) for seed in words.seeds for name, every in arms.items() for arm in every]
    words.out.mkdir(parents=True, exist_ok=True)
    if not words.table_only and any(not arm.dataset for _, arm, _ in work):
        _prepare(words.out, words.seeds)
    found: dict[str, dict[str, dict[int, Any]]] = {name: {arm.name: {} for arm in every} for name, every in arms.items()}
    failed = 0
    for (name, arm, seed), result in _results(work, words):
        if isinstance(result, str):
            failed += 1
            print(f"{name}/{arm.name}/seed-{seed} failed: {result}", flush=True)
            continue
        found[name][arm.name][seed] = result
        shown = " ".join(f"{column} {result[column]:.3f}" for column in COLUMNS)
        print(f"{name}/{arm.name}/seed-{seed}: {shown} ({result['seconds']:.0f} s)", flush=True)
    for name, every in arms.items():
        print(f"\n{_text(found[name], every)}")
    (words.out / "results.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if failed else 0


def _words(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lora_workbench.benchmarks.learning", description=__doc__.split("\n")[0])
    parser.add_argument("experiment", nargs="+", choices=sorted(EXPERIMENTS), help="what to compare")
    parser.add_argument("--out", type=Path, required=True, help="folder that everything is kept in")
    parser.add_argument("--seeds", type=lambda text: range(1, int(text) + 1), default=range(1, 9), help="how many; 8")
    parser.add_argument("--arms", nargs="+", help="only these")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once; 1")
    parser.add_argument("--samples", type=int, default=32, help="pictures a measure; 32")
    parser.add_argument("--steps", type=int, help="trains only so many steps, to try the mechanics")
    parser.add_argument("--table_only", action="store_true", help="measures nothing more")
    return parser.parse_args(argv)


def _prepare(folder: Path, seeds: Sequence[int]) -> None:
    from ...demo.run.recipe import load_recipe

    recipe = load_recipe()
    for seed in seeds:
        prepare(folder, seed, recipe)


def _results(work: Sequence[tuple[str, Arm, int]], words: argparse.Namespace) -> Any:
    """(work, result or the sentence why there is none) as they come."""
    if words.table_only:
        for one in work:
            path = words.out / one[0] / one[1].name / f"seed-{one[2]}" / "result.json"
            if path.is_file():
                yield one, json.loads(path.read_text(encoding="utf-8"))
        return
    start = (words.out, words.samples, words.steps, max(1, (os.cpu_count() or 1) // words.workers))
    if words.workers == 1:
        open_lab(*start)
        for one in work:
            yield one, run(*one)
        return
    with ProcessPoolExecutor(words.workers, mp_context=get_context("spawn"), initializer=open_lab, initargs=start) as pool:
        waiting = {pool.submit(run, *one): one for one in work}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _text(found: dict[str, dict[int, Any]], arms: Sequence[Arm]) -> str:
    columns = [*COLUMNS, *(f"{one}_next" for one in COLUMNS if any(arm.next_run for arm in arms))]
    if any(arm.watch for arm in arms):
        columns.insert(0, "learnt")
    if any("block_weights" in str(arm.training.get("network_args")) for arm in arms):
        columns += [f"tag: {tag}" for tag in own_tags(CREATURE)]
    lines = [table(found, columns, {arm.name: arm.what for arm in arms})]
    first, *others = [arm.name for arm in arms]
    pairs = [(arm, first) for arm in others]
    if "matched" in others and "random" in others:
        pairs.append(("matched", "random"))
    lines += [line for pair in pairs for column in ("drift", "concept_after") if (line := against(found, *pair, column))]
    if any(arm.training.get("stages") for arm in arms):
        lines += [line for column in ("concept_after", "kept") if (line := won(found, column))]
    return "\n\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
