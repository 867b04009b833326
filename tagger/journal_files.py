"""The files in which numbered changes of captions are kept, and who may touch them. Standard library only.

A change is a file of JSON lines in the hidden folder `.lora_workbench/captions` of the folder that is worked on: a head, then
a line for each caption file with its bytes before and after. The end of the name says how far it got:
`000007.writing.jsonl` (begun), `000007.jsonl` (done), `000007.undoing.jsonl`, `000007.undone.jsonl`, `000007.dropped.jsonl`
(undone, and another change came after that: no redo brings it back unasked).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..trainer_core.events import JobLock, is_held
from ..trainer_core.problems import UserError
from .captions import Change

JOURNALS = Path(".lora_workbench") / "captions"
WRITING, DONE, UNDOING, UNDONE, DROPPED = ".writing", "", ".undoing", ".undone", ".dropped"
_TAIL = 4096  # bytes at the end that hold the last line, and more
_PATIENCE = 60.0  # seconds to wait for another process that is writing a change's files


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds the folder's journals for this process: numbers are given and files written by one at a time."""
    lock = JobLock(folder / JOURNALS / "lock")
    end = time.monotonic() + _PATIENCE
    try:
        while not lock.acquire():
            if time.monotonic() > end:
                raise UserError(f"Another program is changing captions in {folder}: wait for it, or stop it.")
            time.sleep(0.02)
    except OSError as error:
        raise no_journal(folder, error) from None
    try:
        yield
    finally:
        lock.release()


def lock_file(folder: Path, number: int) -> Path:
    """Locked by the process that is at work on the change."""
    return folder / JOURNALS / f"{number:06d}.lock"


def is_alive(folder: Path, number: int) -> bool:
    """Whether a living process is at work on the change."""
    return is_held(lock_file(folder, number))


def listed(folder: Path) -> list[tuple[int, str, Path]]:
    """(number, state, file) of every change, oldest first; .json is what versions up to 0.1 wrote."""
    found = []
    for path in (folder / JOURNALS).glob("[0-9]*.json*"):
        parts = path.name.split(".")
        if parts[0].isdigit() and parts[-1] in ("json", "jsonl"):
            found.append((int(parts[0]), f".{parts[1]}" if len(parts) == 3 else DONE, path))
    return sorted(found)


def read_change(path: Path) -> tuple[dict[str, Any], Iterator[Any]]:
    """A change's head and its files' entries; a portion without its end is one of which no file was touched yet."""
    try:
        if path.suffix == ".json":
            content = json.loads(path.read_bytes())
            return content, iter(content["changes"])
        whole = path.read_bytes()
        lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        read = [json.loads(line) for line in lines]
        whole_to = max((place for place, entry in enumerate(read) if "portion" in entry), default=0)
        return (read[0] if read else {}), (entry for entry in read[1:whole_to] if "path" in entry)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from None


def head_and_count(path: Path) -> tuple[dict[str, Any], int]:
    """A change's head and the number of its files; of one that is done only the first and the last line are read."""
    if path.suffix != ".json":
        with path.open("rb") as file:
            first = file.readline()
            file.seek(max(0, path.stat().st_size - _TAIL))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        with contextlib.suppress(ValueError, AttributeError):
            end = json.loads(last).get("end")
            if isinstance(end, int):
                return json.loads(first), end
    head, entries = read_change(path)
    return head, sum(1 for _ in entries)


def changes_of(folder: Path, journal: Path, entries: Iterator[Any]) -> Iterator[Change]:
    old = journal.suffix == ".json"
    try:
        for entry in entries:
            path = Path(entry["path"])
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} lies outside")
            yield Change(folder / path, _unpacked(entry["before"], old), _unpacked(entry["after"], old))
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(journal, error) from None


def packed_line(change: Change, folder: Path) -> bytes:
    path = change.path.absolute().relative_to(folder.absolute()).as_posix()  # a folder that was moved can still be undone
    return line({"path": path, "before": _packed(change.before), "after": _packed(change.after)})


def _packed(content: bytes | None) -> str | dict[str, str] | None:
    """Text where it is UTF-8, so that the journal can be read by eye, else base64."""
    if content is None:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}


def _unpacked(value: str | dict[str, str] | None, old: bool) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str) and not old:
        return value.encode("utf-8")
    return base64.b64decode(value if isinstance(value, str) else value["base64"], validate=True)


def line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"


def sync_folder(place: Path) -> None:
    """Makes the new file's name last; Windows can't, and needs not."""
    if os.name == "posix":
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def no_journal(folder: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(
        f"No caption in {folder} was changed, since its journal can't be written there ({reason}): mend its rights."
    )


def damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({error}), so that batch can't be undone; no caption was changed.")
