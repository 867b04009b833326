"""All that a resume needs. Randomness is a function of the step, so a step number stands for every generator.

A state is a folder named as kohya names it: `train_state.json`, `network.safetensors` (full precision) and `optimizer.pt`
(optimizer, schedule and gradient scaler; read with weights_only).
"""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .axis import Stretch
from .files import read_json, write_json
from .models.header import CheckpointError, read_header
from .output_names import is_of_run
from .problems import UserError

if TYPE_CHECKING:
    import torch

FORMAT = 2
_JSON, _NETWORK, _OPTIMIZER = "train_state.json", "network.safetensors", "optimizer.pt"
_KOHYAS = ("model.safetensors", "optimizer.bin")  # what accelerate saves for sd-scripts; the first holds the LoRA alone


@dataclass
class TrainState:
    """Where a run stands. `step`: optimizer steps done; `losses`: those of the last epoch's length; `saved`: its snapshots.

    `stage` (from 1) and `stretch`: that of the last step done. `about`: what makes it this run and no other, in words:
    {setting: value}.
    """

    seed: int
    session_id: int
    started_at: float
    output_name: str
    stretch: Stretch
    stage: int = 1
    step: int = 0
    first_loss: float | None = None
    losses: list[float] = field(default_factory=list)
    saved: list[dict[str, Any]] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs begun, counted over the run from 1 once a step is done."""
        return self.stretch.epochs_begun(self.step)

    @property
    def epoch_ended(self) -> bool:
        """Whether the last step done was its epoch's last."""
        return self.stretch.ends_epoch(self.step)

    def move(self, name: str) -> None:
        """The run goes on under another name or in another folder: what it saved before is no longer its to take away."""
        self.output_name, self.saved = name, []

    def record(self, loss: float) -> float:
        """Takes in one step's loss; returns the average over the last epoch's length, as kohya shows it."""
        self.first_loss = loss if self.first_loss is None else self.first_loss
        self.losses = [*self.losses, loss][-self.stretch.steps_per_epoch :]
        return sum(self.losses) / len(self.losses)


def save_state(folder: Path, state: TrainState, network: Mapping[str, torch.Tensor], machinery: Mapping[str, Any]) -> None:
    """Writes the whole state or nothing; `machinery`: state dicts of optimizer, schedule and scaler."""
    import torch
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in network.items()}, part / _NETWORK)
        torch.save(dict(machinery), part / _OPTIMIZER)
        content = {"current_epoch": state.epoch, "current_step": state.step, "format": FORMAT, **asdict(state)}
        write_json(part / _JSON, content)
        for name in (_NETWORK, _OPTIMIZER):
            with (part / name).open("rb+") as file:
                os.fsync(file.fileno())
        part.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
            os.replace(folder, old / folder.name)
            os.replace(part, folder)
            shutil.rmtree(old)
        else:
            os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def clear_leftovers(folder: Path, name: str) -> None:
    """Takes away what a killed run of that name left half-written, and puts a state back that was about to be replaced.

    Whoever calls holds the name.
    """
    for path in folder.glob(".*"):
        file_name, ending = path.name[1:].rsplit(".", 2)[0], path.suffix
        if ending not in (".tmp", ".old") or not is_of_run(file_name, name):
            continue
        if ending == ".old" and (path / file_name).is_dir() and not (folder / file_name).exists():
            os.replace(path / file_name, folder / file_name)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def load_state(folder: Path) -> tuple[TrainState, dict[str, torch.Tensor], dict[str, Any]]:
    """State, network tensors and machinery; raises UserError where the folder isn't a whole state of ours."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state = read_train_state(folder)
    try:
        network = load_file(folder / _NETWORK)
        machinery = torch.load(folder / _OPTIMIZER, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise _damaged(folder, type(error).__name__) from error
    if not are_finite([network, machinery]):
        raise _damaged(folder, "numbers that are not finite")
    return state, network, machinery


def are_finite(content: Any) -> bool:
    """Whether all numbers of all tensors are, in nested tables and lists of them."""
    return all(bool(one.isfinite().all()) for one in _tensors(content))


def _tensors(content: Any) -> Iterator[torch.Tensor]:
    """All tensors of numbers with a point in nested tables and lists."""
    import torch

    if isinstance(content, torch.Tensor):
        if content.is_floating_point():
            yield content
    elif isinstance(content, (Mapping, list, tuple)):
        for one in content.values() if isinstance(content, Mapping) else content:
            yield from _tensors(one)


def seen_state(folder: Path) -> TrainState:
    """A state that is there to the end of its files, which are not read; raises UserError as load_state does. Without torch."""
    state = read_train_state(folder)
    try:
        read_header(folder / _NETWORK)
        with zipfile.ZipFile(folder / _OPTIMIZER):
            return state
    except (OSError, CheckpointError, zipfile.BadZipFile) as error:
        raise _damaged(folder, type(error).__name__) from error


class DamagedState(UserError):
    """A state of ours whose files are broken: an earlier one of the run will do."""


def _damaged(folder: Path, how: str) -> DamagedState:
    return DamagedState(f"The state in {folder} is damaged ({how}): resume from an earlier one.")


def read_train_state(folder: Path) -> TrainState:
    """The part of a state that is plain text; raises UserError where it is missing or foreign."""
    if all((folder / name).is_file() for name in _KOHYAS):
        raise UserError(
            f"The state in {folder} is one of sd-scripts, whose optimizer is not read here: go on from its weights with "
            f"--network_weights {folder / _KOHYAS[0]}."
        )
    try:
        content = read_json(folder / _JSON)
    except FileNotFoundError:
        raise UserError(f"There is no state in {folder} (no {_JSON}): give the folder that ends in -state.") from None
    except (OSError, ValueError) as error:
        raise DamagedState(f"The state in {folder} can't be read ({error}): resume from an earlier one.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"The state in {folder} is not one that this version can go on from: start anew, with its LoRA as "
            "--network_weights."
        )
    known = {name: value for name, value in content.items() if name in TrainState.__dataclass_fields__}
    try:
        state = TrainState(**{**known, "stretch": Stretch(**known["stretch"])})
    except (KeyError, TypeError) as error:
        raise _damaged(folder, type(error).__name__) from error
    numbers = (state.seed, state.session_id, state.step, state.stage, *vars(state.stretch).values())
    if not all(isinstance(one, int) for one in numbers) or not isinstance(state.about, dict):
        raise _damaged(folder, "TypeError")
    return state
