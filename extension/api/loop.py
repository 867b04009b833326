"""The rare-character loop of a project: how far it is, decisions about its candidates, and the job that goes on with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...trainer_core.picture_names import is_picture
from ..errors import MISSING, NOT_NOW, Refused
from ..loop_options import checked_loop_options, trainer_loop_options
from ..models import allowed_tagger
from ..rights import file_name, inside, shown
from .calls import PREFIX, Answer, Call, Route
from .general import as_run, settings_of, translated
from .grids import open_project, picture

VERBS = ("accept", "reject", "undo", "drop", "next")
_CANDIDATE = re.compile(r"r([0-9]{2,})-[0-9]{3,}\.png")
_KINDS = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".bmp": "image/bmp"}
_MOST_BEGUN, _MOST_NAMES = 30, 1000
_SHOWN = ("name", "kind", "state", "round", "caption", "distance", "source", "scores", "decided", "dropped")


def loop_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that begins the project's loop or goes on with it."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    asked, tagger = call.body.get("options"), ""
    if isinstance(asked, Mapping) and "tagger" in asked:  # what the page shows where none was chosen
        tagger = allowed_tagger(asked["tagger"], call.workbench.rights)
        asked = {name: value for name, value in asked.items() if name != "tagger"}
    options = checked_loop_options({} if asked is None else asked, call.workbench.rights)
    if options["accept_by"] == "tagger" and not options["wanted"].strip(" ,"):
        raise Refused("Write the tags that the tagger must see to accept a picture.")
    settings = as_run(call, settings_of(call, call.body.get("settings"), project), project)
    if not settings.get("pretrained_model_name_or_path"):
        raise Refused("First choose a base model, at the top.", NOT_NOW)
    first, tagger = project["tag"]["first"], str(project["tag"].get("model") or tagger)
    if not first:
        raise Refused("There is no activation tag yet: write here the word that will call your LoRA.")
    if not tagger:
        raise Refused("No tagger is chosen: choose one in the Tag tab; it writes the captions.")
    folder = _folder(call, project)
    start = [] if (folder / "loop.json").is_file() else _start(call, project)
    words = {**trainer_loop_options(options), "tag": first[0], "tagger": tagger}
    content = {"folder": str(folder), "settings": settings, "options": words, "start": start, "asked": options}
    return str(project["name"]), content


def _folder(call: Call, project: Mapping[str, Any]) -> Path:
    return call.workbench.projects.path(project["name"]) / "loop"


def _start(call: Call, project: Mapping[str, Any]) -> list[str]:
    """The pictures of the project's dataset: a loop begins with one, or a few."""
    folder = call.workbench.rights.may_hold_pictures(project["dataset"], "The folder of pictures")
    found = sorted(path for path in folder.rglob("*") if is_picture(path.name)) if folder.is_dir() else []
    if not found:
        raise Refused("The dataset has no picture to begin with: one is enough.", NOT_NOW)
    if len(found) > _MOST_BEGUN:
        raise Refused(f"The dataset has {len(found)} pictures: a loop is for a handful; train with these right away.", NOT_NOW)
    return [str(path) for path in found]


def get_loop(call: Call) -> Answer:
    """The project's loop with all its pictures; {"there": false} where none was begun."""
    return _asked(call, "loop_read")


def post_decide(call: Call) -> Answer:
    """Writes a decision into the loop's file, whether or not a job works on it just now. `project`: whose loop; else the open
    project's."""
    call.only("what", "names", "project")
    what, names = call.body.get("what"), call.body.get("names", [])
    if what not in VERBS:
        raise Refused(f"A decision is one of {', '.join(VERBS)}, not {shown(what)}.")
    if not isinstance(names, list) or len(names) > _MOST_NAMES or bool(names) == (what == "next"):
        raise Refused("names must be a list of pictures' names, and empty for next.")
    return _asked(call, "loop_decide", what_to_do=what, names=[file_name(one, "A picture's name") for one in names])


def _asked(call: Call, question: str, **values: Any) -> Answer:
    name = call.body.get("project")
    folder = _folder(call, open_project(call) if name is None else call.workbench.projects.read(name))
    call.workbench.rights.may_write(str(folder), "The loop's folder")
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask(question, folder=str(folder), **values)
    if not found["there"]:
        if values:
            raise Refused("There is no loop in this project yet.", MISSING)
        return {"there": False}
    shown_pictures = [_picture(one) for one in found["pictures"] if one["state"] != "planned"]
    kept = {name: found[name] for name in ("there", "tag", "rounds", "round", "phase", "by_round", "next_pictures", "notes")}
    return translated({**kept, "pictures": shown_pictures}, call)


def _picture(one: Mapping[str, Any]) -> dict[str, Any]:
    request = one["request"]
    return {
        **{name: one[name] for name in _SHOWN},
        "source": Path(str(one["source"])).name,
        "prompt": request.get("prompt", ""),
        "seed": request.get("seed"),
        "checkpoint": Path(one["checkpoint"]).name if one["checkpoint"] else "",
        "mark": str(one["sha256"])[:16],
    }


def get_picture(call: Call) -> Answer:
    """A candidate, or a picture that the loop began with."""
    folder, name = _folder(call, open_project(call)), call.query.get("name", "")
    candidate = _CANDIDATE.fullmatch(name)
    places = [f"rounds/{candidate[1]}/candidates"] if candidate else ["start", "added"]
    if not is_picture(name) or "/" in name:
        raise Refused(f"No picture is called {shown(name)}.", MISSING)
    paths = [inside(folder, f"{place}/{name}", "The picture") for place in places]
    path = next((path for path in paths if path.is_file()), paths[0])
    reply = picture(call, path)
    return (
        replace(reply, kind=_KINDS[path.suffix.lower()]) if reply.content == path and path.suffix.lower() in _KINDS else reply
    )


ROUTES = (
    Route("GET", f"{PREFIX}/test/loop", get_loop, "the project's rare-character loop, with all its pictures"),
    Route(
        "POST",
        f"{PREFIX}/test/loop/decide",
        post_decide,
        "accepts, rejects, undoes, drops; next",
        body=("what", "names", "project"),
    ),
    Route("GET", f"{PREFIX}/test/loop/picture", get_picture, "one of the loop's pictures", query=("name", "size", "mark")),
)
