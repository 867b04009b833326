"""What the resident helper is asked about a loop: how far it is, and to write decisions down. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import UserError
from . import decisions
from .project import NAME, read_project
from .status import status

QUESTIONS = ("loop_read", "loop_decide")


def answer(what: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """loop_read {"folder"}, loop_decide {"folder", "what", "names"} → the status, with `there`; UserError where it can't be."""
    folder = Path(str(request.get("folder") or ""))
    if not folder.is_absolute():
        raise UserError("A loop's folder is needed, as a whole path.")
    if not (folder / NAME).is_file():
        return {"there": False}
    if what == "loop_decide":
        _decide(folder, request.get("what_to_do"), request.get("names"))
    return {"there": True, **status(folder)}


def _decide(folder: Path, what: Any, names: Any) -> None:
    if what not in (*decisions.VERBS, "next") or not isinstance(names, list) or bool(names) == (what == "next"):
        raise UserError(f"A decision is one of {', '.join(decisions.VERBS)} with names of pictures, or next.")
    line = (what, [str(name) for name in names])
    decisions.require_known(read_project(folder), [line])
    decisions.write(folder, [line])
