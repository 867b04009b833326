"""What the base model already draws for the activation tag alone: the job that draws it, and its pictures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...trainer_core.generate.sampler_names import SAMPLERS
from ..errors import MISSING, NOT_NOW, Refused
from ..grid_options import TEST_DEFAULTS, checked_test_options
from ..rights import shown
from .calls import PREFIX, Answer, Call, Route
from .general import as_run, settings_of
from .grid_asked import open_project
from .grids import picture

_PICTURE = re.compile(r"[0-9]{4}\.png")
_SET = re.compile(r"[0-9a-f]{12}")


def prior_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that draws the tag alone, without any LoRA."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    given = checked_test_options(call.body.get("options") or {}, call.workbench.rights)
    options = {**TEST_DEFAULTS, **project["test"], **given}
    settings = as_run(call, settings_of(call, call.body.get("settings"), project), project)
    tag = options["prior_prompt"].strip() or ", ".join(project["tag"]["first"])
    if not tag:
        raise Refused("There is no activation tag yet: write here the word that will call your LoRA.")
    words = {
        "activation": tag,
        "count": options["prior_count"],
        "sampler": options["sampler"],
        "steps": options["steps"],
    }
    made = [str(settings.get("pretrained_model_name_or_path")), *(words[name] for name in ("activation", "sampler", "steps"))]
    name = hashlib.sha256(repr(made).encode()).hexdigest()[:12]  # what is drawn otherwise lies elsewhere
    words["out"] = str(_folder(call, project) / name)
    return tag, {"settings": settings, "options": words, "asked": {**given, "prior_prompt": tag}}


def _folder(call: Call, project: Mapping[str, Any]) -> Path:
    return call.workbench.projects.path(project["name"]) / "prior"


def get_prior(call: Call) -> Answer:
    """The pictures that were drawn last, and for which words."""
    project = open_project(call)
    readers = call.workbench.jobs.refresh()
    newest = next(
        (one for one in readers if one.kind == "prior" and one.job.get("project") == project["name"] and one.state != "queued"),
        None,
    )
    options = newest.job.get("options") if newest else None
    if not isinstance(options, dict):
        return {"words": "", "pictures": [], "samplers": SAMPLERS}
    folder, count = _folder(call, project) / Path(options["out"]).name, int(options["count"])
    names = [f"{number:04d}.png" for number in range(1, count + 1)]
    found = [{"set": folder.name, "name": name, "mark": mark} for name in names if (mark := _mark(folder / name))]
    return {"words": options["activation"], "pictures": found, "samplers": SAMPLERS}


def _mark(path: Path) -> str:
    """Changes with the file; empty where there is none."""
    try:
        return f"{path.stat().st_mtime_ns:x}"
    except OSError:  # not drawn yet
        return ""


def get_picture(call: Call) -> Answer:
    folder, name = call.query.get("set", ""), call.query.get("name", "")
    if not _SET.fullmatch(folder) or not _PICTURE.fullmatch(name):
        raise Refused(f"No picture is called {shown(name)}.", MISSING)
    return picture(call, _folder(call, open_project(call)) / folder / name)


ROUTES = (
    Route("GET", f"{PREFIX}/test/prior", get_prior, "what the base drew for the activation tag alone"),
    Route("GET", f"{PREFIX}/test/prior/picture", get_picture, "one of these pictures", query=("set", "name", "size", "mark")),
)
