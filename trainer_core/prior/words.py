"""The words of `python -m trainer_core prior`: its own options; all others are the training's settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generate.option_words import Parser, option_words, plain_word, positive
from ..generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from ..problems import WordsError


@dataclass(frozen=True)
class PriorOptions:
    """What is to be drawn beside what the training's settings say. `seed`: the first picture's, None for the training's."""

    activation: str
    count: int
    steps: int
    sampler: str
    schedule: str
    cfg: float
    out: Path | None
    batch_size: int
    as_json: bool
    seed: int | None = None


def read_options(values: Any) -> PriorOptions:
    """The options from JSON values, as in a job; `seed` may be among them, which on the command line is a setting."""
    values = dict(values) if isinstance(values, dict) else values
    seed = values.pop("seed", None) if isinstance(values, dict) else None
    options, rest = read_words(option_words(values))
    if rest:
        raise WordsError(f"prior: {rest[0].lstrip('-').partition('=')[0]} is not an option.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63):
        raise WordsError(f"prior: seed {seed!r} is not a whole number from 0 on and below 2^63.")
    return PriorOptions(**{**vars(options), "seed": seed})


def read_words(argv: Sequence[str]) -> tuple[PriorOptions, list[str]]:
    """The options and the words that are left for the settings; WordsError with what is wrong."""
    known, rest = _parser().parse_known_args([plain_word(word) for word in argv])
    if not known.activation.strip():
        raise WordsError("prior needs --activation, the tag whose meaning is asked for, such as penny.")
    return PriorOptions(**vars(known)), rest


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m trainer_core prior",
        allow_abbrev=False,
        description="Draws what the base model makes of the activation tag alone, before anything is trained.",
        epilog="All other words are the training's settings, as `train` takes them. The pictures' seeds are the training's "
        "seed + 0, 1, 2, …",
    )
    parser.add_argument("--activation", default="", metavar="TAG", help="the tag")
    parser.add_argument("--count", type=positive, default=8, metavar="N", help="how many pictures (default 8)")
    parser.add_argument("--steps", type=positive, default=20, metavar="N", help="sampling steps (default 20)")
    parser.add_argument("--cfg", type=float, default=7.0, metavar="X", help="guidance (default 7)")
    parser.add_argument("--sampler", default="Euler a", help=f"one of {', '.join(SAMPLERS)} (default Euler a)")
    parser.add_argument("--schedule", default=AUTOMATIC, help=f"its noise levels: one of {', '.join(SCHEDULES)}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: prior/<tag> in output_dir")
    parser.add_argument("--batch_size", type=positive, default=4, metavar="N", help="pictures drawn at once (default 4)")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print the result for machines")
    return parser
