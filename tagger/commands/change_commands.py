"""`undo`, `redo`, `changes`: the numbered changes of a folder's captions."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..journal import Undone, changes, redo, undo
from .command_line import add_command, relative, say


def add(commands: Any) -> None:
    back = add_command(commands, "undo", run_undo, "take back the last change of captions, byte for byte", pictures=False)
    back.add_argument("--change", type=int, metavar="N", help="take back the change of that number")
    again = add_command(commands, "redo", run_redo, "bring back what was undone, or finish what was cut off", pictures=False)
    again.add_argument("--change", type=int, metavar="N", help="bring back the change of that number")
    add_command(commands, "changes", run_changes, "list the changes that can be undone", pictures=False)


def run_undo(asked: argparse.Namespace) -> int:
    folder = asked.folder.expanduser()
    return _tell(asked, undo(folder, asked.change), folder, "Undone", "as they were before")


def run_redo(asked: argparse.Namespace) -> int:
    folder = asked.folder.expanduser()
    return _tell(asked, redo(folder, asked.change), folder, "Done again", "as they were after it")


def _tell(asked: argparse.Namespace, done: Undone, folder: Path, verb: str, how: str) -> int:
    lines = [f"{verb}: {done.what} ({len(done.restored)} files {how})."]
    lines += [f"{path} was changed since then and was left as it is." for path in done.edited]
    lines += [f"{path} can't be written: {reason}." for path, reason in done.failed]
    content = {
        "change": done.number,
        "what": done.what,
        "restored": len(done.restored),
        "edited": [relative(path, folder) for path in done.edited],
        "failed": [{"path": relative(path, folder), "reason": reason} for path, reason in done.failed],
    }
    say(asked, content, lines)
    return 1 if done.failed else 0


def run_changes(asked: argparse.Namespace) -> int:
    found = changes(asked.folder.expanduser())
    lines = [f"{one.number:6d}  {one.time}  {one.state:10s} {one.files:6d} files  {one.what}" for one in found]
    say(asked, {"changes": [asdict(one) for one in found]}, lines or ["No captions were changed here yet."])
    return 0
