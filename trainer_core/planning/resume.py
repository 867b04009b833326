"""Whether a run can go on from the state that it is given or finds: the plan says what the training would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..axis import Stretch
from ..problems import Problem, UserError
from ..resuming import goes_on_by_itself, resumed_state
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
        return [Problem("note", "resumed", "There is no state to go on from: the run begins anew.")]
    return [*passed, Problem("note", "resumed", f"The run goes on from {found[1]}, after step {found[0].step}.")]
