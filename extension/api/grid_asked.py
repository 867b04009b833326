"""A request for a test grid: of which project and run, with which options, and what the trainer is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...trainer_core.files import write_atomically
from ..errors import MISSING, NOT_NOW, Refused
from ..grid_options import TEST_DEFAULTS, checked_prompts, checked_test_options, grid_options
from ..models import fetched_tagger
from ..preset_file import spelled_out
from ..rights import file_name
from ..trained import Trained, trained_by
from .calls import Call

PATIENCE = 600.0  # the first look at a checkpoint reads all of it


@dataclass(frozen=True)
class Asked:
    """A checked request: the project, the run (None: only files of other runs), and what the trainer is asked for."""

    project: dict[str, Any]
    trained: Trained | None
    options: dict[str, Any]
    words: dict[str, Any]
    base: str  # the checkpoint that most is drawn with, for the time that it takes

    @property
    def settings(self) -> dict[str, Any] | None:
        return self.trained.settings if self.trained else None


def open_project(call: Call) -> dict[str, Any]:
    project = call.workbench.projects.current()
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    return project


def check_files(call: Call, run: Trained) -> Trained:
    """Refused where the request may not read the run's files: its job may have been made on the machine itself."""
    for path in run.files:
        call.workbench.rights.may_read(str(path), "The run's LoRA")
    return run


def run_of(call: Call, project: Mapping[str, Any], job_id: Any) -> Trained:
    """The project's run of that job; Refused where it is another project's, or may not be read."""
    run = trained_by(call.workbench.jobs, job_id)
    if run.job.job.get("project") != project["name"]:
        raise Refused(f"The run {run.name} is not of the project {project['name']}: open its own project.", MISSING)
    return check_files(call, run)


def grid_folder(call: Call, project: Mapping[str, Any], run: Trained | None) -> Path:
    """Where the project keeps the grid of a run, or of files of other runs."""
    name = file_name(run.name, "The run's name") if run else "others"
    return call.workbench.projects.path(project["name"]) / "grids" / name


def asked(call: Call, project: dict[str, Any], given: Any, prompts: str = "prompts-plan") -> Asked:
    """The request's options with the project's where none are asked. `prompts`: the name of the file for own prompts."""
    rights = call.workbench.rights
    kept = {**TEST_DEFAULTS, **project["test"]}
    options = checked_test_options({**kept, **checked_test_options({} if given is None else given, rights)}, rights)
    run = run_of(call, project, options["run"]) if options["run"] else None
    chosen = [run.file(name) for name in options["snapshots"]] or list(run.files) if run else []
    out = grid_folder(call, project, run)
    words = grid_options(options, list(run.files) if run else [], chosen, out)
    words["lbw"] = spelled_out(call.workbench.host, options["lbw"])
    base = _base(call, project, run)
    if base and (options["checkpoints"] or run is None):
        words["checkpoints"] = list(dict.fromkeys([base, *options["checkpoints"]]))
    words |= _prompts(call, project, options, out.parent / f"{prompts}.txt")
    if options["tagger"]:
        words["tagger"] = fetched_tagger(options["tagger"], call.workbench.host.taggers())
    if options["tagger"] and run is not None and run.settings.get("train_data_dir"):
        words["pictures"] = str(rights.may_read(run.settings["train_data_dir"], "The training pictures"))
    return Asked(project, run, options, words, base)


def _base(call: Call, project: Mapping[str, Any], run: Trained | None) -> str:
    """The checkpoint that was trained on, else the project's."""
    known = run.settings.get("pretrained_model_name_or_path") if run else project["base_model"]
    return str(call.workbench.rights.may_read(known, "The base model")) if known else ""


def _prompts(call: Call, project: Mapping[str, Any], options: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The options' lists and own prompts; these in a file, since a line may say more than the prompt."""
    own = checked_prompts("\n".join(line for line in options["prompts"].splitlines() if line.strip()))
    if not options["suites"] and not own:
        raise Refused("There are no prompts: tick a list of prompts, or write one.")
    subject = options["subject"].strip() or ", ".join(project["tag"]["first"])
    if not subject and _needs_subject(call, project, options["suites"]):
        raise Refused("There are no words for SUBJECT in the lists of prompts: write the activation tag into Subject.")
    loras = call.workbench.host.lora_folder()
    found: dict[str, Any] = {"suite": options["suites"], "project": project["name"], "subject": checked_prompts(subject)}
    found["lora_folders"] = [str(loras)] if loras and loras.is_dir() else []
    if own:
        name = (
            file.with_stem(f"{file.stem}-{hashlib.sha256(own.encode()).hexdigest()[:12]}") if file.stem == "prompts" else file
        )
        write_atomically(name, own + "\n")
        found["prompts"] = str(name)
    return found


def _needs_subject(call: Call, project: Mapping[str, Any], names: list[str]) -> bool:
    known = suites_of(call, project)
    return any("SUBJECT" in one["text"] for one in known if one["name"] in names)


def suites_of(call: Call, project: Mapping[str, Any], **deed: Any) -> list[dict[str, Any]]:
    """The lists of prompts, each with whether it is of the user's own and whether one of that name came with the program."""
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask("grid_suites", project=project["name"], **deed)
    return list(found["suites"])
