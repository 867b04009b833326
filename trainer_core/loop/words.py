"""The words of `python -m trainer_core loop`: what to do, the loop's options, and the training's settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from ..generate.request import SAMPLERS
from ..presets import load_preset
from ..problems import WordsError
from ..settings import ALL, Settings, read_settings
from .options import BY, LoopOptions

EPILOG = """
All other words are the training's settings, as `train` takes them (--config_file, --preset, flags). Where neither a preset
nor a file is given, the preset new_project is taken; where neither epochs nor steps are given, 10 epochs.

DIR/prompts.txt is the project's suite: one prompt a line, SUBJECT stands for the activation tag. Edit it at any time.
DIR/loop.json says of every picture where it is from.

  loop DIR --start me.png --tag mia --tagger wd-swinv2-tagger-v3 --pretrained_model_name_or_path base.safetensors
  loop DIR --accept r01-003.png r01-007.png --reject r01-001.png
  loop DIR --next               the rest of this round's candidates stay out
  loop DIR                      goes on
"""
DEFAULT_PRESET, EPOCHS = "new_project", 10
# Given by the loop for each round.
OWN_SETTINGS = ("train_data_dir", "dataset_config", "output_dir", "output_name", "job_dir", "resume", "in_json")
_LENGTHS = ("max_train_epochs", "max_train_steps")


@dataclass(frozen=True)
class Actions:
    """What is to be done once. `decisions`: (what, names) for accept, reject, undo, drop and next, in this order."""

    folder: Path
    start: tuple[Path, ...]
    prompt: tuple[str, ...]
    prompts: str
    suite: tuple[str, ...]
    decisions: tuple[tuple[str, tuple[str, ...]], ...]
    add: Path | None
    made_from: str
    status: bool
    stop: bool
    no_wait: bool
    as_json: bool


def read_words(argv: Sequence[str]) -> tuple[Actions, dict[str, Any], list[str]]:
    """What to do, the options that were given, and the words left for the settings; WordsError with what is wrong."""
    if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
        raise WordsError("loop's first word is the loop's folder: loop DIR …")
    known, rest = _parser().parse_known_args([_plain(word) for word in argv])
    values = vars(known)
    options = {one.name: values.pop(one.name) for one in fields(LoopOptions) if one.name in values}
    decisions = tuple((what, tuple(values.pop(what))) for what in ("accept", "reject", "undo", "drop") if what in values)
    if values.pop("next", False):
        decisions = (*decisions, ("next", ()))
    actions = Actions(
        folder=Path(values["folder"]).expanduser().absolute(),
        start=tuple(Path(one).expanduser() for one in values.get("start", ())),
        prompt=tuple(values.get("prompt", ())),
        prompts=values.get("prompts", ""),
        suite=tuple(values.get("suite", ())),
        decisions=decisions,
        add=Path(values["add"]).expanduser() if values.get("add") else None,
        made_from=values.get("made_from", ""),
        status=values.get("status", False),
        stop=values.get("stop", False),
        no_wait=values.get("no_wait", False),
        as_json=values.get("as_json", False),
    )
    if actions.made_from and not actions.add:
        raise WordsError("--from goes with --add: it names the picture that the added one was made from.")
    return actions, options, rest


def training_settings(rest: Sequence[str] | Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The training's settings as JSON values: `known` ones with what these words change; WordsError with what is wrong.

    In place of words there may be values, as in a job: then they are all of the settings.
    """
    if isinstance(rest, Mapping):
        return Settings.from_dict(rest).as_dict(only_given=True)
    words = list(rest)
    if not known and not any(word.partition("=")[0].replace("-", "_") in ("__preset", "__config_file") for word in words):
        words = [*words, "--preset", DEFAULT_PRESET]
    given = read_settings(words, "loop").as_dict(only_given=True) if words else {}
    own = sorted(set(OWN_SETTINGS) & set(given))
    if own:
        raise WordsError(f"loop makes each round's folders itself: take {', '.join(own)} out of its settings.")
    preset = load_preset(str(given["preset"])).settings if given.get("preset") else {}
    settings = {name: value for name, value in given.items() if name not in ("preset", "config_file")}
    if given.get("max_train_steps") == preset.get("max_train_steps"):  # a preset's steps suit many pictures, not one
        settings.pop("max_train_steps", None)
    if any(name in settings for name in _LENGTHS):
        known = {name: value for name, value in known.items() if name not in _LENGTHS}
    elif not known:
        settings["max_train_epochs"] = EPOCHS
    return {**known, **{name: _from_anywhere(name, value) for name, value in settings.items()}}


def _from_anywhere(name: str, value: Any) -> Any:
    """Paths in full, so that the loop can be gone on with from any folder."""
    return str(Path(value).expanduser().absolute()) if ALL[name].kind == "path" and value else value


def _plain(word: str) -> str:
    """Hyphens in a flag's name may stand for underscores."""
    name, mark, value = word.partition("=")
    return name.replace("-", "_").replace("__", "--", 1) + mark + value if word.startswith("--") and len(word) > 2 else word


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WordsError(f"loop: {message}.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m trainer_core loop",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="From one picture to a LoRA in rounds: train quickly, draw candidates, keep the good ones, train again.",
        epilog=EPILOG,
    )
    parser.add_argument("folder", metavar="DIR", help="the loop's folder; the same command goes on where it was")
    _actions(parser.add_argument_group("what to do; nothing of these: begin, or go on"))
    _rounds(parser.add_argument_group("rounds"))
    _pictures(parser.add_argument_group("candidates"))
    return parser


def _actions(group: Any) -> None:
    def several(name: str, what: str, metavar: str = "NAME") -> None:
        group.add_argument(f"--{name}", nargs="+", action="extend", metavar=metavar, help=what)

    several("start", "the pictures to begin with: one is enough", "FILE")
    several("accept", "takes these candidates into the next round's pictures")
    several("reject", "leaves these out")
    several("undo", "takes back what was decided of these, while their round is open")
    several("drop", "takes these accepted pictures out of all later rounds")
    group.add_argument("--next", action="store_true", help="ends this round's choosing; undecided candidates stay out")
    group.add_argument(
        "--add", metavar="FILE", help="takes a picture of your own, such as a mended candidate, into the next round"
    )
    group.add_argument("--from", dest="made_from", metavar="NAME", help="with --add: the picture that it was made from")
    group.add_argument("--status", action="store_true", help="says how far it is, and does nothing")
    group.add_argument("--json", dest="as_json", action="store_true", help="with --status: for machines")
    group.add_argument("--stop", action="store_true", help="asks the process that works in DIR to stop")
    group.add_argument("--no_wait", action="store_true", help="ends where candidates wait for a decision")


def _rounds(group: Any) -> None:
    def add(name: str, what: str, **words: Any) -> None:
        group.add_argument(f"--{name}", help=what, **words)

    add("tag", "the activation tag", metavar="TAG")
    add("tagger", "a WD tagger's folder, .onnx file or name, which writes the captions", metavar="MODEL")
    add("rounds", "trainings in all (default 5); the last one draws no candidates", type=int, metavar="N")
    add("per_epoch", "pictures that an epoch shows, by repeating those there are (default 40)", type=int, metavar="N")
    add("accept_by", "person (default), or tagger: a first sort by --wanted", choices=BY)
    add("wanted", "tags that an accepted picture must show", nargs="+", action="extend", metavar="TAG")
    add("wanted_above", "the score that each of them needs (default 0.5)", type=float, metavar="X")
    add("accept_most", "how many a round the tagger may accept (default 6)", type=int, metavar="N")
    add("tries", "sets of candidates until the tagger gives up on a round (default 5)", type=int, metavar="N")
    add("threshold", "captions name tags above this score (default 0.35)", type=float, metavar="X")
    add("leave_out", "tags that captions don't name: the activation tag stands for them", nargs="+", action="extend",
        metavar="TAG")  # fmt: skip
    add("copy_limit", "a candidate nearer to a training picture is a copy and left out (default 0.08; 0: none is)",
        type=float, metavar="X")  # fmt: skip


def _pictures(group: Any) -> None:
    def add(name: str, what: str, **words: Any) -> None:
        group.add_argument(f"--{name}", help=what, **words)

    add("prompt", "prompts for prompts.txt, one each", nargs="+", action="extend", metavar="TEXT")
    add("prompts", "a text file of prompts for it", metavar="FILE")
    add("suite", "stored lists for it (default first_look other_clothes other_background)", nargs="+", action="extend",
        metavar="NAME")  # fmt: skip
    add("candidates", "pictures drawn at once (default 12)", type=int, metavar="N")
    add("checkpoints", "models to draw with, which take turns (default: the training's base)", nargs="+", action="extend",
        metavar="FILE")  # fmt: skip
    add("styles", "style LoRAs as FILE:STRENGTH, or none, which take turns", nargs="+", action="extend", metavar="FILE")
    add("strength", "the LoRA's strength (default 1)", type=float, metavar="X")
    add("negative", "negative prompt", metavar="TEXT")
    add("steps", "sampling steps (default 20)", type=int, metavar="N")
    add("cfg", "guidance, 5 to 7 is usual: higher teaches glaring colours (default 6)", type=float, metavar="X")
    add("sampler", f"one of {', '.join(SAMPLERS)} (default Euler a)", metavar="NAME")
    add("width", "default: the training's resolution", type=int, metavar="N")
    add("height", "default: the training's resolution", type=int, metavar="N")
    add("batch_size", "pictures drawn together (default 4)", type=int, metavar="N")
