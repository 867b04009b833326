"""Regularization pictures: what a set should hold and what it holds, and the job that draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import NOT_NOW, Refused
from ..reg_options import REG_DEFAULTS, checked_reg_options, reg_root, trainer_options
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route
from .general import as_run, settings_of, translated

_PATIENCE = 600.0  # the first look at a base model reads all of it
_SHOWN = ("there", "caption", "seed", "width", "height", "state", "why")
_MOST_EXTRA = 200


def post_plan(call: Call) -> Answer:
    """Each picture of the set with its state, beside the training picture that it belongs to."""
    call.only("settings", "options")
    project = call.workbench.projects.current()
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    settings, options, root = _asked(call, project, call.body.get("options"))
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask("reg_plan", settings=settings, options=trainer_options(options, root), patience=_PATIENCE)
    return translated({**_shown(found, Path(settings.get("train_data_dir") or "/")), "root": str(root)}, call)


def reg_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that draws the set; `redo` among the request's options draws stale pictures too."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    asked, redo = call.body.get("options"), False
    if isinstance(asked, dict):
        redo = asked.get("redo", False)
        if not isinstance(redo, bool):
            raise Refused(f"redo can't be {shown(redo)}.")
        asked = {name: value for name, value in asked.items() if name != "redo"}
    settings, options, root = _asked(call, project, asked)
    content = {"settings": settings, "options": trainer_options(options, root, redo=redo), "asked": {**options, "redo": redo}}
    return str(project["name"]), content


def _asked(call: Call, project: dict[str, Any], asked: Any) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Settings of the run, options of the set with the project's where none are asked, and the set's root."""
    settings = as_run(call, settings_of(call, call.body.get("settings", {}), project), project)
    kept = {**REG_DEFAULTS, **project["reg"]}
    options = {**kept, **checked_reg_options({} if asked is None else asked, call.workbench.rights, kept)}
    return settings, options, reg_root(call.workbench.projects.path(project["name"]), options["way"])


def _shown(found: dict[str, Any], dataset: Path) -> dict[str, Any]:
    """The helper's answer with names in folders in place of paths."""
    pictures = [
        {
            "train": _name_in(dataset, one["picture"]),
            "reg": Path(one["reg"]).name,
            "mark": _mark(Path(one["reg"])) if one["there"] else "",
            **{name: one[name] for name in _SHOWN},
        }
        for one in found["pictures"]
    ]
    return {
        **{
            name: found[name]
            for name in ("kind", "folder", "activation", "class_word", "seed", "cfg_unusual", "to_draw", "counts")
        },
        "pictures": pictures,
        "without_caption": [_name_in(dataset, one) or Path(one).name for one in found["without_caption"]],
        "not_trained": [Path(one).name for one in found["not_trained"][:_MOST_EXTRA]],
        "extra": [Path(one).name for one in found["extra"][:_MOST_EXTRA]],
    }


def _name_in(dataset: Path, path: str | None) -> str | None:
    """The picture's name in the dataset; None where it lies elsewhere."""
    if path is None or dataset not in Path(path).parents:
        return None
    return Path(path).relative_to(dataset).as_posix()


def _mark(path: Path) -> str:
    """Changes with the file, so that browsers show a picture that was drawn anew."""
    try:
        return f"{path.stat().st_mtime_ns:x}"
    except OSError:  # taken away just now
        return ""


ROUTES = (
    Route(
        "POST",
        f"{PREFIX}/reg/plan",
        post_plan,
        "which regularization pictures are there, and which would be drawn",
        body=("settings", "options"),
    ),
)
