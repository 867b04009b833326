"""Mends the plan's problems from the page: other settings, which the page takes, or changed files, which can be taken back; and
what the sizes cut off the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...tagger.journal import changes, undo
from ..asked_settings import as_asked
from ..errors import FORBIDDEN, Refused
from ..languages.translate import translate
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route
from .general import as_run, settings_of

_PATIENCE = 600.0
_CODE_LENGTH = 60
_MOST_CROPS = 500
# How the trainer says that files were changed, and what that is here.
_CHANGED = {"python -m tagger undo": "captions", "python -m trainer_core plan --undo": "moves"}


def post_fix(call: Call) -> Answer:
    """Mends one problem. `changes`: settings for the page to take; `undo`: which files were changed, or None."""
    call.only("code", "settings")
    code = call.body.get("code")
    if not isinstance(code, str) or not 0 < len(code) <= _CODE_LENGTH:
        raise Refused("code must be the code of a problem in the plan.")
    asked = settings_of(call, call.body.get("settings", {}))
    folder = _own_dataset(call, asked)
    call.workbench.setup.must_be_ready()
    settings = as_run(call, asked)
    inside = call.workbench.rights.restricted
    found = call.workbench.plans.ask("plan_fix", settings=settings, code=code, inside=inside, patience=_PATIENCE)
    what = _CHANGED.get(found["undo"])
    return {
        "message": translate(found["message"], call.language),
        "changes": [
            {"name": one["name"], "before": as_asked(one["name"], one["before"]), "after": as_asked(one["name"], one["after"])}
            for one in found["changes"]
        ],
        "undo": {"what": what, "number": _newest(folder) if what == "captions" else 0} if what else None,
    }


def post_unfix(call: Call) -> Answer:
    """Takes the last mend of files back: `what` and `number` as the mend told them."""
    call.only("what", "number", "settings")
    what, number = call.body.get("what"), call.body.get("number", 0)
    if what not in _CHANGED.values():
        raise Refused(f"what must be captions or moves, not {shown(what)}.")
    folder = _own_dataset(call, settings_of(call, call.body.get("settings", {})))
    if what == "moves":
        call.workbench.setup.must_be_ready()
        call.workbench.plans.ask("plan_unfix", folder=str(folder))
        return {}
    if isinstance(number, bool) or not isinstance(number, int):
        raise Refused(f"number must be a whole number, not {shown(number)}.")
    undo(folder, number)
    return {}


def post_crops(call: Call) -> Answer:
    """Of each picture what is trained of it, those that lose most first: `count` of them from the `start`th on."""
    call.only("settings", "start", "count")
    start, count = (call.body.get(name, default) for name, default in (("start", 0), ("count", 60)))
    for name, value, least, most in (("start", start, 0, 1 << 30), ("count", count, 1, _MOST_CROPS)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"{name} must be a whole number from {least} to {most}, not {shown(value)}.")
    settings = as_run(call, settings_of(call, call.body.get("settings", {})))
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("plan_crops", settings=settings, start=start, count=count, patience=_PATIENCE)


def _own_dataset(call: Call, settings: dict[str, Any]) -> Path:
    """The run's pictures, which a mend may change: a project must have them."""
    folder = settings.get("train_data_dir")
    if not folder or not call.workbench.projects.has_opened(Path(folder)):
        raise Refused("Only pictures of a project are mended here: choose the folder at the top.", FORBIDDEN)
    return Path(folder)


def _newest(folder: Path) -> int:
    """The number of the last batch of captions that stands; 0 where there is none."""
    return max((one.number for one in changes(folder) if one.state != "undone"), default=0)


ROUTES = (
    Route("POST", f"{PREFIX}/plan/fix", post_fix, "mends a problem of the plan", body=("code", "settings")),
    Route(
        "POST", f"{PREFIX}/plan/unfix", post_unfix, "takes a mend of files back", body=("what", "number", "settings"),
    ),
    Route(
        "POST", f"{PREFIX}/plan/crops", post_crops, "what the sizes cut off each picture", body=("settings", "start", "count"),
    ),
)  # fmt: skip
