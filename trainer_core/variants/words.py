"""The words of `python -m trainer_core variants`: its own options; all others are the training's settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generate.option_words import Parser, option_words, plain_word, positive
from ..generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from ..problems import WordsError

EPILOG = """
All other words are the training's settings, as `train` takes them: give the same --config_file, or the same flags. Used are
pretrained_model_name_or_path, vae, resolution, seed, clip_skip, caption_extension and mixed_precision.

  variants pictures/10_mia --pictures mia.png --count 4 --config_file run.toml
  variants pictures/10_mia --pictures mia.png --mask hand.png --only_masked --config_file run.toml
  variants pictures/10_mia --over mia-v002.png --mask face.png --only_masked --config_file run.toml
  variants pictures/10_mia --accept mia-v002.png
  variants pictures/10_mia --undo mia-v002.png      takes it out again, with its caption, where nobody changed it
"""


@dataclass(frozen=True)
class VariantOptions:
    """What is to be done. `prompt`: in place of the pictures' captions; `accept`, `reject`, `undo`: names of variants.

    `over`: a variant that is drawn over in place of its picture; `to`: a folder in the dataset for those that are accepted.
    """

    dataset: Path
    pictures: tuple[str, ...]
    all: bool
    over: str
    count: int
    denoise: float
    mask: Path | None
    only_masked: bool
    lora: Path | None
    strength: float
    prompt: str
    negative: str
    steps: int
    cfg: float
    sampler: str
    schedule: str
    batch_size: int
    review: Path | None
    accept: tuple[str, ...]
    reject: tuple[str, ...]
    undo: tuple[str, ...]
    to: str
    tagger: str
    threshold: float
    status: bool
    as_json: bool

    @property
    def draws(self) -> bool:
        return not (self.accept or self.reject or self.undo or self.status)

    @property
    def to_folder(self) -> Path | None:
        """Where accepted ones go; None: beside their sources."""
        return self.dataset / self.to if self.to else None


def read_words(argv: Sequence[str]) -> tuple[VariantOptions, list[str]]:
    """The options and the words that are left for the settings; WordsError with what is wrong."""
    if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
        raise WordsError("variants' first word is the folder of the pictures: variants DIR …")
    known, rest = _parser().parse_known_args([plain_word(word) for word in argv])
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in vars(known).items()}
    options = VariantOptions(**{**values, "dataset": known.dataset.expanduser().absolute()})
    if options.draws and not (options.pictures or options.all or options.over):
        raise WordsError("variants needs --pictures with names, or --all.")
    if options.over and (options.pictures or options.all):
        raise WordsError("--over is drawn in place of its picture: leave --pictures and --all out.")
    if options.pictures and options.all:
        raise WordsError("--all is all pictures: give it, or --pictures.")
    if options.mask is not None and not options.over and (options.all or len(options.pictures) != 1):
        raise WordsError("--mask is of one picture: give that one with --pictures.")
    if options.undo and set(options.undo) & {*options.accept, *options.reject}:
        raise WordsError("--undo takes a decision back: give a variant there, or in --accept or --reject, but not in both.")
    if options.only_masked and options.mask is None:
        raise WordsError("--only_masked needs --mask, a picture that is white where it is to be redrawn.")
    return options, rest


def read_options(values: Any, dataset: Path, review: Path) -> VariantOptions:
    """The options of a drawing job from JSON values, by the names of the words; WordsError with what is wrong."""
    options, rest = read_words([str(dataset), f"--review={review}", *option_words(values)])
    if rest or not options.draws:
        raise WordsError(f"variants: {rest[0] if rest else 'a decision'} is not an option of a job.")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m trainer_core variants",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Draws variants of training pictures, or redraws a part of one, and takes the good ones into the dataset.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("dataset", type=Path, metavar="DIR", help="the folder of training pictures")
    drawn = parser.add_argument_group("what is drawn").add_argument
    drawn("--pictures", nargs="+", action="extend", default=[], metavar="NAME", help="which of them")
    drawn("--all", action="store_true", help="all of them")
    drawn("--over", default="", metavar="VARIANT", help="a variant to draw over, such as to redraw its hands with --mask")
    drawn("--count", type=positive, default=4, metavar="N", help="variants of each (default 4)")
    drawn("--denoise", type=float, default=0.7, metavar="X", help="how far from the picture, up to 1 (default 0.7)")
    drawn("--mask", type=Path, metavar="FILE", help="white is redrawn, black stays as it is, byte for byte")
    drawn("--only_masked", action="store_true", help="draws the part around the mask by itself, with more detail")
    drawn("--lora", type=Path, metavar="FILE", help="a LoRA to draw with")
    drawn("--strength", type=float, default=1.0, metavar="X", help="its strength (default 1)")
    drawn("--prompt", default="", metavar="TEXT", help="in place of the pictures' captions")
    drawn("--negative", default="", metavar="TEXT", help="negative prompt")
    drawn("--steps", type=positive, default=30, metavar="N", help="sampling steps (default 30), of which --denoise are done")
    drawn("--cfg", type=float, default=6.0, metavar="X", help="guidance, 5 to 7: higher teaches glaring colours (default 6)")
    drawn("--sampler", default="Euler a", metavar="NAME", help=f"one of {', '.join(SAMPLERS)} (default Euler a)")
    drawn("--schedule", default=AUTOMATIC, metavar="NAME", help=f"its noise levels: one of {', '.join(SCHEDULES)}")
    drawn("--batch_size", type=positive, default=4, metavar="N", help="pictures drawn at once (default 4)")
    chosen = parser.add_argument_group("what becomes of them").add_argument
    chosen("--review", type=Path, metavar="DIR", help="where they wait for a look; default: in the data folder")
    chosen("--accept", nargs="+", action="extend", default=[], metavar="NAME", help="takes these into the dataset")
    chosen("--reject", nargs="+", action="extend", default=[], metavar="NAME", help="says that these are no good")
    chosen("--undo", nargs="+", action="extend", default=[], metavar="NAME", help="takes decisions on these back")
    chosen("--to", default="", metavar="FOLDER", help="with --accept: a folder in the dataset; else beside the source")
    chosen("--tagger", default="", metavar="MODEL", help="with --accept: it writes the caption; else it is the source's")
    chosen("--threshold", type=float, default=0.35, metavar="X", help="its tags above this score (default 0.35)")
    chosen("--status", action="store_true", help="which wait, and which were taken")
    chosen("--json", dest="as_json", action="store_true", help="with --status: for machines")
    return parser
