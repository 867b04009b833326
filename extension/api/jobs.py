"""Jobs: made, listed, watched, stopped, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...trainer_core.settings import SettingsError
from ..asked_settings import NOT_ASKED, check_values, checked_settings
from ..errors import MISSING, NOT_NOW, Refused
from ..job_reader import MOST_PROCESSES, JobReader
from ..jobs import listed, queue_of
from ..projects import checked_tag_options
from ..rights import relative_to, shown
from ..same_output import require_own_output
from .calls import PREFIX, Answer, Call, Reply, Route
from .general import as_run, settings_of, translated
from .grids import grid_job
from .loop import loop_job
from .picture_report import pictures_job
from .prior import prior_job
from .reg import reg_job
from .tools import tool_job
from .variants import variants_job

_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_MOST_LOG = 4 << 20


def get_jobs(call: Call) -> Answer:
    readers = call.workbench.jobs.refresh()
    queue = [reader.id for reader in queue_of(readers)]
    return {"jobs": [_listed(reader, readers, queue, call) for reader in readers], "queue": queue}


def get_job(call: Call) -> Answer:
    return translated({**_shown(call, _reader(call)), **_reader(call).details()}, call)


def post_jobs(call: Call) -> Answer:
    call.only("kind", "project", "settings", "folder", "options", "first", "notes")
    kind = call.body.get("kind")
    if not isinstance(kind, str) or kind not in _MAKERS:
        raise Refused(f"There are no jobs of the kind {shown(kind)}, only {', '.join(_MAKERS)}.")
    call.workbench.setup.must_be_ready()
    project = _project(call)
    title, content = _MAKERS[kind](call, project)
    reader = call.workbench.jobs.add(
        kind, title, project["name"] if project else None, content, first=call.body.get("first") is True
    )
    call.workbench.changed()
    return _shown(call, reader)


def _project(call: Call) -> dict[str, Any] | None:
    name = call.body.get("project")
    return call.workbench.projects.current() if name is None else call.workbench.projects.read(name)


def _train_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    settings = as_run(call, settings_of(call, call.body.get("settings"), project), project)
    return _checked_train_job(call, settings, project)


def _checked_train_job(call: Call, settings: dict[str, Any], project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    if "dataset_config" not in settings:
        try:
            check_values(settings)
        except SettingsError as error:
            raise Refused(str(error)) from None
    processes = settings.get("num_processes")
    if isinstance(processes, int) and processes > MOST_PROCESSES:
        raise Refused(f"One machine trains in at most {MOST_PROCESSES} processes: start more of them by hand, with torchrun.")
    require_own_output(settings, call.workbench.jobs.refresh())
    title = str(settings.get("output_name") or (project["name"] if project else "last"))
    content: dict[str, Any] = {"settings": settings}
    folder = call.workbench.host.lora_folder()
    if folder is not None:
        first = project["tag"]["first"] if project else []
        notes = str(call.body.get("notes") or (project["notes"] if project else ""))
        content["publish"] = {"folder": str(folder), "activation": ", ".join(first), "notes": notes[:2000]}
    return title, content


def _tag_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    rights = call.workbench.rights
    given = call.body.get("folder") or (project["dataset"] if project else "")
    folder = rights.may_hold_pictures(given, "The folder to tag")
    if not folder.is_dir():
        raise Refused(f"The folder {folder} is not there.", MISSING)
    if rights.hide_folders and not is_opened(call, folder):
        raise Refused("Only the project's own folder can be tagged: folders are hidden in this webui.", 403)
    asked = {**(project["tag"] if project else {}), **(call.body.get("options") or {})}
    options = checked_tag_options(asked, rights)
    if not options.get("model"):
        raise Refused("No tagger is chosen: choose one above.")
    return folder.name, {"folder": str(folder), "options": options}


def is_opened(call: Call, folder: Path) -> bool:
    """Whether the folder is a project's dataset, or lies in one."""
    return call.workbench.projects.has_opened(folder)


def get_curve(call: Call) -> Answer:
    return call.workbench.jobs.curve(call.path["id"]).since(call.number("since", 0, 0, 1 << 30))


def get_sample(call: Call) -> Answer:
    reader = _reader(call)
    path = reader.sample(call.query.get("name", ""))
    kind = _PICTURES.get(path.suffix.lower()) if path else None
    if path is None or kind is None or not path.is_file() or not _is_own(reader, path):
        raise Refused("There is no such sample picture; it may have been removed.", MISSING)
    stat = path.stat()
    return Reply(path, kind, f"{stat.st_mtime_ns:x}-{stat.st_size:x}")


def _is_own(reader: JobReader, path: Path) -> bool:
    """Samples lie in the job's folder or in its output folder."""
    settings = reader.job.get("settings") or {}
    places = [reader.folder, Path(settings["output_dir"])] if settings.get("output_dir") else [reader.folder]
    real = path.resolve()
    return any(relative_to(real, place) is not None for place in places)


def get_log(call: Call) -> Answer:
    return Reply(_reader(call).log_tail(_MOST_LOG).encode("utf-8"), "text/plain; charset=utf-8")


def post_resume(call: Call) -> Answer:
    """A new job that goes on from the last state, under the same output name."""
    old = _reader(call)
    state = old.resume_from
    if old.kind != "train" or old.state not in ("failed", "stopped") or state is None:
        raise Refused("This run left no state to go on from: start it again.", NOT_NOW)
    return _anew(call, old, {**_settings(old), "resume": state}, {"resumed_from": old.id})


def post_again(call: Call) -> Answer:
    """A new job with the same settings, from the beginning."""
    old = _reader(call)
    if not old.ended:
        raise Refused("The job has not ended yet.", NOT_NOW)
    if old.kind == "tag":
        options = checked_tag_options(old.job.get("options") or {}, call.workbench.rights)
        folder = call.workbench.rights.may_hold_pictures(old.job.get("folder"), "The folder to tag")
        content = {"folder": str(folder), "options": options}
        reader = call.workbench.jobs.add("tag", str(old.job.get("title")), old.job.get("project"), content)
        call.workbench.changed()
        return _shown(call, reader)
    if old.kind in ("reg", "grid", "prior", "loop", "tool", "pictures", "variants"):
        return _drawn_again(call, old)
    return _anew(call, old, {name: value for name, value in _settings(old).items() if name != "resume"}, {})


def _drawn_again(call: Call, old: JobReader) -> Answer:
    """What the old job was asked for goes through the same checks as a page's request."""
    call.workbench.setup.must_be_ready()
    project = call.workbench.projects.read(old.job["project"]) if old.job.get("project") else None
    settings = {name: value for name, value in _settings(old).items() if name not in ("output_dir", "sample_prompts")}
    asked = replace(call, body={"settings": settings, "options": old.job.get("asked")})
    title, content = _MAKERS[old.kind](asked, project)
    reader = call.workbench.jobs.add(old.kind, title, old.job.get("project"), content)
    call.workbench.changed()
    return _shown(call, reader)


def _settings(reader: JobReader) -> dict[str, Any]:
    settings = reader.job.get("settings")
    return {name: value for name, value in settings.items() if name not in NOT_ASKED} if isinstance(settings, dict) else {}


def _anew(call: Call, old: JobReader, settings: dict[str, Any], more: dict[str, Any]) -> Answer:
    """The old job's settings go through the same checks as a page's, since rights may have changed."""
    call.workbench.setup.must_be_ready()
    own = call.workbench.projects.own_folders(str(old.job["project"])) if old.job.get("project") else ()
    checked = {**checked_settings(settings, call.workbench.rights, own), "data_dir": str(call.workbench.host.data)}
    title, content = _checked_train_job(call, checked, None)
    if isinstance(old.job.get("publish"), dict) and "publish" in content:
        content["publish"] = {**old.job["publish"], "folder": content["publish"]["folder"]}
    title = str(old.job.get("title") or title)
    reader = call.workbench.jobs.add("train", title, old.job.get("project"), {**content, **more})
    call.workbench.changed()
    return _shown(call, reader)


def _deed(name: str, what: str) -> Route:
    """A route that does one thing with a job."""

    def handle(call: Call) -> Answer:
        jobs = call.workbench.jobs
        deeds: dict[str, Callable[[JobReader], Any]] = {
            "stop": jobs.stop,
            "kill": jobs.kill,
            "save": lambda reader: jobs.ask(reader, "save"),
            "sample": lambda reader: jobs.ask(reader, "sample"),
            "pause": lambda reader: jobs.ask(reader, "pause"),
            "continue": jobs.go_on,
            "first": jobs.first,
            "remove": jobs.remove,
        }
        call.only()
        done = deeds[name](_reader(call))
        call.workbench.changed()
        return _shown(call, done) if isinstance(done, JobReader) else translated(done, call)

    return Route("POST", f"{PREFIX}/jobs/{{id}}/{name}", handle, what)


def _reader(call: Call) -> JobReader:
    return call.workbench.jobs.get(call.path["id"])


def _shown(call: Call, reader: JobReader) -> dict[str, Any]:
    readers = call.workbench.jobs.refresh()
    return _listed(reader, readers, [one.id for one in queue_of(readers)], call)


def _listed(reader: JobReader, readers: list[JobReader], queue: list[str], call: Call) -> dict[str, Any]:
    return translated(listed(reader, readers, queue), call)


_MAKERS: dict[str, Callable[[Call, dict[str, Any] | None], tuple[str, dict[str, Any]]]] = {
    "train": _train_job,
    "tag": _tag_job,
    "reg": reg_job,
    "grid": grid_job,
    "prior": prior_job,
    "loop": loop_job,
    "pictures": pictures_job,
    "tool": tool_job,
    "variants": variants_job,
}
_JOB = f"{PREFIX}/jobs/{{id}}"
ROUTES = (
    Route("GET", f"{PREFIX}/jobs", get_jobs, "all jobs, newest first, and the queue's order"),
    Route(
        "POST",
        f"{PREFIX}/jobs",
        post_jobs,
        "puts a job into the queue",
        body=("kind", "project", "settings", "folder", "options", "first", "notes"),
    ),
    Route("GET", _JOB, get_job, "a job with its settings, warnings, files and samples"),
    Route("GET", f"{_JOB}/curve", get_curve, "loss and rates by step", query=("since",)),
    Route("GET", f"{_JOB}/sample", get_sample, "a sample picture", query=("name",)),
    Route("GET", f"{_JOB}/log", get_log, "what the job's process printed"),
    Route("POST", f"{_JOB}/resume", post_resume, "a new job that goes on from the last state"),
    Route("POST", f"{_JOB}/again", post_again, "a new job with the same settings"),
    _deed("stop", "saves and stops; takes a waiting job out of the queue"),
    _deed("kill", "ends the job's process by force"),
    _deed("save", "saves a snapshot with its state now"),
    _deed("sample", "draws the sample pictures now"),
    _deed("pause", "waits until it is continued"),
    _deed("continue", "ends a pause"),
    _deed("first", "moves a waiting job to the queue's head"),
    _deed("remove", "takes a job out of queue or history; its files elsewhere stay"),
)
