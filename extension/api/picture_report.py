"""The picture report of a dataset, rectangles cut out of its pictures as new files, and taking those back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...trainer_core.files import read_json
from ...trainer_core.pictures.detectors import detectors, models_in
from ..errors import MISSING, NOT_NOW, Refused
from ..languages.translate import translate_fields
from ..rights import inside, shown
from .calls import PREFIX, Answer, Call, Route
from .general import translated
from .pictures import opened_folder, target_in

DEEDS = ("look", "cut_bars", "plain", "faces")
_REPORT = "report.json"
_SENTENCES = frozenset(("message", "fix", "words"))
_PATIENCE = 120.0
_MOST_TAGS, _MOST_NAMES, _LONGEST = 50, 500, 200


def pictures_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that looks at the project's pictures; options: deed, one of DEEDS, target, and faces, the
    detector of faces that is asked."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    options = call.body.get("options") or {}
    if not isinstance(options, dict) or any(name not in ("deed", "target", "faces") for name in options):
        raise Refused("The picture report's options are deed, target and faces.")
    deed = options.get("deed", "look")
    if deed not in DEEDS:
        raise Refused(f"deed must be one of {', '.join(DEEDS)}, not {shown(deed)}.")
    folder = call.workbench.rights.may_hold_pictures(project["dataset"], "The folder of pictures")
    if not folder.is_dir():
        raise Refused(f"The folder {folder} is not there.", MISSING)
    target = target_in(call, folder, options.get("target"), "The new pictures' folder")
    faces = _detector(call, options.get("faces"))
    if deed == "faces" and not faces:
        raise Refused("Faces are written where a detector has looked for them: choose one.")
    content = {
        "folder": str(folder),
        "settings": _settings(call, project),
        "out": str(_folder(call, project) / _REPORT),
        "options": {"deed": deed, "target": target, "faces": faces},
        "asked": {"deed": deed, "target": options.get("target") or "", "faces": faces},
    }
    return folder.name, content


_FETCHING = "Fetching a detector of faces"


def _detector(call: Call, asked: Any) -> str:
    """A known detector's name, or a file's path; "" for none. Refused where it may not be fetched or read."""
    if not asked:
        return ""
    known = detectors().get(asked) if isinstance(asked, str) else None
    if known is None:
        return str(call.workbench.rights.may_read(asked, "The detector of faces"))
    if not known.file(models_in(call.workbench.host.data)).is_file():
        call.workbench.rights.must_be_known(_FETCHING)
    return known.name


def _offered(call: Call) -> list[dict[str, Any]]:
    """The known detectors: whether each is there, and may be fetched where it isn't."""
    models, may_fetch = models_in(call.workbench.host.data), not call.workbench.rights.withheld(_FETCHING)
    told = [(one, one.file(models).is_file()) for one in detectors().values()]
    return [{"name": one.name, "license": one.license, "there": there} for one, there in told if there or may_fetch]


def _folder(call: Call, project: dict[str, Any]) -> Path:
    return call.workbench.projects.path(project["name"]) / "pictures"


def _settings(call: Call, project: dict[str, Any]) -> dict[str, Any]:
    """Of the project's settings those that pictures are looked at by."""
    found = {"caption_extension": project["tag"]["caption_extension"], "data_dir": str(call.workbench.host.data)}
    if project["settings"].get("resolution"):
        found["resolution"] = project["settings"]["resolution"]
    return found


def get_report(call: Call) -> Answer:
    """The newest report of the project's dataset as it was made; {"there": false} where there is none. `detectors`: which
    detectors of faces may be asked."""
    report = _report(call, _project(call))
    return translate_fields({"there": bool(report), **report, "detectors": _offered(call)}, _SENTENCES, call.language)


def _report(call: Call, project: dict[str, Any]) -> dict[str, Any]:
    """As it was made; empty where there is none of this dataset."""
    try:
        report = read_json(_folder(call, project) / _REPORT)
    except (OSError, ValueError):  # none yet, or damaged by hand: it is made anew
        return {}
    return report if isinstance(report, dict) and report.get("folder") == project["dataset"] else {}


def post_places(call: Call) -> Answer:
    """A picture's size, its half body, its details, its faces where the name or the report tells them, what its bars leave."""
    call.only("folder", "name")
    name = _name(call.body.get("name"))
    faces = _report(call, _project(call)).get("faces") or {}
    return _asked(call, "cut_places", name=name, faces=faces.get(name, []))


def post_cut(call: Call) -> Answer:
    """Writes a rectangle of a picture as a new file with its caption; what is there is never changed."""
    call.only("folder", "name", "box", "tags", "target")
    box, tags = call.body.get("box"), call.body.get("tags", [])
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(one, int) and 0 <= one < 1 << 20 for one in box):
        raise Refused("box must be left, top, width and height in pixels.")
    if not isinstance(tags, list) or len(tags) > _MOST_TAGS or not all(_is_tag(one) for one in tags):
        raise Refused("tags must be a list of tags.")
    folder = opened_folder(call, call.body.get("folder"))
    target = target_in(call, folder, call.body.get("target"), "The new pictures' folder")
    return translated(_asked(call, "cut", name=_name(call.body.get("name")), box=box, tags=tags, target=target), call)


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and "\n" not in value and "\0" not in value


def get_made(call: Call) -> Answer:
    """The files that were cut out of the dataset's pictures, the newest first."""
    folder = opened_folder(call, call.query.get("folder"))
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("cuts_made", folder=str(folder))


def post_back(call: Call) -> Answer:
    """Removes such files with their captions, where nobody changed them since."""
    call.only("folder", "names")
    names = call.body.get("names")
    if not isinstance(names, list) or not 0 < len(names) <= _MOST_NAMES:
        raise Refused(f"names must be 1 to {_MOST_NAMES} names of pictures.")
    return translated(_asked(call, "cut_back", names=[_name(name) for name in names]), call)


def get_aside(call: Call) -> Answer:
    """The pictures that were set aside, by name."""
    folder = opened_folder(call, call.query.get("folder"))
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("aside", folder=str(folder))


def post_aside(call: Call) -> Answer:
    """Moves pictures with their captions out of the training, or with `back` to where they were; no file is deleted."""
    call.only("folder", "names", "back")
    names, back = call.body.get("names"), call.body.get("back", False)
    if not isinstance(names, list) or not 0 < len(names) <= _MOST_NAMES:
        raise Refused(f"names must be 1 to {_MOST_NAMES} names of pictures.")
    if not isinstance(back, bool):
        raise Refused("Whether to put it back must be true or false.")
    done = _asked(call, "put_back" if back else "set_aside", names=[_name(name) for name in names])
    call.workbench.changed()
    return translated(done, call)


def _name(value: Any) -> str:
    """A picture's name in the dataset, which leads nowhere else."""
    inside(Path(), value, "The picture")
    return str(value)


def _asked(call: Call, question: str, **values: Any) -> dict[str, Any]:
    folder, project = opened_folder(call, call.body.get("folder")), _project(call)
    if call.workbench.rights.restricted and "name" in values:
        call.workbench.rights.may_read(str(folder / values["name"]), "The picture")
    call.workbench.setup.must_be_ready()
    settings = _settings(call, project)
    return call.workbench.plans.ask(question, folder=str(folder), settings=settings, patience=_PATIENCE, **values)


def _project(call: Call) -> dict[str, Any]:
    project = call.workbench.projects.current()
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    return project


_PLACE = f"{PREFIX}/picture_report"
ROUTES = (
    Route("GET", _PLACE, get_report, "what is wrong with the dataset's pictures; a job of the kind pictures looks"),
    Route(
        "POST",
        f"{_PLACE}/places",
        post_places,
        "rectangles of a picture worth cutting out",
        body=("folder", "name"),
    ),
    Route(
        "POST",
        f"{_PLACE}/cut",
        post_cut,
        "a rectangle of a picture as a new file with its caption",
        body=("folder", "name", "box", "tags", "target"),
    ),
    Route("GET", f"{_PLACE}/made", get_made, "files that were cut out of the dataset's pictures", query=("folder",)),
    Route("POST", f"{_PLACE}/back", post_back, "removes such files that are as they were made", body=("folder", "names")),
    Route("GET", f"{_PLACE}/aside", get_aside, "pictures that were set aside", query=("folder",)),
    Route("POST", f"{_PLACE}/aside", post_aside, "sets pictures aside, or puts them back", body=("folder", "names", "back")),
)
