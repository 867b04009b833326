"""State, projects, form, plan, export, options, set-up and doctor."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ...installer.doctor import examine
from ...trainer_core.generate.sampler_names import SAMPLERS, SCHEDULED, SCHEDULES
from ...trainer_core.idle import idle_settings
from ...trainer_core.settings import SettingsError
from .. import versions
from ..asked_settings import HIDDEN, check_values, checked_settings, run_settings
from ..errors import FORBIDDEN, MISSING, NOT_NOW, Refused
from ..form import form
from ..languages.translate import strings, translate, translate_fields
from ..models import FETCHING, fetchable
from ..projects import LANGUAGES, OPTION_DEFAULTS
from ..rights import shown
from ..same_output import problem_of
from .calls import PREFIX, Answer, Call, Route, Stream

_SENTENCES = frozenset(("message", "error", "fix", "wrong", "summary", "reason", "lines", "warnings", "what"))
_SEVERITIES = ("error", "warning", "note")
_TRIAL = threading.Lock()  # one trial of the trainer at a time
_SETTING_UP = "Setting up the trainer from the page"
_PLAN_PATIENCE = 600.0  # the first look decodes every picture, to find broken ones


def get_state(call: Call) -> Answer:
    bench = call.workbench
    rights, folder, options = bench.rights, bench.host.lora_folder(), bench.projects.options()
    taggers = bench.host.taggers()
    withheld = {"setup": rights.withheld(_SETTING_UP), "fetching": rights.withheld(FETCHING)}
    return {
        "version": versions.shown(bench.loaded),
        "restart_needed": bench.restart_needed(),
        "host": {
            "name": bench.host.name,
            "sends": bench.host.sends,
            "lora_folder": str(folder) if folder and not rights.hide_folders else None,
            "data": None if rights.hide_folders else str(bench.host.data),
        },
        "language": call.language,
        "rights": {"restricted": rights.restricted, "hide_folders": rights.hide_folders},
        "withheld": {name: translate(why, call.language) if why else "" for name, why in withheld.items()},
        "setup": translated(bench.setup.state(), call),
        "project": bench.projects.current(),
        "projects": bench.projects.names(),
        "checkpoints": bench.host.checkpoints(options["models_folder"]),
        "taggers": taggers,
        "taggers_to_fetch": [] if withheld["fetching"] else fetchable(taggers),
        "sampling": {"samplers": SAMPLERS, "scheduled": SCHEDULED, "schedules": SCHEDULES},
        "options": {**options, "command": ""} if rights.restricted else options,
    }


def post_projects(call: Call) -> Answer:
    call.only("name")
    project = call.workbench.projects.create(call.body.get("name"))
    call.workbench.changed()
    return project


def post_open(call: Call) -> Answer:
    call.only("name")
    project = call.workbench.projects.open(call.body.get("name"))
    call.workbench.changed()
    return project


def post_project(call: Call) -> Answer:
    """`project`: whose changes these are; another one may have been opened while they were on their way."""
    call.only("changes", "project")
    return call.workbench.projects.change(call.body.get("changes"), call.workbench.rights, call.body.get("project"))


def get_form(call: Call) -> Answer:
    return form(call.language)


def get_strings(call: Call) -> Answer:
    language = call.query.get("language", call.language)
    if language not in LANGUAGES:
        raise Refused(f"There are no words for the language {shown(language)}.", MISSING)
    return strings(language)


def post_plan(call: Call) -> Answer:
    """The plan; what is wrong with the settings themselves comes as its problems. `idle`: settings that do nothing, and why."""
    call.only("settings")
    settings = as_run(call, settings_of(call, call.body.get("settings", {})))
    idle: dict[str, str] = {}
    if "dataset_config" not in settings:  # reading that needs the trainer's environment
        try:
            idle = idle_settings(check_values(settings))
        except SettingsError as error:
            found = [one.as_dict() for one in error.problems]
            return translated({"problems": found, "steps": 0, "epochs": 0, "images": 0, "buckets": [], "subsets": []}, call)
    call.workbench.setup.must_be_ready()
    plan = call.workbench.plans.ask("plan", settings=settings, patience=_PLAN_PATIENCE)
    same = problem_of(settings, call.workbench.jobs.refresh())
    if same:
        plan = {**plan, "problems": sorted([same, *plan["problems"]], key=lambda one: _SEVERITIES.index(one["severity"]))}
    return {**translated(plan, call), "idle": {name: translate(why, call.language) for name, why in idle.items()}}


def post_export(call: Call) -> Answer:
    call.only("settings", "as")
    settings = settings_of(call, call.body.get("settings", {}))
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("export", settings=settings, **{"as": str(call.body.get("as", "toml"))})


def settings_of(call: Call, asked: Any, project: dict[str, Any] | None = None) -> dict[str, Any]:
    """Checked settings, in which the project's own folders may be named again."""
    project = project or call.workbench.projects.current()
    own = call.workbench.projects.own_folders(project["name"]) if project else ()
    return checked_settings(asked, call.workbench.rights, own)


def as_run(call: Call, settings: dict[str, Any], project: dict[str, Any] | None = None) -> dict[str, Any]:
    """Asked settings with what the server adds for a run of the project."""
    projects = call.workbench.projects
    project = project or projects.current()
    if (
        call.workbench.rights.hide_folders
        and (folder := settings.get("train_data_dir"))
        and not projects.has_opened(Path(folder))
    ):
        raise Refused(HIDDEN, FORBIDDEN)
    data = call.workbench.host.data
    if project is None:
        return run_settings(settings, data / "runs", data)
    runs = projects.path(project["name"]) / "runs"
    return run_settings(settings, runs, data, projects.prompts_file(project) if "sample_prompts" not in settings else None)


def post_options(call: Call) -> Answer:
    call.only(*OPTION_DEFAULTS)
    return call.workbench.projects.set_options(call.body, call.workbench.rights)


def post_setup(call: Call) -> Answer:
    """Takes no words: which Python and which PyTorch is for the command line."""
    call.only()
    call.workbench.rights.must_be_known(_SETTING_UP)
    call.workbench.setup.start()
    call.workbench.changed()
    return translated(call.workbench.setup.state(), call)


def post_doctor(call: Call) -> Answer:
    """`train`: twenty steps are trained too, which the answer waits for."""
    call.only("train")
    train = call.body.get("train", False) is True
    if train and any(reader.alive for reader in call.workbench.jobs.refresh()):
        raise Refused("A job is at work: the trial would slow it down, so wait for its end.", NOT_NOW)
    if train and not _TRIAL.acquire(blocking=False):
        raise Refused("Twenty steps are being trained already: wait for them.", NOT_NOW)
    try:
        lines, well = examine(train)
    finally:
        if train:
            _TRIAL.release()
    return translated({"lines": lines, "well": well}, call)


def get_events(call: Call) -> Answer:
    return Stream(lambda: translated(call.workbench.snapshot(), call))


def translated(value: Any, call: Call) -> Any:
    """The value with every sentence for users in the page's language."""
    return translate_fields(value, _SENTENCES, call.language)


ROUTES = (
    Route("GET", f"{PREFIX}/state", get_state, "what the page begins with"),
    Route("POST", f"{PREFIX}/projects", post_projects, "makes a project and opens it", body=("name",)),
    Route("POST", f"{PREFIX}/projects/open", post_open, "opens a project", body=("name",)),
    Route("POST", f"{PREFIX}/project", post_project, "changes the open project, or `project`", body=("changes", "project")),
    Route("GET", f"{PREFIX}/form", get_form, "all settings by group, and the presets"),
    Route("GET", f"{PREFIX}/strings", get_strings, "the page's words in a language", query=("language",)),
    Route("POST", f"{PREFIX}/plan", post_plan, "what a run with these settings would do", body=("settings",)),
    Route("POST", f"{PREFIX}/export", post_export, "the settings as a file or notebook", body=("settings", "as")),
    Route("POST", f"{PREFIX}/options", post_options, "changes the options", body=tuple(OPTION_DEFAULTS)),
    Route("POST", f"{PREFIX}/setup", post_setup, "starts the trainer's set-up"),
    Route("POST", f"{PREFIX}/doctor", post_doctor, "what is installed, and what is wrong"),
    Route("GET", f"{PREFIX}/events", get_events, "server-sent events: jobs, set-up and project whenever they change"),
)
