"""Changes of caption files in batches: a crash at any moment loses nothing, and each batch is undone byte for byte.

What a file was and what it becomes is on the disk, in the change's journal, before the file itself is touched. A change that
a crash left half done is finished by `settle` or `redo`, or taken back by `undo`. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from ..trainer_core.events import JobLock
from ..trainer_core.problems import UserError
from .caption_writes import forget, put, read_bytes, sync_all
from .captions import Change
from .journal_files import (
    DONE,
    DROPPED,
    JOURNALS,
    UNDOING,
    UNDONE,
    WRITING,
    changes_of,
    head_and_count,
    held,
    is_alive,
    line,
    listed,
    lock_file,
    no_journal,
    packed_line,
    read_change,
    sync_folder,
)


class Batch:
    """One numbered change, written portion by portion; a context manager. Nothing is left of it where nothing was written."""

    def __init__(self, folder: Path, what: str) -> None:
        self.folder, self.what = folder, what
        self.number: int | None = None
        self.written = 0
        self.failed: list[tuple[Path, str]] = []
        self._file: BinaryIO | None = None
        self._alive: JobLock | None = None

    def __enter__(self) -> Batch:
        return self

    def write(self, changes: Sequence[Change]) -> list[Change]:
        """Journals the changes, then writes them; returns those written. Files that can't be, or that someone changed in the
        meantime, are added to `failed`. Raises UserError where the journal itself can't be written: then nothing is."""
        if not changes:
            return []
        with held(self.folder):
            if self._file is None:
                self._begin()
            lines = [packed_line(change, self.folder) for change in changes]
            self._append(b"".join([*lines, line({"portion": len(changes)})]))
            done = []
            for change in changes:
                reason = _carry_out(change.path, change.before, change.after, self.number or 0)
                if reason:
                    self.failed.append((change.path, reason))
                else:
                    done.append(change)
        self.written += len(done)
        return done

    def _begin(self) -> None:
        try:
            place = self.folder / JOURNALS
            known = listed(self.folder)
            for number, state, path in known:
                if state == UNDONE:  # the way that it was on is left now
                    path.rename(path.with_name(f"{number:06d}{DROPPED}{path.suffix}"))
            self.number = max((number for number, _, _ in known), default=0) + 1
            self._alive = JobLock(lock_file(self.folder, self.number))
            self._alive.acquire()
            self._file = (place / f"{self.number:06d}{WRITING}.jsonl").open("xb")
        except OSError as error:
            raise no_journal(self.folder, error) from None
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._append(line({"what": self.what, "time": made}))
        sync_folder(place)

    def _append(self, content: bytes) -> None:
        if self._file is None:
            raise RuntimeError("the change is not begun")
        try:
            self._file.write(content)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise no_journal(self.folder, error) from None

    def __exit__(self, *_: object) -> None:
        """Ends the change; after an error too, since what is written is journalled."""
        if self._file is None:
            return
        with held(self.folder):
            sync_all()
            self._append(line({"end": self.written}))
            self._file.close()
            path = Path(self._file.name)
            if self.written:
                path.rename(path.with_name(f"{self.number:06d}{DONE}.jsonl"))
            else:
                path.unlink()
                self.number = None
            if self._alive:
                self._alive.release(remove=True)


def apply_changes(folder: Path, changes: Sequence[Change], what: str) -> Batch:
    """All the changes as one numbered change; its `number` is None where there was nothing to write."""
    settle(folder)
    with Batch(folder, what) as batch:
        batch.write(changes)
    return batch


@dataclass(frozen=True)
class Numbered:
    """A change as it is listed; `state`: done, undone, or unfinished (a crash left it, or it is being written)."""

    number: int
    what: str
    time: str
    files: int
    state: str


@dataclass
class Undone:
    """What an undo or redo did: the changes' description, files restored, and those left alone as they were edited later."""

    number: int
    what: str
    restored: list[Path] = field(default_factory=list)
    edited: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)


def described(number: int, path: Path, state: str) -> Numbered:
    try:
        head, files = head_and_count(path)
    except UserError:
        return Numbered(number, "damaged", "", 0, state)
    return Numbered(number, str(head.get("what", "")), str(head.get("time", "")), files, state)


def changes(folder: Path) -> list[Numbered]:
    """Newest first."""
    names = {DONE: "done", UNDONE: "undone", DROPPED: "undone"}
    while True:
        with contextlib.suppress(
            FileNotFoundError
        ):  # one has another name now, since it ended or was undone: all are listed anew
            return [described(number, path, names.get(state, "unfinished")) for number, state, path in listed(folder)[::-1]]


def undo(folder: Path, number: int | None = None) -> Undone:
    """Takes back the last change, or the one of that number; one that a crash left half done is taken back too.

    Files that were edited after it are left alone. UserError where there is none.
    """
    _some(folder, "undo")
    with held(folder):
        ready = [one for one in listed(folder) if one[1] not in (UNDONE, DROPPED) and not is_alive(folder, one[0])]
        chosen = _chosen(ready, number, folder, "undo", last=True)
        return _turn(folder, chosen, UNDOING, UNDONE)


def redo(folder: Path, number: int | None = None) -> Undone:
    """Brings the last undone change back, or finishes what a crash left half done. UserError where there is none."""
    _some(folder, "redo")
    with held(folder):
        idle = [one for one in listed(folder) if not is_alive(folder, one[0])]
        ready = [one for one in idle if one[1] != DONE and (one[1] != DROPPED or number is not None)]
        return _turn(folder, _chosen(ready, number, folder, "redo", last=False), WRITING, DONE)


def settle(folder: Path) -> list[Undone]:
    """Finishes what a crash left half done: changes are carried out, undos too. What a living process writes is left to it."""
    if not (folder / JOURNALS).is_dir():
        return []
    with held(folder):
        half = [one for one in listed(folder) if one[1] in (WRITING, UNDOING) and not is_alive(folder, one[0])]
        return [_turn(folder, one, one[1], DONE if one[1] == WRITING else UNDONE) for one in half]


def _turn(folder: Path, chosen: tuple[int, str, Path], on_the_way: str, at_the_end: str) -> Undone:
    """Brings a change's files to their state before it (UNDOING) or after it (WRITING)."""
    number, state, path = chosen
    head, entries = read_change(path)
    done = Undone(number, str(head.get("what", "")))
    turned = list(changes_of(folder, path, entries))  # all of it is read before anything is touched: it may be damaged
    working = path.with_name(f"{number:06d}{on_the_way}{path.suffix}")
    path.rename(working)
    crashed = state in (WRITING, UNDOING)
    if crashed:  # it may have left a temporary file
        for change in turned:
            forget(change.path, number)
    for change in turned if on_the_way == WRITING else reversed(turned):
        old, new = (change.before, change.after) if on_the_way == WRITING else (change.after, change.before)
        try:
            now = read_bytes(change.path)
        except OSError as error:
            done.failed.append((change.path, error.strerror or str(error)))
            continue
        if now == new:
            continue
        if now != old and not (crashed and _is_torn(now)):
            done.edited.append(change.path)
            continue
        reason = _carry_out(change.path, now, new, number)
        if reason:
            done.failed.append((change.path, reason))
        else:
            done.restored.append(change.path)
    sync_all()
    if not done.failed:  # else the next undo, redo or change tries again
        working.rename(path.with_name(f"{number:06d}{at_the_end}{path.suffix}"))
        lock_file(folder, number).unlink(missing_ok=True)
    return done


def _is_torn(content: bytes | None) -> bool:
    """Whether a power cut may have left this in place of a file that was just written: nothing but zeros, or nothing."""
    return content is not None and not content.strip(b"\0")


def _carry_out(path: Path, before: bytes | None, after: bytes | None, number: int) -> str:
    """Writes one file; why it could not be, or ""."""
    try:
        if read_bytes(path) != before:
            return "it was changed in the meantime and is left as it is"
        put(path, after, number)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _some(folder: Path, verb: str) -> None:
    """Refuses where nothing was ever written, so that asking alone makes no folder."""
    if not (folder / JOURNALS).is_dir():
        raise _nothing(folder, verb)


def _nothing(folder: Path, verb: str) -> UserError:
    said = "no batch of captions was written there" if verb == "undo" else "no change was undone there since the last one"
    return UserError(f"There is nothing to {verb} in {folder}: {said}.")


def _chosen(
    ready: list[tuple[int, str, Path]], number: int | None, folder: Path, verb: str, last: bool
) -> tuple[int, str, Path]:
    if number is not None:
        ready = [one for one in ready if one[0] == number]
        if not ready:
            raise UserError(f"There is no change {number} to {verb} in {folder}: `changes` lists them.")
    if not ready:
        raise _nothing(folder, verb)
    return ready[-1 if last else 0]
