"""A chosen cell of a test grid: what it says, the next run's settings, and the run's other snapshots, which may be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..asked_settings import NOT_ASKED
from ..errors import NOT_NOW, Refused
from ..grid_options import checked_prompts
from ..languages.translate import translate
from ..models import allowed_tagger, fetched_tagger
from ..rights import file_name, shown
from ..trained import Trained, delete_files
from .calls import PREFIX, Answer, Call, Route
from .general import translated
from .grid_asked import PATIENCE, grid_folder, open_project, run_of, suites_of
from .grids import read_grid

# What the server gives each run of its own, or the page chooses at its top.
_NOT_TAKEN = NOT_ASKED | {"output_dir", "sample_prompts", "resume", "pretrained_model_name_or_path", "train_data_dir"}
_COMPARED = ("max_train_epochs", "max_train_steps", "network_args")
_LONGEST_SUITE = 100_000
_MOST_TAGS, _MOST_NAMED = 12, 20
_SHIPPED = Path(__file__).parents[2] / "trainer_core" / "grids" / "suites"


def post_choose(call: Call) -> Answer:
    """What the cell says of the training, and what the next run would have otherwise. Nothing is changed."""
    call.only("run", "cell")
    project = open_project(call)
    run, found, own = _chosen(call, project)
    lora = Path(found["lora"])
    old = run.settings if run and own else {}
    settings = found["settings"]
    lines = [line.strip() for line in str(found["verdict"]).splitlines()]
    order = [line.partition(".")[2].strip() for line in lines if line[:1].isdigit()]
    verdict = [line for line in lines if line and not line[0].isdigit() and not line.endswith(":")]
    return {
        "cell": found["cell"],
        "name": run.name if run and own else lora.stem,
        "keep": lora.stem,
        "verdict": [{"text": translate(line, call.language), "mood": _mood(line)} for line in verdict],
        "order": [translate(line, call.language) for line in order],
        "changes": _changes(old, found),
        "settings": {name: value for name, value in settings.items() if name not in _NOT_TAKEN},
        "base_model": settings.get("pretrained_model_name_or_path"),
        "dataset": settings.get("train_data_dir"),
        "others": _own_others(run, found) if run and own else [],
        "webui": found["webui"],
    }


def _chosen(call: Call, project: Mapping[str, Any]) -> tuple[Trained | None, dict[str, Any], bool]:
    """The run, the helper's answer for the cell, and whether the cell's LoRA is the run's own."""
    run = run_of(call, project, call.body["run"]) if call.body.get("run") else None
    folder = grid_folder(call, project, run)
    cell = call.body.get("cell")
    known = read_grid(call, folder)["cells"]
    if not isinstance(cell, str) or cell not in known:
        raise Refused(f"The grid has no cell {shown(cell)}: it may have been drawn anew.", NOT_NOW)
    file = known[cell]["lora_file"]
    own = run is not None and file is not None and Path(file) in run.files
    if file is not None:
        call.workbench.rights.may_read(file, "The cell's LoRA")
    stand_in = run.settings if run and own else None  # another run's LoRA must not be taken for one of these settings
    found = call.workbench.plans.ask("grid_choose", folder=str(folder), cell=cell, settings=stand_in, patience=PATIENCE)
    return run, found, own


def _mood(line: str) -> str:
    if "as it should" in line:
        return "good"
    return "note" if "is the last snapshot" in line else "warning"


def _changes(old: Mapping[str, Any], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings that differ from the run's, with their values before and after."""
    changed = [
        {"name": name, "before": before, "after": after} for name, (before, after) in found["rates"].items() if before != after
    ]
    new = found["settings"]
    others = [name for name in _COMPARED if old and old.get(name) != new.get(name)]
    if old and old.get("max_train_epochs") and "max_train_epochs" in new:
        others = [name for name in others if name != "max_train_steps"]  # it counted for nothing before either
    return changed + [{"name": name, "before": old.get(name), "after": new.get(name)} for name in others]


def _own_others(run: Trained, found: Mapping[str, Any]) -> list[str]:
    """Names of the run's other snapshots: those that the trainer tells to be of the same run and whose saving the job tells."""
    told = {Path(one) for one in found["others"] or ()}
    return [path.name for path in run.files if path in told]


def post_keep(call: Call) -> Answer:
    """Deletes the run's other snapshots, of those that `others` names. The chosen one, states and others' files stay."""
    call.only("run", "cell", "others")
    run, found, own = _chosen(call, open_project(call))
    names = call.body.get("others")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Refused("others must be names of snapshots.")
    allowed = _own_others(run, found) if run and own else []
    wrong = next((name for name in names if name not in allowed), None)
    if run is None or wrong is not None:
        raise Refused(f"{shown(wrong or names[0])} is no other snapshot of this run, so nothing was deleted.", NOT_NOW)
    return {"deleted": delete_files(run, names, call.workbench.rights)}


def post_fault(call: Call) -> Answer:
    """The training pictures most like a cell's picture, and tags that the tagger sees in it unasked."""
    call.only("run", "cell")
    project = open_project(call)
    run = run_of(call, project, call.body["run"]) if call.body.get("run") else None
    folder = grid_folder(call, project, run)
    cell = call.body.get("cell")
    known = read_grid(call, folder)["cells"]
    if not isinstance(cell, str) or cell not in known or not known[cell]["there"]:
        raise Refused(f"The grid has no picture {shown(cell)} yet.", NOT_NOW)
    dataset = (run.settings.get("train_data_dir") if run else None) or project["dataset"]
    pictures = call.workbench.rights.may_read(dataset, "The training pictures")
    tagger = _tagger(call, project)
    call.workbench.setup.must_be_ready()
    answer = call.workbench.tagger.ask(
        "whose_fault",
        folder=str(folder),
        cell=cell,
        pictures=str(pictures),
        tagger=tagger,
        extension=project["tag"]["caption_extension"],
        patience=PATIENCE,
    )
    return translated(_shown_fault(answer, pictures), call)


def _tagger(call: Call, project: Mapping[str, Any]) -> str:
    """The tagger that looks: the test's, else the one that the project tags with, else the first that is there."""
    taggers = call.workbench.host.taggers()
    chosen = project["test"]["tagger"] or project["tag"]["model"] or next((one["path"] for one in taggers), "")
    if not chosen:
        raise Refused("There is no tagger yet, and without one nothing can be compared: see Tag.", NOT_NOW)
    return fetched_tagger(allowed_tagger(chosen, call.workbench.rights), taggers)


def _shown_fault(answer: Mapping[str, Any], pictures: Path) -> dict[str, Any]:
    likes = [
        {
            "folder": str(pictures),
            "name": Path(one["path"]).relative_to(pictures).as_posix(),
            "likeness": one["likeness"],
            "caption": one["caption"],
        }
        for one in answer["pictures"]
        if pictures in Path(one["path"]).parents
    ]
    told = ("tag", "score", "captions", "seen", "of", "in_base")
    tags = [
        {**{name: one[name] for name in told}, "names": [Path(path).name for path in one["pictures"][:_MOST_NAMED]]}
        for one in answer["tags"][:_MOST_TAGS]
    ]
    return {"pictures": likes, "likeness_among": answer["likeness_among"], "tags": tags}


def get_suites(call: Call) -> Answer:
    return _suites(call)


def _suites(call: Call, **deed: Any) -> dict[str, Any]:
    """The lists; `own`: of the project; `shipped`: one of that name came with the program."""
    project = open_project(call)
    own = call.workbench.projects.path(project["name"]) / "suites"
    found = suites_of(call, project, **deed)
    return {
        "suites": [
            {
                **{name: one[name] for name in ("name", "text")},
                "count": one["prompts"],
                "own": Path(one["path"]).parent == own,
                "shipped": (_SHIPPED / f"{one['name']}.txt").is_file(),
            }
            for one in found
        ]
    }


def post_suite(call: Call) -> Answer:
    """Saves a list of prompts as the project's own; under a name that is there it goes before that one."""
    call.only("name", "text")
    name, text = call.body.get("name"), call.body.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST_SUITE:
        raise Refused(f"The prompts must be text of at most {_LONGEST_SUITE:,} letters.")
    saved = {"name": _suite_name(name), "text": checked_prompts(text)}
    return _suites(call, save=saved)


def post_remove_suite(call: Call) -> Answer:
    call.only("name")
    name = _suite_name(call.body.get("name"))
    return _suites(call, remove=name)


def _suite_name(name: Any) -> str:
    return file_name(name, "The list's name").replace(" ", "_")


ROUTES = (
    Route("POST", f"{PREFIX}/test/choose", post_choose, "what a cell says, and the next run's settings", body=("run", "cell")),
    Route("POST", f"{PREFIX}/test/keep", post_keep, "deletes a run's other snapshots", body=("run", "cell", "others")),
    Route("POST", f"{PREFIX}/test/fault", post_fault, "the training pictures most like a cell", body=("run", "cell")),
    Route("GET", f"{PREFIX}/test/suites", get_suites, "the lists of prompts"),
    Route("POST", f"{PREFIX}/test/suites", post_suite, "saves a list of the project's own", body=("name", "text")),
    Route("POST", f"{PREFIX}/test/suites/remove", post_remove_suite, "removes one of its own", body=("name",)),
)
