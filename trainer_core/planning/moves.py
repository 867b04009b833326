"""Files and folders of a dataset, moved so that it can be undone: what goes where is on the disk before anything is moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..files import file_sha256, read_json, write_json
from ..problems import UserError

# Hidden, so that no scan takes it for pictures; beside the captions' journal.
JOURNAL = Path(".lora_workbench") / "moves"
Pairs = Sequence[tuple[Path, Path]]


@dataclass(frozen=True)
class Move:
    """A numbered batch of moves: (from, to), in the order in which they were made; `made`: new files and their SHA-256."""

    journal: Path
    pairs: tuple[tuple[Path, Path], ...]
    made: tuple[tuple[Path, str], ...] = ()


def move_all(root: Path, pairs: Pairs, made: Sequence[Path] = ()) -> None:
    """Moves each `from` to its `to`, journalled in `root`. UserError where one can't be moved: then none is.

    made: files that were written for it, and go away with its undo, unless somebody changed them.
    """
    pairs = _in_order(pairs)
    sources = [source for source, _ in pairs]
    for source, target in pairs:
        if not source.exists():
            raise UserError(f"{source} is gone, so nothing was moved: look at the plan again.")
        if target.exists() and target not in sources:
            raise UserError(f"{target} exists already, so nothing was moved: rename it, and try again.")
    try:
        journal = _begin(root, pairs, made)
    except OSError as error:
        raise UserError(
            f"Nothing was moved, because the way back can't be written to {root / JOURNAL} ({_why(error)})."
        ) from None
    done: list[tuple[Path, Path]] = []
    for source, target in pairs:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
        except OSError as error:
            _back(done)
            journal.unlink()
            raise UserError(f"{source} can't be moved to {target} ({_why(error)}), so nothing was moved.") from None
        done.append((source, target))


def undo_moves(root: Path) -> Move:
    """Takes the last batch back, also one that a crash left half done. UserError where there is none, or that can't be."""
    journals = sorted((root / JOURNAL).glob("*.json"))
    if not journals:
        raise UserError(f"Nothing was moved in {root} that could be moved back.")
    last = _read(root, journals[-1])
    moved = _made_moves(last.pairs)
    targets = [target for _, target in moved]
    for source, target in moved:
        if source.exists() and source not in targets:
            raise UserError(f"{target} can't be moved back: {source} exists again. Rename one of them, and try again.")
    try:
        _back(moved)
    except OSError as error:
        raise UserError(f"The moves can't be taken back ({_why(error)}): mend that, and try again.") from None
    for path, mark in last.made:
        if path.is_file() and file_sha256(path) == mark:
            path.unlink()
    journals[-1].unlink()
    return Move(last.journal, tuple(moved), last.made)


def _in_order(pairs: Pairs) -> list[tuple[Path, Path]]:
    """One that takes another's place comes after it. UserError where they go in a circle."""
    rest, ordered = list(pairs), []
    while rest:
        ready = next((one for one in rest if all(one[1] != source for source, _ in rest)), None)
        if ready is None:
            raise UserError(f"{rest[0][0]} and {rest[0][1]} would change places, so nothing was moved: rename one of them.")
        rest.remove(ready)
        ordered.append(ready)
    return ordered


def _made_moves(pairs: Pairs) -> list[tuple[Path, Path]]:
    """Those that a crash didn't prevent; what stands at a place that was not left yet is not what was to come there."""
    sources, moved = {source for source, _ in pairs}, []
    for source, target in pairs:
        if target.exists() and (target not in sources or target in [one for one, _ in moved]):
            moved.append((source, target))
    return moved


def _back(pairs: Pairs) -> None:
    for source, target in reversed(pairs):
        target.rename(source)


def _begin(root: Path, pairs: Pairs, made: Sequence[Path]) -> Path:
    """The journal of a new batch; paths are kept from `root`, so that the dataset may be moved as a whole."""
    folder = root / JOURNAL
    numbers = [int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()]
    path = folder / f"{max(numbers, default=0) + 1:06d}.json"
    marks = [[os.path.relpath(file, root), file_sha256(file)] for file in made]
    kept = [[os.path.relpath(source, root), os.path.relpath(target, root)] for source, target in pairs]
    write_json(path, {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "moves": kept, "made": marks})
    return path


def _read(root: Path, journal: Path) -> Move:
    try:
        content: Any = read_json(journal)
        pairs = tuple((_within(root, source), _within(root, target)) for source, target in content["moves"])
        made = tuple((_within(root, name), str(mark)) for name, mark in content["made"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{journal} can't be read ({error}), so nothing can be moved back.") from None
    return Move(journal, pairs, made)


def _within(root: Path, name: str) -> Path:
    return Path(os.path.normpath(root / name))


def _why(error: OSError) -> str:
    return error.strerror or str(error)
