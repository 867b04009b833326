"""`check` and `stats`: what is wrong with captions, and what is in them."""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median
from typing import Any

from ...trainer_core.files import data_folder
from .. import edit
from ..cache import opened_store
from ..captions import typed_tags
from ..check import NOTE, Finding, check, too_long
from ..confidence import doubts
from ..folder import Dataset, open_folder
from ..journal import apply_changes, settle
from ..query import matching
from ..stats import stats
from .command_line import add_command, relative, say, share_of_one

_SHOWN = 20


def add(commands: Any) -> None:
    parser = add_command(commands, "check", run_check, "list captions that need a look; exit status 1 if any")
    parser.add_argument(
        "--first", metavar="TAG", type=typed_tags, default=[], help="the activation tag, which every caption should begin with"
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="put the activation tag first, take repeated tags and escapes out, make wide commas plain",
    )
    parser.add_argument("--tokens", type=int, choices=(75, 150, 225), help="also list captions with more tokens than that")
    parser.add_argument(
        "--confidence", type=share_of_one, metavar="0…1", help="also list tags to which the tagger gave less than that"
    )
    parser.add_argument("--no_notes", action="store_true", help="faults alone, without what may well be meant so")
    parser.add_argument("--all", action="store_true", help=f"every file, not the first {_SHOWN} of each kind")
    parser.add_argument("--data_dir", type=Path, metavar="DIR", help="where results are kept (default ~/lora_workbench)")
    table = add_command(commands, "stats", run_stats, "count pictures, captions and tags")
    table.add_argument("--filter", default="", metavar="QUERY", help="only captions for which this holds (edit --help)")
    table.add_argument("--all", action="store_true", help="every tag, not the most frequent ones")


def run_check(asked: argparse.Namespace) -> int:
    dataset = open_folder(asked.folder, asked.recursive, asked.caption_extension)
    lines, change = [], None
    if asked.mend:
        settle(dataset.folder)
        batch = apply_changes(dataset.folder, _mended(dataset, asked.first).changes, "mended what check found")
        change = batch.number
        lines.append(f"{batch.written} captions mended" + (f" (change {change})." if change else "."))
        dataset = open_folder(asked.folder, asked.recursive, asked.caption_extension)
    found = check(dataset, asked.first)
    filled = [entry for entry in dataset.entries if not entry.caption.empty]
    if asked.tokens:
        from ...trainer_core.models.tokenizer import count_tokens

        found += too_long(filled, asked.tokens, count_tokens)
    if asked.confidence is not None:
        found += _doubtful(dataset, asked)
    found = [one for one in found if not (asked.no_notes and one.severity == NOTE)]
    faults = [one for one in found if one.severity != NOTE]
    for one in found:
        lines += _told(one, dataset, asked.all)
    if not faults:
        lines.append("Every picture has a caption and nothing is wrong with it.")
    content = [_as_dict(one, dataset) for one in found]
    say(asked, {"findings": content, "faults": len(faults), "mended": change}, lines)
    return 1 if faults else 0


def _mended(dataset: Dataset, first: list[str]) -> edit.Planned:
    edits = [edit.unescape, edit.separate, edit.dedupe, edit.add(first, "first"), edit.move(first)]
    return edit.plan([entry for entry in dataset.entries if not entry.caption.empty], edits)


def _doubtful(dataset: Dataset, asked: argparse.Namespace) -> list[Finding]:
    with opened_store(data_folder(asked.data_dir) / "cache") as store:
        found, known = doubts(dataset.entries, store, asked.confidence) if store else ([], 0)
    if not known:
        return [Finding("low-confidence", NOTE, "No picture's scores are known: tag the folder first, keeping results.")]
    files = [(one.picture, f"{one.tag} ({one.score:.2f})") for one in found]
    message = f"{len(found)} tags to which the tagger gave less than {asked.confidence}, of {known} pictures that it saw."
    return [Finding("low-confidence", NOTE, message, files)] if files else []


def _told(one: Finding, dataset: Dataset, everything: bool) -> list[str]:
    mend = f" `edit` with {one.mend}, or --mend, mends it." if one.mend else ""
    shown = one.files if everything else one.files[:_SHOWN]
    lines = [f"{one.severity} · {one.code}: {one.message}{mend}"]
    lines += [f"    {relative(path, dataset.folder)}: {what}" for path, what in shown]
    if len(shown) < len(one.files):
        lines.append(f"    … and {len(one.files) - len(shown)} more; --all shows them.")
    return lines


def _as_dict(one: Finding, dataset: Dataset) -> dict[str, Any]:
    files = [{"path": relative(path, dataset.folder), "what": what} for path, what in one.files]
    return {"code": one.code, "severity": one.severity, "message": one.message, "mend": one.mend, "files": files}


def run_stats(asked: argparse.Namespace) -> int:
    dataset = open_folder(asked.folder, asked.recursive, asked.caption_extension)
    if asked.filter:
        dataset = Dataset(dataset.folder, matching(dataset.entries, asked.filter), dataset.shared, dataset.orphans)
    found = stats(dataset)
    counts = sorted(found.sizes.elements())
    lines = [
        f"{found.pictures} pictures, {found.captioned} with a caption, {found.pictures - found.captioned} without.",
        f"{len(found.tags)} different tags, {len(found.once)} of them once.",
    ]
    if counts:
        lines.append(f"A caption has {counts[0]} to {counts[-1]} tags, {median(counts):.0f} in the middle.")
    limit = None if asked.all else _SHOWN
    several = len(found.places) > 1
    for place, (pictures, tags) in found.places.items() if several else [("", (found.captioned, found.tags))]:
        if several:
            lines.append(f"{place or '.'} ({pictures} captions)")
        lines += [f"{count:6d}  {100 * count / pictures:5.1f} %  {tag}" for tag, count in tags.most_common(limit)]
        if limit and len(tags) > limit:
            lines.append(f"        … and {len(tags) - limit} more; --all shows them.")
    say(asked, found.as_dict(), lines)
    return 0
