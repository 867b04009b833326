"""The words of `python -m trainer_core grid`."""

from __future__ import annotations

import argparse
from typing import Any

from ..generate.option_words import Parser, option_words
from ..generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from .axes import AXES, SAME_AS
from .ranges import Numbers, numbers, whole_numbers

_SEVERAL: dict[str, Any] = {"nargs": "+", "action": "extend"}
_NUMBERS: dict[str, Any] = {"nargs": "+", "action": Numbers, "type": numbers}
_AXIS_NAMES = (*AXES, *SAME_AS)


def read_options(values: Any) -> argparse.Namespace:
    """The words from JSON values, as in a job: {"runs": ["out/penny.safetensors"], "te": [0.5, 1.0], …}."""
    return build_parser().parse_args(option_words(values, "runs"))


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m trainer_core grid",
        allow_abbrev=False,
        description="Draws grids of what a LoRA does, the base without it first, and makes the chosen cell the next run.",
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="out/name.safetensors or the job's folder: all its snapshots")
    parser.add_argument("--loras", **_SEVERAL, default=[], metavar="FILE", help="these files as they are, of whatever runs")
    parser.add_argument(
        "--lora_folders", **_SEVERAL, default=[], metavar="DIR", help="where LoRAs lie that prompts or --together name"
    )
    parser.add_argument("--epochs", **_SEVERAL, default=[], metavar="N", help="only these snapshots: 2 4, step150, last")
    varied = parser.add_argument_group("what varies; several values of one make an axis, ranges too: 0.5-1.5(+0.25), 0-1[5]")
    varied.add_argument("--te", **_NUMBERS, metavar="X", help="strengths of the text encoder's part")
    varied.add_argument("--unet", **_NUMBERS, metavar="X", help="strengths of the UNet's part")
    varied.add_argument("--strength", **_NUMBERS, metavar="X", help="strengths of both parts together")
    varied.add_argument("--lbw", **_SEVERAL, metavar="W", help="its block weights: presets' names or lists of numbers")
    varied.add_argument("--x", **_NUMBERS, metavar="X", help="values of X in block weights")
    varied.add_argument(
        "--together", **_SEVERAL, metavar="WORDS", help='further LoRAs put on with it: "<lora:style:0.8>", "" for none'
    )
    varied.add_argument("--checkpoints", **_SEVERAL, metavar="FILE", help="base models; default: that of the training")
    varied.add_argument(
        "--vae", metavar="FILE", help="in place of the checkpoints' own; default: the training's, \"\" for none"
    )
    varied.add_argument(
        "--seeds", **{**_NUMBERS, "type": whole_numbers}, metavar="N", help="default: those of the prompts, else 0"
    )
    varied.add_argument("--cfg", **_NUMBERS, metavar="X", help="guidance; default: those of the prompts, else 7")
    varied.add_argument("--prompt", **_SEVERAL, default=[], metavar="TEXT", help="one prompt each")
    varied.add_argument("--prompts", metavar="FILE", help="a list of prompts as for --sample_prompts")
    varied.add_argument("--suite", **_SEVERAL, default=[], metavar="NAME", help="stored lists; --suite ? names them")
    varied.add_argument("--project", default="", metavar="NAME", help="whose suites may be named too, beside those of all")
    varied.add_argument("--subject", default="", metavar="WORDS", help="what SUBJECT in a suite stands for")
    varied.add_argument(
        "--rows", metavar="AXIS", choices=_AXIS_NAMES, help=f"what the rows are: one of {', '.join(_AXIS_NAMES)}"
    )
    varied.add_argument(
        "--columns", metavar="AXIS", choices=_AXIS_NAMES, help="what the columns are; each other axis makes grids"
    )
    varied.add_argument("--no_base", action="store_true", help="without the base's pictures")
    picture = parser.add_argument_group("each picture")
    picture.add_argument("--negative", default="", metavar="TEXT", help="negative prompt")
    picture.add_argument("--width", type=int, metavar="N", help="default: the training's resolution")
    picture.add_argument("--height", type=int, metavar="N", help="the same")
    whole = {**_NUMBERS, "type": whole_numbers}
    picture.add_argument("--steps", **whole, metavar="N", help="sampling steps (default 20); several make an axis")
    picture.add_argument(
        "--sampler", **_SEVERAL, metavar="NAME", help=f"of {', '.join(SAMPLERS)} (default Euler a); several make an axis"
    )
    picture.add_argument(
        "--schedule", default=AUTOMATIC, metavar="NAME", help=f"its noise levels: one of {', '.join(SCHEDULES)}"
    )
    picture.add_argument("--clip_skip", **whole, metavar="N", help="default: the training's; several make an axis")
    picture.add_argument("--batch_size", type=int, default=4, metavar="N", help="pictures drawn at once (default 4)")
    parser.add_argument("--out", metavar="DIR", help="default: grids/NAME beside the LoRA")
    parser.add_argument(
        "--tagger", metavar="MODEL", help="a WD tagger's folder, .onnx or name, for numbers beside the pictures"
    )
    parser.add_argument("--pictures", metavar="DIR", help="the training pictures, to compare with; default: the training's")
    fault = parser.add_argument_group("whose fault it is")
    fault.add_argument("--whose_fault", metavar="CELL", help="training pictures most like that cell, and tags that stick")
    chosen = parser.add_argument_group("the next run")
    chosen.add_argument("--choose", metavar="CELL", help="a cell of the grid made before, such as e8/te1.0/unet0.5")
    chosen.add_argument("--config_file", metavar="FILE", help="what the run was trained with, where its job is not found")
    chosen.add_argument("--settings", metavar="FILE", help="where the new settings go; default: NAME-next.toml beside the LoRA")
    chosen.add_argument("--delete_others", action="store_true", help="delete the run's other snapshots")
    chosen.add_argument("--yes", action="store_true", help="really delete them")
    return parser
