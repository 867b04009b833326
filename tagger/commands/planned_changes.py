"""A planned change of captions: shown as a diff with counts, or written."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from ..captions import join_tags
from ..edit import Planned
from ..folder import Dataset, open_folder
from ..journal import apply_changes, settle
from .command_line import relative, say

_SHOWN = 20


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", "--dry_run", action="store_true", help="show what would change, and change nothing")
    parser.add_argument("--all", action="store_true", help=f"with --dry-run: show every caption, not the first {_SHOWN}")


def opened(asked: argparse.Namespace, changes: bool = True) -> Dataset:
    """The folder of a command; before one that `changes` captions, what a crash left half done there is finished."""
    asked.finished = settle(asked.folder.expanduser()) if changes and not asked.dry_run else []
    return open_folder(asked.folder, asked.recursive, asked.caption_extension)


def carry_out(asked: argparse.Namespace, dataset: Dataset, planned: Planned, what: str, looked_at: int) -> int:
    """Shows the plan, and without --dry-run writes it as one numbered change."""
    folder = dataset.folder
    content: dict[str, Any] = {
        "looked_at": looked_at,
        "changed": len(planned.changes),
        "added": dict(planned.added.most_common()),
        "removed": dict(planned.removed.most_common()),
        "left_alone": [relative(entry.picture, folder) for entry in planned.emptied],
        "dry_run": asked.dry_run,
        "change": None,
        "failed": [],
    }
    lines = []
    if asked.dry_run:
        shown = planned.entries if asked.all or asked.json else planned.entries[:_SHOWN]
        content["captions"] = [
            {"path": relative(entry.caption.path, folder), "before": old, "after": new} for entry, old, new in shown
        ]
        for entry, old, new in shown:
            lines += [relative(entry.caption.path, folder), f"  - {join_tags(old)}", f"  + {join_tags(new)}"]
        if len(shown) < len(planned.entries):
            lines.append(f"… and {len(planned.entries) - len(shown)} more; --all shows them.")
        lines.append(f"{_captions(len(planned.changes))} of {looked_at} would change.")
    else:
        lines += [f"“{one.what}”, which was cut off, was finished first." for one in asked.finished]
        batch = apply_changes(folder, planned.changes, what)
        content |= {"changed": batch.written, "change": batch.number}
        content["failed"] = [{"path": relative(path, folder), "reason": reason} for path, reason in batch.failed]
        lines.append(
            f"{_captions(batch.written)} of {looked_at} changed" + (f" (change {batch.number})." if batch.number else ".")
        )
        lines += [f"{relative(path, folder)} can't be written: {reason}." for path, reason in batch.failed]
    lines += _counts("taken out", planned.removed) + _counts("put in", planned.added)
    lines += [f"{relative(entry.caption.path, folder)} would be empty and is left as it is." for entry in planned.emptied]
    say(asked, content, lines)
    return 1 if content["failed"] else 0


def _counts(verb: str, counts: Counter[str]) -> list[str]:
    if not counts:
        return []
    told = [f"{tag} ({count})" for tag, count in counts.most_common(_SHOWN)]
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return [f"{verb}: {', '.join(told)}{more}"]


def _captions(count: int) -> str:
    return f"{count} caption" if count == 1 else f"{count} captions"
