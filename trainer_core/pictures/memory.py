"""What was seen in picture files, kept by path, time of change and size: looked at once, quick ever after."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from .look import Seen, look, seen_from

FILE = "pictures.sqlite3"
_VERSION = 1  # of what is measured: whoever changes that changes this
_TABLE = "CREATE TABLE IF NOT EXISTS seen (path TEXT PRIMARY KEY, mark TEXT, seen TEXT) WITHOUT ROWID"
_THREADS, _AT_ONCE = min(4, os.cpu_count() or 1), 64  # pictures in memory at a time: one a thread
Told = Callable[[int, int, Path], None]  # (pictures looked at, pictures in all, the newest); what it raises ends the looking


def look_at(paths: Sequence[Path], cache: Path, told: Told) -> Iterator[tuple[Path, Seen]]:
    """Each picture with what is in it, in order. What was looked at by the time that `told` raises is kept."""
    Image.init()  # before the threads, so that they find all decoders
    with _opened(cache) as kept, ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            part = paths[start : start + _AT_ONCE]
            marks = [_mark(path) for path in part]
            found = [_recalled(kept, path, mark) for path, mark in zip(part, marks, strict=True)]
            new = [number for number, seen in enumerate(found) if seen is None]
            for number, seen in zip(new, pool.map(look, [part[number] for number in new]), strict=True):
                found[number] = seen
            _keep(kept, [(part[number], marks[number], found[number]) for number in new])
            yield from ((path, seen) for path, seen in zip(part, found, strict=True) if seen is not None)
            told(min(start + _AT_ONCE, len(paths)), len(paths), part[-1])


@contextlib.contextmanager
def _opened(cache: Path) -> Iterator[sqlite3.Connection]:
    """The store, or one in memory where the folder can't be used (which is said): then the next look takes as long as this."""
    database = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(cache / FILE, timeout=60, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(_TABLE)
    except (OSError, sqlite3.Error) as error:
        _tell(error)
        if database is not None:
            database.close()
        database = sqlite3.connect(":memory:", isolation_level=None)
        database.execute(_TABLE)
    try:
        yield database
    finally:
        database.close()


def _recalled(kept: sqlite3.Connection, path: Path, mark: str) -> Seen | None:
    row = kept.execute("SELECT mark, seen FROM seen WHERE path = ?", (str(path.absolute()),)).fetchone()
    if row is None or row[0] != mark:
        return None
    try:
        return seen_from(json.loads(row[1]))
    except (ValueError, TypeError):  # damaged: it is looked at anew
        return None


def _keep(kept: sqlite3.Connection, found: Sequence[tuple[Path, str, Seen | None]]) -> None:
    rows = [(str(path.absolute()), mark, json.dumps(seen.as_dict())) for path, mark, seen in found if seen and mark]
    if not rows:
        return
    try:
        kept.execute("BEGIN IMMEDIATE")
        kept.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", rows)
        kept.execute("COMMIT")
    except sqlite3.Error as error:  # a full disk, another process: the report itself needs none of it
        if kept.in_transaction:
            kept.rollback()
        _tell(error)


def _tell(error: Exception) -> None:
    print(f"What is seen in the pictures can't be kept ({error}): the next look takes as long.", file=sys.stderr)


def _mark(path: Path) -> str:
    """What changes when the file does; empty where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{_VERSION} {status.st_mtime_ns} {status.st_size}"
