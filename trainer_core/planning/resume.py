"""Whether a run can go on from the state that it is given or finds: the plan says what the training would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..axis import Stretch
from ..claimed_names import saved_as
from ..problems import Problem, UserError
from ..resuming import Resumed, goes_on_by_itself, resumed_state, states_of_others
from ..settings import Settings
from ..state import seen_state


def resume_problems(settings: Settings, lengths: Sequence[Stretch], base_is_sound: bool) -> list[Problem]:
    """The state that the run goes on from, or why it can't; `lengths`: the stages'. Its tensors are not read."""
    if settings.resume is None:
        return []
    given = not goes_on_by_itself(settings)
    if given and not (Path(settings.resume).expanduser() / "train_state.json").is_file():
        message = f"There is no state in {settings.resume}."
        return [Problem("error", "resume", message, "Give as resume a folder that ends in -state, or auto.")]
    if not base_is_sound or settings.output_dir is None or not any(one.steps for one in lengths):
        return []  # without these, which are told, no run can be compared with the state's
    passed: list[Problem] = []
    try:
        found = resumed_state(
            settings,
            tuple(lengths),
            lambda folder: (seen_state(folder), folder, None),
            lambda sentence: passed.append(Problem("warning", "state-damaged", sentence)),
        )
    except UserError as error:
        return [*passed, Problem("error", "resume", str(error))]
    except OSError as error:
        message = f"Whether the run can go on can't be seen ({error.filename}: {error.strerror or error})."
        return [Problem("warning", "resume-unseen", message, "Check the file and its rights.")]
    if found is None:
        return [_begins_anew(settings)]
    return [*passed, _goes_on(settings, found)]


def _goes_on(settings: Settings, found: Resumed) -> Problem:
    """From which state, and where it saves if that isn't where it saved before."""
    place, step = saved_as(settings, found.folder, found.state), found.state.step
    message = f"The run goes on from {found.folder}, after step {step}."
    if place.anew:
        message = (
            f"The run goes on from {found.folder}, after step {step}, and saves as {place.name} in {settings.output_dir}: "
            "what it saved before stays as it is."
        )
    return Problem("note", "resumed", message)


def _begins_anew(settings: Settings) -> Problem:
    """With the state of another name that would do, where there is one: a run whose name was changed is told from it."""
    message, others = "There is no state to go on from: the run begins anew.", states_of_others(settings)
    fix = f"Give {others[0]} as resume to go on from that one, under this name." if others else ""
    return Problem("note", "resumed", message, fix)
