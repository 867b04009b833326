"""Which state a run goes on from: the one that is given, or the newest whole one of its output name (`--resume auto`).

A damaged state falls back to the one before of the same run; a state of another run is refused. Without torch: the plan
looks too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .files import file_sha256
from .models.hashes import model_hashes
from .models.header import CheckpointError, read_header
from .output_names import DEFAULT, final_file, states_of
from .problems import UserError
from .settings import Settings
from .state import TrainState, read_train_state

AUTO = "auto"
# What can't be changed in the middle of a run; its length, saves and samples can.
_KEPT = ("network_module", "network_dim", "network_alpha", "network_args", "optimizer_type", "optimizer_args")

Told = Callable[[str], None]
Loaded = tuple[TrainState, Any, Any]


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
        return [
            folder for folder, _ in readable_states(Path(settings.output_dir).expanduser(), settings.output_name or DEFAULT)
        ]
    given = Path(settings.resume).expanduser()
    try:
        state = read_train_state(given)
    except UserError:
        return [given]
    siblings = readable_states(given.absolute().parent, state.output_name)
    earlier = [path for path, one in siblings if one.session_id == state.session_id and one.step < state.step]
    return [given, *earlier]


def readable_states(folder: Path, name: str) -> list[tuple[Path, TrainState]]:
    """Folders of a run's states whose text can be read, those with most steps first."""
    found = []
    for path in states_of(folder, name):
        try:
            found.append((path, read_train_state(path)))
        except UserError:
            continue  # what can't be read at all says nothing of how far it is; the one before does
    return sorted(found, key=lambda one: (one[1].step, one[0].stat().st_mtime), reverse=True)


def resumed_state(settings: Settings, steps: int, load: Callable[[Path], Loaded], tell: Told) -> Loaded | None:
    """The state that the run goes on from, or None where it begins anew; `steps`: those of its plan.

    load: reads a whole state (state.load_state). tell: gets a sentence about states that are passed over. UserError where
    all are damaged, where the best one is of another run, or where the run is done.
    """
    folders, first = state_folders(settings), None
    for folder in folders:
        try:
            loaded = load(folder)
        except UserError as error:
            first = first or error
            continue
        refuse_another_run(folder, loaded[0], about_run(settings), settings)
        if first:
            tell(f"{first} This run goes on from the one before, {folder} (step {loaded[0].step}).")
        if goes_on_by_itself(settings):
            _refuse_finished(settings, loaded[0], steps)
        return loaded
    if first:
        raise first
    return None


def about_run(settings: Settings) -> dict[str, str]:
    """What makes it this run: the settings that can't change in the middle of one, and the base model's hash."""
    told = {name: _words(getattr(settings, name)) for name in _KEPT}
    if settings.network_weights:
        parent = Path(settings.network_weights).expanduser()
        told |= {"network_weights": parent.name, "network_weights_hash": file_sha256(parent)}
    return {**told, "base model": model_hashes(settings.pretrained_model_name_or_path, settings.data_dir)[1]}


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def refuse_another_run(folder: Path, state: TrainState, about: dict[str, str], settings: Settings) -> None:
    """UserError with both values where the state is of a run with another base, network, optimizer, seed or name."""
    now = dict(about)
    before = dict(state.about)
    if settings.seed is not None:
        now["seed"], before["seed"] = str(settings.seed), str(state.seed)
    if settings.output_name is not None:
        now["output_name"], before["output_name"] = settings.output_name, state.output_name
    for name, value in before.items():
        if name in now and now[name] != value:
            raise UserError(
                f"The state in {folder} is of another run: its {name} is {value}, here it is {now[name]}; give the same, or "
                "start anew with its LoRA as --network_weights."
            )


def _refuse_finished(settings: Settings, state: TrainState, steps: int) -> None:
    """Where the finished file of the same run lies there already, going on would only train its end again."""
    path = Path(settings.output_dir).expanduser() / final_file(state.output_name)
    try:
        metadata = read_header(path).metadata if path.is_file() else {}
    except CheckpointError:
        return
    if metadata.get("ss_session_id") == str(state.session_id) and metadata.get("ss_steps") == str(steps):
        raise UserError(
            f"The run {state.output_name} is done: {path} has its {steps} steps; set max_train_epochs or max_train_steps "
            "higher to train it further, or give another output_name."
        )
