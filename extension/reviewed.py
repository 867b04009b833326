"""What a user decided about a project's captions and is not asked again: merges not wanted, doubtful tags that are right."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ..trainer_core.files import read_json, write_json
from .errors import Refused

FILE = "reviewed.json"
KINDS = ("merges", "tags")
_MOST, _LONGEST, _MOST_KEPT = 2000, 2000, 100_000
_LOCK = threading.Lock()


def read_reviewed(project: Path | None) -> dict[str, set[str]]:
    """{kind: keys} of a project's folder; nothing where there is none, or its file is damaged."""
    try:
        content = read_json(project / FILE) if project else {}
    except (OSError, ValueError):
        content = {}
    known = content if isinstance(content, dict) else {}
    return {kind: {key for key in _list(known.get(kind)) if isinstance(key, str)} for kind in KINDS}


def change_reviewed(project: Path, kind: Any, add: Any, remove: Any) -> int:
    """Adds and takes back decisions; how many of the kind there are then."""
    if kind not in KINDS:
        raise Refused(f"kind must be one of {', '.join(KINDS)}.")
    for keys in (add, remove):
        good = isinstance(keys, list) and len(keys) <= _MOST
        if not good or not all(isinstance(key, str) and len(key) <= _LONGEST for key in keys):
            raise Refused(f"add and remove must be up to {_MOST} texts each.")
    with _LOCK:
        known = read_reviewed(project)
        known[kind] = (known[kind] | set(add)) - set(remove)
        if len(known[kind]) > _MOST_KEPT:
            raise Refused("There are too many decisions to be kept: take some back.")
        write_json(project / FILE, {name: sorted(keys) for name, keys in known.items()})
        return len(known[kind])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
