"""`tag`: captions by one or several WD taggers."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...trainer_core.files import data_folder
from ...trainer_core.problems import UserError, WordsError
from ...trainer_core.text_files import decode
from ..captions import MODES, same_tag, typed_tags
from .command_line import add_command, say, share_of_one


def add(commands: Any) -> None:
    tag = add_command(commands, "tag", run_tag, "write captions with a WD tagger")
    model = tag.add_argument_group("models")
    model.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="MODEL",
        help="a tagger's folder or .onnx file, or its name on the hub, such as wd-swinv2-tagger-v3; several combine",
    )
    model.add_argument(
        "--combine",
        choices=("mean", "union"),
        default="mean",
        help="several models: mean of their scores (default), or all that any sees",
    )
    model.add_argument("--threads", type=int, default=None, metavar="N", help="of the CPU for the model (default: all)")
    which = tag.add_argument_group("which tags")
    which.add_argument(
        "--threshold",
        type=_threshold,
        default=0.35,
        metavar="0…1|model",
        help="for general tags (default 0.35); model: what each model's authors suggest",
    )
    which.add_argument(
        "--character_threshold", type=share_of_one, default=0.85, metavar="0…1", help="for characters (default 0.85)"
    )
    which.add_argument(
        "--tag_thresholds", type=Path, metavar="FILE", help='thresholds of single tags: a JSON file {"tag": 0.5, …}'
    )
    which.add_argument("--mcut", action="store_true", help="thresholds at the largest gap between scores, for each picture")
    which.add_argument("--exclude", metavar="A,B", type=typed_tags, default=[], help="tags that no caption gets")
    which.add_argument("--rating", choices=("no", "first", "last"), default="no", help="where the rating goes (default no)")
    text = tag.add_argument_group("how they are written")
    text.add_argument(
        "--mode", choices=MODES, default="if-empty", help="captions there: default if-empty fills only empty ones"
    )
    text.add_argument("--yes", action="store_true", help="really overwrite, with --mode overwrite")
    text.add_argument(
        "--first", metavar="TAG", type=typed_tags, default=[], help="goes first in every caption: the activation tag"
    )
    text.add_argument("--last", metavar="TAG", type=typed_tags, default=[], help="goes last in every caption")
    text.add_argument("--name_as_tag", action="store_true", help="the file's name is a tag, after --first")
    text.add_argument("--characters_first", action="store_true", help="characters before general tags")
    text.add_argument("--series_apart", action="store_true", help="characters' name_(series) as two tags")
    text.add_argument("--underscores", action="store_true", help="keep underscores, as the model's list has them")
    tag.add_argument("--no_cache", action="store_true", help="neither use nor keep what taggers saw before")
    tag.add_argument(
        "--data_dir", type=Path, metavar="DIR", help="where models and results are kept (default ~/lora_workbench)"
    )


def _threshold(text: str) -> float | str:
    return text if text == "model" else share_of_one(text)


def run_tag(asked: argparse.Namespace) -> int:
    if asked.mode == "overwrite" and not asked.yes:
        raise WordsError("--mode overwrite replaces captions, those written by hand too: add --yes if that is meant.")
    from ..batch import Plan, tag_folder
    from ..cache import opened_store
    from ..hub import find_or_download
    from ..results import Choice

    data = data_folder(asked.data_dir)
    shown = _Shown(asked.json)
    models = [find_or_download(name, data / "models" / "taggers", shown.download) for name in asked.model]
    with opened_store(None if asked.no_cache else data / "cache") as store:
        summary = tag_folder(
            asked.folder,
            [_loaded(model, asked.threads) for model in models] if asked.threads else models,
            plan=Plan(asked.mode, asked.first, asked.last, asked.name_as_tag, asked.caption_extension),
            choice=Choice(
                Choice.threshold if asked.threshold == "model" else asked.threshold,
                asked.character_threshold,
                asked.mcut,
                asked.underscores,
                asked.characters_first,
                asked.rating,
                asked.exclude,
                _tag_thresholds(asked.tag_thresholds),
                asked.series_apart,
            ),
            own_thresholds=asked.threshold == "model",
            combine=asked.combine,
            recursive=asked.recursive,
            store=store,
            progress=shown.progress,
            stop=_stop_at_ctrl_c(),
        )
    failed = [{"path": str(path), "reason": reason} for path, reason in summary.skipped]
    counts = {name: getattr(summary, name) for name in ("written", "kept", "unchanged", "untagged", "stopped", "change")}
    say(asked, {**counts, "failed": failed, "notes": summary.notes}, [*summary.notes, *summary.text().splitlines()])
    return 1 if summary.stopped or summary.skipped else 0


def _loaded(model: Path, threads: int) -> Any:
    from ..model import Tagger

    return Tagger.load(model, threads)


def _tag_thresholds(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    try:
        content = json.loads(decode(path.read_bytes())[0])
        return {same_tag(tag): float(value) for tag, value in content.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f'{path} is no JSON file of thresholds such as {{"hat": 0.5}} ({error}): mend it.') from None


def _stop_at_ctrl_c() -> Callable[[], bool]:
    """The first Ctrl+C writes what was tagged and stops, a second one stops at once."""
    asked = []

    def note(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nWriting what was tagged so far; Ctrl+C again stops at once.", file=sys.stderr)

    try:
        signal.signal(signal.SIGINT, note)
    except ValueError:
        return lambda: False  # not the main thread: whoever called has its own way to stop
    return lambda: bool(asked)


class _Shown:
    """Progress on one line of the terminal; in a file or pipe only the end of it."""

    def __init__(self, as_json: bool) -> None:
        self._out = sys.stderr if as_json else sys.stdout
        self._begun = time.monotonic()

    def progress(self, done: int, total: int, _: Path | None) -> None:
        if done == 0:
            self._begun = time.monotonic()
        elif self._out.isatty() or done == total:
            rate = done / max(time.monotonic() - self._begun, 1e-6)
            end = "\n" if done == total else "\r"
            print(
                f"{done} of {total}, {rate:.1f} a second, {(total - done) / rate:.0f} s left   ",
                end=end,
                file=self._out,
                flush=True,
            )

    def download(self, name: str, there: int, total: int) -> None:
        whole = total and there >= total
        if self._out.isatty() or whole:
            share = f"{100 * there / total:.0f} %" if total else ""
            end = "\n" if whole else "\r"
            print(f"{name}: {there / 1e6:.0f} of {total / 1e6:.0f} MB {share}   ", end=end, file=self._out, flush=True)
