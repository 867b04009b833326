"""Which state a run goes on from: the one that is given, or the newest whole one of its output name (`--resume auto`).

A damaged state falls back to the one before of the same run; a state of another run is refused. Without torch: the plan
looks too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .axis import Stretch
from .files import file_sha256
from .models.hashes import model_hashes
from .models.header import CheckpointError, read_header
from .output_names import DEFAULT, final_file, run_of_state, states_of, wanted_name
from .problems import UserError
from .settings import Settings
from .state import DamagedState, TrainState, read_train_state

AUTO = "auto"
# What can't be changed in the middle of a stage; its length, saves and samples can.
_KEPT = ("network_module", "network_dim", "network_alpha", "network_args", "optimizer_type", "optimizer_args")

Told = Callable[[str], None]
Lengths = Sequence[Stretch]  # of the plan's stages
Loaded = tuple[TrainState, Any, Any]  # as state.load_state gives it


@dataclass(frozen=True)
class Resumed:
    """A saved state that a run goes on from: its folder, where it stands, the network's tensors, and optimizer, schedule and
    gradient scaler as they were."""

    folder: Path
    state: TrainState
    network: Any
    machinery: Any


def goes_on_by_itself(settings: Settings) -> bool:
    """Whether the run takes the newest state that it finds, and begins anew where there is none."""
    return settings.resume is not None and str(settings.resume) == AUTO


def state_folders(settings: Settings) -> list[Path]:
    """The states that the run may go on from, the best first; none where it begins anew.

    Behind a state that is given stand the earlier ones of the same run, in case it is damaged.
    """
    if settings.resume is None or (goes_on_by_itself(settings) and settings.output_dir is None):
        return []
    if goes_on_by_itself(settings):
        return _own_states(settings)
    given = Path(settings.resume).expanduser()
    home = given.absolute().parent
    try:
        state = read_train_state(given)
    except DamagedState:
        name, steps, epochs = run_of_state(given.name)
        found = readable_states(home, name)
        return [given, *(path for path, one in found if one.step < steps and one.epoch < epochs and path.name != given.name)]
    except UserError:
        return [given]
    siblings = readable_states(home, state.output_name)
    return [given, *(path for path, one in siblings if one.session_id == state.session_id and one.step < state.step)]


def _own_states(settings: Settings) -> list[Path]:
    """The states of the newest run that these settings made, also as `name-2` where the name was taken; without one of
    theirs, those of another run, which is to be refused. Newer ones that can't be read come first: they are told of."""
    wanted, home = settings.output_name or DEFAULT, Path(settings.output_dir).expanduser()
    found = readable_states(home, wanted, numbered=True)
    runs = [(folder, state) for folder, state in found if wanted_name(state.output_name, wanted)]
    own = [(wanted_name(state.output_name, wanted), folder) for folder, state in _that_fit(settings, runs)]
    if not own:
        others = [folder for folder, state in runs if state.output_name == wanted]
        return [*_unreadable(home, wanted, others), *others]
    newest = max(own)[0]
    best = [folder for number, folder in own if number == newest]
    return [*_unreadable(home, wanted if newest == 1 else f"{wanted}-{newest}", best), *best]


def _unreadable(home: Path, name: str, best: Sequence[Path]) -> list[Path]:
    """Damaged states of that name, newer than the first of `best`."""
    since, found = best[0].stat().st_mtime if best else 0.0, []
    for path in states_of(home, name):
        try:
            read_train_state(path)
        except DamagedState:
            found.append(path)
        except UserError:
            continue  # none of ours
    return [path for path in found if path.stat().st_mtime >= since]


def states_of_others(settings: Settings) -> list[Path]:
    """The states in the output folder that these settings could go on from, whatever their name, the best first."""
    return [folder for folder, _ in _that_fit(settings, readable_states(Path(settings.output_dir).expanduser(), None))]


def _that_fit(settings: Settings, found: list[tuple[Path, TrainState]]) -> list[tuple[Path, TrainState]]:
    """Those of the same base, network, optimizer and seed."""
    try:
        about = {number: about_run(_of_stage(settings, number)) for number in {state.stage for _, state in found}}
    except (OSError, CheckpointError):
        about = {}  # that the base model can't be read is told by the plan
    return [(folder, state) for folder, state in found if not difference(state, about.get(state.stage, {}), settings)]


def readable_states(folder: Path, name: str | None, numbered: bool = False) -> list[tuple[Path, TrainState]]:
    """Folders of states whose text can be read, those with most steps first; `name`, `numbered`: as in states_of."""
    found = []
    for path in states_of(folder, name, numbered):
        try:
            found.append((path, read_train_state(path)))
        except UserError:
            continue  # what can't be read at all says nothing of how far it is; the one before does
    return sorted(found, key=lambda one: (one[1].step, one[0].stat().st_mtime), reverse=True)


def resumed_state(settings: Settings, lengths: Lengths, load: Callable[[Path], Loaded], tell: Told) -> Resumed | None:
    """The state that the run goes on from, or None where it begins anew; `lengths`: those of its plan.

    load: reads a whole state (state.load_state), or as much of it as shows whether it is whole. tell: gets a sentence about
    states that are passed over. UserError where all are damaged, the best one is of another run, or the run is done.
    """
    folders, first = state_folders(settings), None
    for folder in folders:
        try:
            loaded = load(folder)
        except UserError as error:
            first = first or error
            continue
        refuse_another_run(folder, loaded[0], about_run(_of_stage(settings, loaded[0].stage)), settings)
        _refuse_other_lengths(folder, loaded[0], settings, lengths)
        if first:
            tell(f"{first} This run goes on from the one before, {folder} (step {loaded[0].step}).")
        return Resumed(folder, *loaded)
    if first:
        raise first
    return None


def _of_stage(settings: Settings, number: int) -> Settings:
    """The settings of the stage that a state is in; of the last one where there is no such stage."""
    stages = settings.stage_settings()
    return stages[min(number, len(stages)) - 1]


def about_run(settings: Settings) -> dict[str, str]:
    """What makes it this run: a stage's settings that can't change in the middle of it, and the base model's hash."""
    told = {name: _words(getattr(settings, name)) for name in _KEPT}
    if settings.network_weights:
        parent = Path(settings.network_weights).expanduser()
        told |= {"network_weights": parent.name, "network_weights_hash": file_sha256(parent)}
    return {**told, "base model": model_hashes(settings.pretrained_model_name_or_path, settings.data_dir)[1]}


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def refuse_another_run(folder: Path, state: TrainState, about: dict[str, str], settings: Settings) -> None:
    """UserError with both values where the state is of a run with another base, network, optimizer or seed."""
    differing = difference(state, about, settings)
    if differing:
        name, before, now = differing
        raise UserError(
            f"The state in {folder} is of another run: its {name} is {before}, here it is {now}; give the same, or "
            "start anew with its LoRA as --network_weights."
        )


def difference(state: TrainState, about: dict[str, str], settings: Settings) -> tuple[str, str, str] | None:
    """The first thing that makes the state one of another run: its name, what it was, and what it is here; else None."""
    now, before = dict(about), dict(state.about)
    if settings.seed is not None:
        now["seed"], before["seed"] = str(settings.seed), str(state.seed)
    for name, value in before.items():
        if name in now and now[name] != value:
            return name, value, now[name]
    return None


def _refuse_other_lengths(folder: Path, state: TrainState, settings: Settings, lengths: Lengths) -> None:
    """UserError where the plan has other stages or epochs than those that led to the state, or no steps beyond it.

    A state of the last step goes on where the run was killed before it wrote its LoRA.
    """
    differing = _other_lengths(state, lengths)
    if differing:
        raise UserError(
            f"The state in {folder} is of another run: {differing}, or start anew with its LoRA as --network_weights."
        )
    steps = lengths[-1].end
    path = folder.expanduser().absolute().parent / final_file(state.output_name)
    try:
        metadata = read_header(path).metadata if path.is_file() else {}
    except CheckpointError:
        metadata = {}
    finished = metadata.get("ss_session_id") == str(state.session_id) and metadata.get("ss_steps") == str(steps)
    if finished and goes_on_by_itself(settings):
        raise UserError(
            f"The run {state.output_name} is done: {path} has its {steps} steps; set max_train_epochs or max_train_steps "
            "higher to train it further, or give another output_name."
        )
    own = lengths[state.stage - 1]
    if own.end < state.step < steps:
        raise UserError(
            f"The state in {folder} has {state.step} steps done in stage {state.stage}, which ends after step {own.end}: make "
            "it as long as it was."
        )
    if state.step > steps or (state.step == steps and path.is_file()):
        raise UserError(
            f"The state in {folder} has {state.step} steps done, and the plan has {steps}: set max_train_epochs or "
            "max_train_steps higher."
        )


def _other_lengths(state: TrainState, lengths: Lengths) -> str:
    """What of the stages up to the state's own is another way than it was, and the mend; empty where nothing is."""
    if state.stage > len(lengths):
        return f"it is in stage {state.stage}, here there {'are' if len(lengths) > 1 else 'is'} {len(lengths)}; give all stages"
    own, before = lengths[state.stage - 1], state.stretch
    if before.steps_per_epoch != own.steps_per_epoch:
        return (
            f"it has {before.steps_per_epoch} steps an epoch, here there are {own.steps_per_epoch}; give the same pictures, "
            "repeats and batch size"
        )
    if (before.first_step, before.first_epoch) != (own.first_step, own.first_epoch):
        return (
            f"its stage {state.stage} began after step {before.first_step}, here it begins after step {own.first_step}; give "
            "the stages before it as they were"
        )
    return ""
