"""The words of `python -m trainer_core reg`: its own options; all others are the training's settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generate.option_words import Parser, option_words, plain_word, positive
from ..generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from ..problems import WordsError

KINDS = ("matched", "class")
SEEDS = ("same", "index")
LOW_CFG, HIGH_CFG = 5.0, 7.0
EPILOG = """
All other words are the training's settings, as `train` takes them: give the same --config_file, or the same flags. Used are
pretrained_model_name_or_path, vae, train_data_dir or dataset_config, resolution and the buckets, seed, clip_skip,
caption_extension, reg_data_dir and data_dir.

What the training's seed does here: with the same base, prompt and size it draws the same picture again, so the set can
be made again on any machine. What it doesn't do: it doesn't line up any noise. The training draws new noise and new timesteps
for regularization pictures at every step, as for all others.
"""


@dataclass(frozen=True)
class RegOptions:
    """What is to be drawn beside what the training's settings say."""

    kind: str
    class_word: str
    activation: str | None
    drop_activation: bool
    count: int
    tags: str
    out: Path | None
    folder: str
    seeds: str
    steps: int
    cfg: float
    sampler: str
    schedule: str
    prompt_end: str
    lora_folders: list[Path]
    negative: str
    batch_size: int
    redo: bool
    dry_run: bool
    as_json: bool

    @property
    def unusual_cfg(self) -> bool:
        return not LOW_CFG <= self.cfg <= HIGH_CFG


_OF_KINDS = {"matched": ("activation", "drop_activation"), "class": ("count", "tags")}


def read_options(values: Any) -> RegOptions:
    """The options from JSON values, as in a job; what belongs to the other kind of set is passed over, as in a form."""
    kind = (values.get("kind") or "matched") if isinstance(values, Mapping) else ""
    if isinstance(values, Mapping):
        others = [name for other, names in _OF_KINDS.items() if other != kind for name in names]
        values = {name: value for name, value in values.items() if name not in others}
        tags = values.get("tags")
        values = {**values, "tags": ", ".join(map(str, tags)) if isinstance(tags, list) else tags}
    options, rest = read_words(option_words(values))
    if rest:
        raise WordsError(f"reg: {rest[0].lstrip('-').partition('=')[0]} is not an option.")
    return options


def read_words(argv: Sequence[str]) -> tuple[RegOptions, list[str]]:
    """The options and the words that are left for the settings; WordsError with what is wrong."""
    known, rest = _parser().parse_known_args([plain_word(word) for word in argv])
    options = RegOptions(**vars(known))
    if options.kind == "matched":
        if options.count or options.tags:
            raise WordsError(
                "--count and --tags go with --kind class: a matched set has one picture for each training picture."
            )
        if not options.class_word and not options.drop_activation and options.activation != "":
            raise WordsError(
                "reg needs --class_word, the word that takes the activation tag's place (1girl), or --drop_activation."
            )
    else:
        if not options.class_word:
            raise WordsError("reg --kind class needs --class_word, such as 1girl.")
        if options.count < 1:
            raise WordsError("reg --kind class needs --count, how many pictures to draw.")
        if options.activation is not None or options.drop_activation:
            raise WordsError("--activation and --drop_activation go with --kind matched.")
    if any(mark in options.folder for mark in '/\\:*?"<>|') or options.folder.strip(". ") != options.folder:
        raise WordsError(f"--folder {options.folder!r} is not the name of a folder: give one such as 1_girl.")
    return options, rest


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m trainer_core reg",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Draws regularization pictures with the training's base model. Run again, it draws only what changed.",
        epilog=EPILOG,
    )

    def add(name: str, what: str, **words: Any) -> None:
        parser.add_argument(f"--{name}", help=what, **words)

    add("kind", "matched: one for each training picture, of its name (default); class: --count pictures", choices=KINDS,
        default="matched")  # fmt: skip
    add("class_word", "takes the activation tag's place; the prompt's beginning with --kind class", default="", metavar="TAG")
    add("activation", "the activation tag; default: the tag that most captions begin with. Empty: captions as they are",
        metavar="TAG")  # fmt: skip
    add("drop_activation", "takes the activation tag out and puts nothing in its place", action="store_true")
    add("count", "with --kind class: how many pictures", type=positive, default=0, metavar="N")
    add("tags", "with --kind class: tags after the class word", default="", metavar="TAGS")
    add("out", "the folder for the set; default: reg_data_dir", type=Path, metavar="DIR")
    add("folder", "name of the folder in it; default 1_<class word>", default="", metavar="NAME")
    add("seeds", "same: every picture has the training's seed (default); index: the seed + 0, 1, 2, …; --kind class always",
        choices=SEEDS, default="same")  # fmt: skip
    add("steps", "sampling steps (default 30)", type=positive, default=30, metavar="N")
    add("cfg", "guidance, 5 to 7 is usual (default 6)", type=float, default=6.0, metavar="X")
    add("sampler", f"one of {', '.join(SAMPLERS)} (default DDIM)", default="DDIM", metavar="NAME")
    add("schedule", f"its noise levels: one of {', '.join(SCHEDULES)}", default=AUTOMATIC, metavar="NAME")
    add("prompt_end", "put behind every prompt, but not into captions: tags, or LoRAs as <lora:name:0.8>", default="",
        metavar="TEXT")  # fmt: skip
    add("lora_folders", "where LoRAs lie that prompts name", nargs="+", action="extend", type=Path, default=[], metavar="DIR")
    add("negative", "negative prompt", default="", metavar="TEXT")
    add("batch_size", "pictures drawn at once (default 4)", type=positive, default=4, metavar="N")
    add("redo", "draw stale pictures anew; only ours that nobody changed are replaced", action="store_true")
    add("dry_run", "say what would be drawn, and draw nothing", action="store_true")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print the result for machines")
    return parser
