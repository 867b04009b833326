"""What taggers saw, kept in the cache folder: the same picture and model are never computed twice. Standard library only.

Keyed by the picture's bytes and the model's, so that moved and renamed files are known, and changed ones are not. Of the
thousands of scores of a picture those are kept that can matter.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .labels import Label, spaced

FILE = "tags.sqlite3"
LOWEST = 0.01  # scores below are not kept; whoever wants lower ones has them computed
_VERSION = 1  # of how pictures are prepared: whoever changes that changes this
_TABLES = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INT, changed INT, content BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (
    key TEXT PRIMARY KEY, path TEXT, size INT, changed INT, labels TEXT, used REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (
    content BLOB, model TEXT, places BLOB, scores BLOB, PRIMARY KEY (content, model)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Scores:
    """A picture's scores that were kept: their places in the model's tag list, and the scores."""

    places: array
    scores: array


class Store:
    """Usable from several threads and processes. Raises sqlite3.Error where the file can't be used."""

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(cache / FILE, timeout=60, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def content_of(self, path: Path) -> bytes | None:
        """The hash of a file's bytes, if it is the file that was remembered (by size and time of change)."""
        found = os.stat(path)
        row = self._one("SELECT size, changed, content FROM files WHERE path = ?", (str(path.absolute()),))
        return row[2] if row and row[:2] == (found.st_size, found.st_mtime_ns) else None

    def scores(self, content: bytes, model: str) -> Scores | None:
        row = self._one("SELECT places, scores FROM scores WHERE content = ? AND model = ?", (content, model))
        if row is None:
            return None
        places, scores = array("I"), array("f")
        places.frombytes(row[0])
        scores.frombytes(row[1])
        return Scores(places, scores)

    def remember(self, files: Iterable[tuple[Path, os.stat_result, bytes]], found: Iterable[tuple[bytes, str, Scores]]) -> None:
        """Adds files, as they were when they were read, with their hashes, and scores; all or none of them."""
        seen = [(*_identity(path.absolute(), stat), content) for path, stat, content in files]
        rows = [(content, model, one.places.tobytes(), one.scores.tobytes()) for content, model, one in found]
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", seen)
                self._database.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            except sqlite3.Error:
                self._database.rollback()
                raise

    def model_key(self, path: Path, labels: Sequence[Label]) -> str:
        """The model's key: the hash of its bytes and its tag list, kept while the file is the same."""
        path = path.absolute()
        identity = _identity(path, os.stat(path))
        listed = json.dumps([[label.raw, label.category] for label in labels], ensure_ascii=False)
        with self._lock:
            known = self._database.execute(
                "SELECT key FROM models WHERE path = ? AND size = ? AND changed = ? AND labels = ?", (*identity, listed)
            ).fetchone()
        key = known[0] if known else _model_hash(path, listed)
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?)", (key, *identity, listed, time.time())
            )
        return key

    def last_model(self) -> tuple[str, list[str]] | None:
        """Key and tags (with spaces) of the model that was used last."""
        row = self._one("SELECT key, labels FROM models ORDER BY used DESC LIMIT 1", ())
        return (row[0], [spaced(raw) for raw, _ in json.loads(row[1])]) if row else None

    def _one(self, query: str, values: tuple) -> tuple | None:
        with self._lock:
            return self._database.execute(query, values).fetchone()


def content_key(content: bytes) -> bytes:
    """The key of a picture: the hash of its file's bytes."""
    return hashlib.blake2b(content, digest_size=20).digest()


def _identity(path: Path, found: os.stat_result) -> tuple[str, int, int]:
    return str(path), found.st_size, found.st_mtime_ns


def _model_hash(path: Path, listed: str) -> str:
    digest = hashlib.sha256(f"{_VERSION} {listed}".encode())
    for part in [path, *sorted(path.parent.glob(f"{path.name}*data"))]:
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()[:40]
