"""`edit`: changes captions of a folder, or of those that a filter names."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from ...trainer_core.problems import WordsError
from ...trainer_core.text_files import decode
from .. import edit
from ..captions import same_tag, typed_tags
from ..query import matching
from .command_line import add_command
from .planned_changes import add_dry_run, carry_out, opened

_QUERIES = """\
A query says which captions are meant: has:red hat and not:smile, count>20 or name:penny_*

Words:   has:TAG  not:TAG  (* and ? stand for letters)   count>20  length<=200  (tags, letters; also = < >= and 5-10)
         folder:NAME  rating:NAME  name:PART-OF-THE-FILE'S-NAME
Between: and (also where nothing stands)  or  not  ( )      "…" around what has such words in it
"""


class _Ordered(argparse.Action):
    """Remembers edits in the order in which they are written."""

    def __call__(self, parser: object, asked: argparse.Namespace, values: Any, flag: str | None = None) -> None:
        asked.edits = [*(asked.edits or []), ((flag or "").lstrip("-"), values)]


def add(commands: Any) -> None:
    parser = add_command(commands, "edit", run_edit, "change captions: several edits are done one after the other")
    parser.epilog = _QUERIES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--filter", default="", metavar="QUERY", help="only captions for which this holds (see below)")
    parser.set_defaults(edits=[])
    for flag, count, names, about in (
        ("--add_first", None, "A,B", "put tags in front"),
        ("--add", None, "A,B", "put tags at the end"),
        ("--add_at", 2, ("N", "A,B"), "put tags before the N-th"),
        ("--remove", None, "A,B", "take tags out; * and ? stand for letters"),
        ("--replace", 2, ("OLD", "NEW"), "a tag becomes another, or several (A,B)"),
        ("--regex", 2, ("PATTERN", "NEW"), "replace within tags by a regular expression"),
        ("--word", 2, ("OLD", "NEW"), "replace a word within tags"),
        ("--move_first", None, "A,B", "move tags to the front"),
        ("--move_last", None, "A,B", "move tags to the end"),
        ("--sort", None, "alphabet|frequency|FILE", "sort tags; FILE lists them in the order wanted"),
        ("--dedupe", 0, None, "take repeated tags out"),
        ("--unescape", 0, None, "take backslashes before brackets away"),
        ("--separate", 0, None, "make wide commas (， 、) plain, so that they separate tags"),
    ):
        parser.add_argument(flag, action=_Ordered, nargs=count, metavar=names, help=about)
    parser.add_argument("--keep_first", type=int, default=0, metavar="N", help="tags at the front that --sort leaves there")
    add_dry_run(parser)


def run_edit(asked: argparse.Namespace) -> int:
    if not asked.edits:
        raise WordsError("Nothing is to be edited: give an edit such as --remove smile (edit --help lists them).")
    dataset = opened(asked)
    counts = Counter(same_tag(tag) for entry in dataset.entries for tag in set(entry.tags))
    edits = [_edit(name, values, counts, asked.keep_first) for name, values in asked.edits]
    chosen = [entry for entry in matching(dataset.entries, asked.filter) if not entry.caption.empty or _fills(asked.edits)]
    said = [" ".join([name, *(values if isinstance(values, list) else [values or ""])]).strip() for name, values in asked.edits]
    return carry_out(asked, dataset, edit.plan(chosen, edits), f"edited: {', '.join(said)}", len(chosen))


def _fills(edits: list[tuple[str, Any]]) -> bool:
    """Whether an edit puts tags into captions that hold nothing."""
    return any(name.startswith("add") for name, _ in edits)


def _edit(name: str, values: Any, counts: Counter[str], keep: int) -> edit.Edit:
    tags = typed_tags(values) if isinstance(values, str) else []
    simple = {
        "add_first": lambda: edit.add(tags, "first"),
        "add": lambda: edit.add(tags),
        "remove": lambda: edit.remove(tags),
        "move_first": lambda: edit.move(tags),
        "move_last": lambda: edit.move(tags, "last"),
        "dedupe": lambda: edit.dedupe,
        "unescape": lambda: edit.unescape,
        "separate": lambda: edit.separate,
        "sort": lambda: _sort(values, counts, keep),
        "replace": lambda: edit.replace(values[0], typed_tags(values[1])),
        "regex": lambda: edit.regex(*values),
        "word": lambda: edit.word(*values),
        "add_at": lambda: edit.add(typed_tags(values[1]), _place(values[0])),
    }
    return simple[name]()


def _place(text: str) -> int:
    try:
        place = int(text)
    except ValueError:
        place = 0
    if not place:
        raise WordsError(f"--add_at {text}: a place is a number, 1 for the first or -1 for before the last.")
    return place


def _sort(how: str, counts: Counter[str], keep: int) -> edit.Edit:
    if how in ("alphabet", "frequency"):
        return edit.sort(how, counts, keep=keep)
    path = Path(how).expanduser()
    if not path.is_file():
        raise WordsError(f"--sort {how}: there is no such file; else there are alphabet and frequency.")
    return edit.sort("order", order=typed_tags(decode(path.read_bytes())[0].replace("\n", ",")), keep=keep)
