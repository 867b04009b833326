"""What the resident helper answers for the guide's part of the page: advice for the pictures, and mends of the plan's problems.

`plan_fix` takes {"settings", "code"}: what was mended, with the settings that changed. `plan_unfix` takes {"folder"} and moves
what a mend moved in it back.
"""

from __future__ import annotations

from typing import Any

from .questions import Request, path_of, settings_of, text_of


def answer(what: str, request: Request) -> dict[str, Any]:
    """One of the answers above."""
    return _ANSWERS[what](request)


def _fix(request: Request) -> dict[str, Any]:
    from .plan import make_plan
    from .planning.fixes import fix

    return fix(text_of(request, "code"), make_plan(settings_of(request))).as_dict()


def _unfix(request: Request) -> dict[str, Any]:
    from .planning.moves import undo_moves

    return {"moved": len(undo_moves(path_of(request, "folder")).pairs)}


_ANSWERS = {"plan_fix": _fix, "plan_unfix": _unfix}
ANSWERS = tuple(_ANSWERS)
