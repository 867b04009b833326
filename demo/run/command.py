"""The demo's command line and what it says at the end."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...trainer_core.files import data_folder, free_name
from ...trainer_core.problems import UserError
from .recipe import Job, load_recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demo. 0: it ran and its aims are met (or missed, as a control should); 1: not so; 2: wrong words."""
    job = read_job(sys.argv[1:] if argv is None else argv)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", flush=True)

    try:
        from .workflow import run_demo

        result = run_demo(job, say)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    lines, status = summary(result, load_recipe().aims)
    print("\n".join([*lines, f"Everything is in {job.out}; begin with {job.out / 'report.html'}"]), flush=True)
    return status


def read_job(argv: Sequence[str]) -> Job:
    """The words of the command line."""
    parser = argparse.ArgumentParser(
        prog="demo", description="Pictures of an unseen creature become a LoRA; a judge says how well."
    )
    parser.add_argument("--out", type=Path, help="new folder for everything; one in the data folder unless given")
    parser.add_argument("--creature", default="zibbo", help="zibbo or mirra")
    parser.add_argument("--seed", type=int, default=1, help="seed of pictures, training and samples")
    parser.add_argument("--shuffle-captions", action="store_true", help="control: captions on the wrong pictures; must fail")
    for name, kind in (("--steps", int), ("--samples", int), ("--base", Path), ("--tagger", Path), ("--judge", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS, default=argparse.SUPPRESS)
    words = vars(parser.parse_args(argv))
    out = words.pop("out")
    out = out.expanduser().resolve() if out else free_name(data_folder() / "demo")
    return Job(out=out, **words)


def summary(result: dict[str, Any], aims: dict[str, Any]) -> tuple[list[str], int]:
    """The closing lines with every aim, and the exit status that follows from them."""
    lines = ["", f"{'measure':<18} {'value':>8}   aim"]
    for name, (side, limit) in aims.items():
        mark = "missed" if name in result["missed"] else "met"
        lines.append(f"{name:<18} {result[name]:>8.3g}   {side} {limit:g}: {mark}")
    missed = ", ".join(result["missed"])
    if result["control"]:
        if missed:
            return [*lines, f"This was a control with shuffled captions; it misses {missed}, as it should."], 0
        return [
            *lines,
            "This was a control with shuffled captions and yet it meets every aim: the measures can't be trusted.",
        ], 1
    if missed:
        return [*lines, f"The demo ran, but it misses its aim in {missed}."], 1
    return [*lines, "The LoRA is what it should be: every aim is met."], 0
