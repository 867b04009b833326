"""Changes caption files so that every change can be undone byte for byte.

Before a file is touched, a journal in the data folder says what was in it and what will be, and is synced. So a batch
that was killed in the middle can be undone too. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..trainer_core.events import JobLock
from ..trainer_core.files import data_folder, write_atomically
from ..trainer_core.problems import UserError

DONE, UNDONE = ".jsonl", ".undone"


class CaptionEdit:
    """One undoable edit of a folder's captions; a context manager. Nothing is made until something is written."""

    def __init__(self, folder: Path, what: str, data_dir: Path | None = None) -> None:
        self.folder, self.what = folder.resolve(), what
        self.journal: Path | None = None
        self._journals = journal_folder(self.folder, data_dir)
        self._lock = JobLock(self._journals / "lock")

    def __enter__(self) -> CaptionEdit:
        _hold(self._lock, self.folder)
        return self

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def write(self, texts: Mapping[Path, str]) -> list[Path]:
        """Writes new texts (UTF-8) to files in the folder; those that hold them already stay untouched. The changed ones."""
        changes: dict[Path, tuple[bytes | None, bytes]] = {}
        for path, text in texts.items():
            before, after = _content(path), text.encode("utf-8")
            if before != after:
                changes[path] = (before, after)
        if changes:
            self._note(changes)
        for path, (_, after) in changes.items():
            write_atomically(path, after)
        return list(changes)

    def _note(self, changes: Mapping[Path, tuple[bytes | None, bytes]]) -> None:
        lines = []
        if self.journal is None:
            number = 1 + max((int(path.name[:6]) for path in self._journals.glob("[0-9]" * 6 + "*")), default=0)
            self.journal = self._journals / f"{number:06d}{DONE}"
            lines.append({"folder": str(self.folder), "what": self.what, "time": time.strftime("%Y-%m-%d %H:%M:%S")})
        for path, (before, after) in changes.items():
            name = path.resolve().relative_to(self.folder).as_posix()
            lines.append({"file": name, "before": _packed(before), "after": _packed(after)})
        with self.journal.open("ab") as file:
            file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())


@dataclass
class Undone:
    """What an undo did: files put back, and files that were left because they were changed since, or can't be written."""

    what: str
    restored: list[Path] = field(default_factory=list)
    left: list[tuple[Path, str]] = field(default_factory=list)


def undo(folder: Path, data_dir: Path | None = None) -> Undone:
    """Takes back the folder's last edit that was not taken back yet; UserError where there is none."""
    folder = folder.resolve()
    journals = journal_folder(folder, data_dir)
    lock = JobLock(journals / "lock")
    _hold(lock, folder)
    try:
        last = max(journals.glob(f"*{DONE}"), default=None)
        if last is None:
            raise UserError(f"No edit of the captions in {folder} is left to undo.")
        undone = _put_back(folder, _read(last))
        if not undone.left:
            os.replace(last, last.with_suffix(UNDONE))
        return undone
    finally:
        lock.release()


def _put_back(folder: Path, lines: list[dict[str, str | None]]) -> Undone:
    """Newest change first, so that a file that was written twice gets its first content back."""
    undone = Undone(str(lines[0].get("what", "")))
    for line in reversed(lines[1:]):
        path = folder / str(line["file"])
        before, after = _unpacked(line["before"]), _unpacked(line["after"])
        now = _content(path)
        if now == before:
            continue
        if now != after:
            undone.left.append((path, "it was changed since"))
            continue
        try:
            if before is None:
                path.unlink()
            else:
                write_atomically(path, before)
        except OSError as error:
            undone.left.append((path, error.strerror or str(error)))
            continue
        undone.restored.append(path)
    return undone


def journal_folder(folder: Path, data_dir: Path | None = None) -> Path:
    """Where the journals of a folder's edits lie, in the data folder; the name says which folder it is."""
    mark = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return data_folder(data_dir) / "caption_edits" / f"{folder.name}-{mark}"


def _hold(lock: JobLock, folder: Path) -> None:
    if not lock.acquire():
        raise UserError(f"Another program is editing the captions in {folder}: wait until it has ended.")


def _read(journal: Path) -> list[dict[str, str | None]]:
    """A journal's lines. A last line that was cut off is passed over: its file wasn't touched yet."""
    lines = []
    for line in journal.read_bytes().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    if not lines:
        raise UserError(f"The journal {journal} is damaged: nothing was undone; remove it to undo the edit before it.")
    return lines


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _packed(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
