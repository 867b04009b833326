"""From what one sees in a LoRA's pictures to the next run: the list, and the values that a run should have instead."""

from __future__ import annotations

from typing import Any

from ...trainer_core.guide import symptoms
from ...trainer_core.settings import SettingsError
from ..asked_settings import NOT_ASKED, as_asked, check_values
from ..errors import MISSING, Refused
from ..languages.translate import translate
from ..rights import shown
from .advice import reasoned
from .calls import PREFIX, Answer, Call, Route
from .general import settings_of
from .grid_asked import open_project, run_of

# What the server gives each run of its own, or the page chooses at its top.
_NOT_TAKEN = NOT_ASKED | {"output_dir", "sample_prompts", "resume", "pretrained_model_name_or_path", "train_data_dir"}


def get_symptoms(call: Call) -> Answer:
    """What one may see, with its causes, and what can be done beside the settings."""
    language = call.language
    return {
        "symptoms": [
            {
                "code": one.code,
                "sees": translate(one.sees, language),
                "causes": [translate(cause, language) for cause in one.causes],
                "advice": [translate(sentence, language) for sentence in one.advice],
                "line": one.line,
            }
            for one in symptoms.symptoms()
        ]
    }


def post_next(call: Call) -> Answer:
    """The next run's settings after a symptom, and what differs from the run's with a reason each. Nothing is changed.

    `run`: the job of a training of the project; without it the settings of the Train tab are gone on from.
    """
    call.only("code", "run", "settings")
    code, project = call.body.get("code"), open_project(call)
    if code not in {one.code for one in symptoms.symptoms()}:
        raise Refused(f"There is no symptom {shown(code)}.", MISSING)
    run = run_of(call, project, call.body["run"]) if call.body.get("run") else None
    given = dict(run.settings) if run else settings_of(call, call.body.get("settings", {}), project)
    try:
        settings = check_values(given)
    except SettingsError as error:
        raise Refused(error.problems[0].message) from None
    found = [{**vars(one), "value": as_asked(one.name, one.value)} for one in symptoms.next_run(code, settings)]
    changed: dict[str, Any] = {one["name"]: one["value"] for one in found}
    following = {name: value for name, value in {**given, **changed}.items() if value is not None}
    return {
        "code": code,
        "name": run.name if run else project["name"],
        "changes": [
            {
                **reasoned(one, call.language),
                "before": as_asked(one["name"], getattr(settings, one["name"])),
                "after": one["value"],
            }
            for one in found
        ],
        "settings": {name: value for name, value in following.items() if name not in _NOT_TAKEN},
        "base_model": given.get("pretrained_model_name_or_path"),
        "dataset": given.get("train_data_dir"),
    }


ROUTES = (
    Route("GET", f"{PREFIX}/symptoms", get_symptoms, "what one may see in a LoRA's pictures, and why"),
    Route(
        "POST", f"{PREFIX}/symptoms/next", post_next, "the next run's settings after a symptom",
        body=("code", "run", "settings"),
    ),
)  # fmt: skip
