"""Opens the store of what taggers saw; tagging goes on without it where it can't be used. Standard library only."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from .store import Store


@contextlib.contextmanager
def opened_store(cache: Path | None) -> Iterator[Store | None]:
    """The store in the cache folder, None where none is wanted or the file can't be used (which is said)."""
    if cache is None:
        yield None
        return
    try:
        store = Store(cache)
    except (sqlite3.Error, OSError) as error:
        print(f"Results are not kept, since {cache} can't be used ({error}).", file=sys.stderr)
        yield None
        return
    try:
        yield store
    finally:
        store.close()
