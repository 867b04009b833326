"""What was seen in picture files, kept by path, time of change and size: looked at once, quick ever after."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from .faces import Face, FaceDetector, face_look
from .look import Seen, look, seen_from

FILE = "pictures.sqlite3"
_VERSION = 1  # of what is measured: whoever changes that changes this
_FACES_VERSION = 1
_TABLE = "CREATE TABLE IF NOT EXISTS {} (path TEXT PRIMARY KEY, mark TEXT, seen TEXT) WITHOUT ROWID"
_THREADS, _AT_ONCE = min(4, os.cpu_count() or 1), 64  # pictures in memory at a time: one a thread
Told = Callable[[int, int, Path], None]  # (pictures looked at, pictures in all, the newest); what it raises ends the looking


@dataclass(frozen=True)
class Kind:
    """What is kept of each picture in which table; `version` changes when what is looked for does."""

    table: str
    version: str
    coded: Callable[[Any], Any]
    decoded: Callable[[Any], Any]


SEEN = Kind("seen", str(_VERSION), Seen.as_dict, seen_from)


def look_at(paths: Sequence[Path], cache: Path, told: Told) -> Iterator[tuple[Path, Seen]]:
    """Each picture with what is in it, in order. What was looked at by the time that `told` raises is kept."""
    Image.init()  # before the threads, so that they find all decoders
    return _looked(paths, cache, told, look, SEEN)


def faces_in(paths: Sequence[Path], cache: Path, told: Told, detector: Path) -> Iterator[tuple[Path, list[Face]]]:
    """Each picture with its faces, as the detector in that file sees them; it is loaded where a picture is new to it."""
    Image.init()
    status = detector.stat()
    version = f"{_FACES_VERSION} {detector.absolute()} {status.st_mtime_ns} {status.st_size}"
    kind = Kind("faces", version, lambda faces: [[*one.box, one.score] for one in faces], _faces)
    loaded = functools.cache(lambda: face_look(FaceDetector.load(detector)))
    lock = threading.Lock()

    def look_for_faces(path: Path) -> list[Face]:
        with lock:
            look_into = loaded()
        return look_into(path)

    return _looked(paths, cache, told, look_for_faces, kind)


def _faces(known: Any) -> list[Face]:
    return [Face((x, y, width, height), score) for x, y, width, height, score in known]


def _looked(
    paths: Sequence[Path], cache: Path, told: Told, ask: Callable[[Path], Any], kind: Kind
) -> Iterator[tuple[Path, Any]]:
    with _opened(cache, kind) as kept, ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            part = paths[start : start + _AT_ONCE]
            marks = [_mark(path, kind) for path in part]
            found = [_recalled(kept, path, mark, kind) for path, mark in zip(part, marks, strict=True)]
            new = [number for number, seen in enumerate(found) if seen is None]
            for number, seen in zip(new, pool.map(ask, [part[number] for number in new]), strict=True):
                found[number] = seen
            _keep(kept, [(part[number], marks[number], found[number]) for number in new], kind)
            yield from ((path, seen) for path, seen in zip(part, found, strict=True) if seen is not None)
            told(min(start + _AT_ONCE, len(paths)), len(paths), part[-1])


@contextlib.contextmanager
def _opened(cache: Path, kind: Kind = SEEN) -> Iterator[sqlite3.Connection]:
    """The store, or one in memory where the folder can't be used (which is said): then the next look takes as long as this."""
    database = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(cache / FILE, timeout=60, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(_TABLE.format(kind.table))
    except (OSError, sqlite3.Error) as error:
        _tell(error)
        if database is not None:
            database.close()
        database = sqlite3.connect(":memory:", isolation_level=None)
        database.execute(_TABLE.format(kind.table))
    try:
        yield database
    finally:
        database.close()


def _recalled(kept: sqlite3.Connection, path: Path, mark: str, kind: Kind) -> Any:
    """What was kept of the picture as it is now; None where nothing was."""
    row = kept.execute(f"SELECT mark, seen FROM {kind.table} WHERE path = ?", (str(path.absolute()),)).fetchone()
    if row is None or row[0] != mark:
        return None
    try:
        return kind.decoded(json.loads(row[1]))
    except (ValueError, TypeError):  # damaged: it is looked at anew
        return None


def _keep(kept: sqlite3.Connection, found: Sequence[tuple[Path, str, Any]], kind: Kind = SEEN) -> None:
    rows = [
        (str(path.absolute()), mark, json.dumps(kind.coded(seen))) for path, mark, seen in found if seen is not None and mark
    ]
    if not rows:
        return
    try:
        kept.execute("BEGIN IMMEDIATE")
        kept.executemany(f"INSERT OR REPLACE INTO {kind.table} VALUES (?, ?, ?)", rows)
        kept.execute("COMMIT")
    except sqlite3.Error as error:  # a full disk, another process: the report itself needs none of it
        if kept.in_transaction:
            kept.rollback()
        _tell(error)


def _tell(error: Exception) -> None:
    print(f"What is seen in the pictures can't be kept ({error}): the next look takes as long.", file=sys.stderr)


def _mark(path: Path, kind: Kind) -> str:
    """What changes when the file does; empty where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{kind.version} {status.st_mtime_ns} {status.st_size}"
