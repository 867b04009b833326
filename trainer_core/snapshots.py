"""When a run saves, under which names, and what it may take away again: only what it made itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .events import EventLog
from .models.header import CheckpointError, read_header
from .networks.format import save_lora
from .networks.metadata import at_save
from .output_counts import epoch_interval
from .output_names import average_file, epoch_file, final_file, state_folder, step_file
from .problems import UserError
from .settings import Settings
from .state import TrainState, save_state

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Learnt:
    """What a run has learnt, under kohya's names. `lora`: the weights that are saved; `average`: a moving average that is
    saved beside them, or None. `trained` and `machinery`: the weights and state dicts that a resume needs."""

    lora: Tensors
    trained: Tensors
    machinery: Mapping[str, Any]
    average: Tensors | None = None


def require_finite(name: str, state: TrainState, tensors: Tensors) -> None:
    """UserError where a LoRA that is to be saved as `name` holds NaN or infinity."""
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise UserError(
            f"The LoRA holds numbers that are not finite after step {state.step}: {name} was not saved; files "
            "saved before are as they were."
        )


def _is_of_step(entry: Mapping[str, Any], state: TrainState) -> bool:
    """Whether a snapshot is of the step that the state stands at."""
    if entry["kind"] == "epoch":
        return bool(state.epoch_ended and entry["number"] == state.epoch)
    return bool(entry["number"] == state.step)


@dataclass(frozen=True)
class Saver:
    """Writes a run's files. `rescue`: folder for a LoRA that the output folder has no room for."""

    settings: Settings
    output_dir: Path
    rescue: Path
    metadata: Mapping[str, str]
    steps: int
    epochs: int
    events: EventLog

    def due(self, state: TrainState) -> list[str]:
        """Names of the snapshots that are due after the step just done; the last epoch has the final name only."""
        names, step, name = [], state.step, state.output_name
        every_steps, every_epochs = self.settings.save_every_n_steps, epoch_interval(self.settings, self.epochs)
        if every_steps and step % every_steps == 0 and step < self.steps:
            names.append(step_file(name, step))
        due = every_epochs and state.epoch_ended and state.epoch % every_epochs == 0
        if due and state.epoch < self.epochs and step < self.steps:
            names.append(epoch_file(name, state.epoch))
        return names

    def save_due(self, state: TrainState, learnt: Learnt) -> list[dict[str, Any]]:
        """Writes what is due; returns the run's snapshots."""
        for name in self.due(state):
            kind = "step" if "-step" in name.removeprefix(state.output_name) else "epoch"
            number = state.step if kind == "step" else state.epoch
            state.saved = [one for one in state.saved if one["file"] != name]
            entry = {"kind": kind, "number": number, "file": name, "state": self.settings.save_state}
            state.saved.append(entry)
            path, state_path = self._save(name, state, learnt, self.settings.save_state)
            entry["state"] = state_path is not None
            # Only now, so that a run that is killed in between still has a state to go on from.
            if path.parent == self.output_dir and entry["state"] == self.settings.save_state:
                self._remove_old(state, kind, number)
        return state.saved

    def save_missed(self, state: TrainState, learnt: Callable[[], Learnt]) -> list[dict[str, Any]]:
        """For a run that goes on: writes the LoRAs that belong to its state where a kill came between, and takes old ones
        away; returns the run's snapshots."""
        for entry in [one for one in state.saved if _is_of_step(one, state)]:
            name, state_path = entry["file"], self.output_dir / state_folder(entry["file"])
            if state_path.is_dir() and not (self.output_dir / name).exists():
                path = self._save_networks(name, state, learnt())
                self.events.write("saved", path=str(path), epoch=state.epoch, step=state.step, state=str(state_path))
            if entry["kind"] != "asked":
                self._remove_old(state, entry["kind"], entry["number"])
        return state.saved

    def save_final(self, state: TrainState, learnt: Learnt) -> Path:
        self._keep_shorter(state)
        with_state = self.settings.save_state or self.settings.save_state_on_train_end
        return self._save(final_file(state.output_name), state, learnt, with_state)[0]

    def save_asked(self, state: TrainState, learnt: Learnt) -> tuple[Path, Path | None]:
        """What the run has learnt so far and the state that a resume needs (None where it couldn't be written).

        Files that someone asked for are never taken away again, whatever save_last_n_… says.
        """
        name = step_file(state.output_name, state.step)
        state.saved = [one for one in state.saved if one["file"] != name]
        state.saved.append({"kind": "asked", "number": state.step, "file": name, "state": True})
        return self._save(name, state, learnt, True)

    def _keep_shorter(self, state: TrainState) -> None:
        """Where the run was done before and was made longer, its LoRA of then stays, under the name of its epoch or step."""
        path = self.output_dir / final_file(state.output_name)
        try:
            metadata = read_header(path).metadata if path.is_file() else {}
        except (CheckpointError, OSError):
            return  # what can't be read can't be known for this run's
        steps, epochs = (int(one) if (one := metadata.get(name, "")).isdigit() else 0 for name in ("ss_steps", "ss_epoch"))
        if metadata.get("ss_session_id") != str(state.session_id) or not 0 < steps < state.step:
            return
        whole = epochs and state.stage == 1 and steps == epochs * state.stretch.steps_per_epoch
        name = epoch_file(state.output_name, epochs) if whole else step_file(state.output_name, steps)
        if (self.output_dir / name).exists():
            return
        try:
            for old, new in ((path.name, name), (average_file(path.name), average_file(name))):
                if (self.output_dir / old).is_file():
                    (self.output_dir / old).replace(self.output_dir / new)
        except OSError as error:  # what was learnt since is saved all the same
            self._warn("not-kept", f"The LoRA of the {steps} steps before can't stay as {name} ({error.strerror or error}).")
        else:
            print(f"note: the LoRA of the {steps} steps before stays as {name}.", flush=True)

    def _save(self, name: str, state: TrainState, learnt: Learnt, with_state: bool) -> tuple[Path, Path | None]:
        """Writes the LoRA, before it if asked its state; a state that the disk refuses costs a warning, not the run.

        The state comes first: a run that is killed between the two goes on from it, and writes what is missing.
        """
        require_finite(name, state, learnt.lora)
        state_path = None
        if with_state:
            wanted = self.output_dir / state_folder(name)
            try:
                save_state(wanted, state, learnt.trained, learnt.machinery)
            except OSError as error:
                why = f"{wanted} can't be written ({error.strerror or error}): {name} is saved without what a resume needs."
                self._warn("state-not-saved", why)
            else:
                state_path = wanted
        path = self._save_networks(name, state, learnt)
        told = str(state_path) if state_path else None
        self.events.write("saved", path=str(path), epoch=state.epoch, step=state.step, state=told)
        return path, state_path

    def _save_networks(self, name: str, state: TrainState, learnt: Learnt) -> Path:
        """The LoRA last, so that where it is there, its moving average is too."""
        if learnt.average is not None:
            self.save_network(average_file(name), state, learnt.average)
        return self.save_network(name, state, learnt.lora)

    def save_network(self, name: str, state: TrainState, tensors: Tensors) -> Path:
        """Writes the LoRA; where the output folder refuses it, into the job's folder, so that nothing is lost."""
        require_finite(name, state, tensors)
        metadata = at_save(dict(self.metadata), finished_at=time.time(), epoch=state.epoch, step=state.step)
        path = self.output_dir / name
        try:
            save_lora(path, tensors, metadata, self.settings.save_precision)
        except OSError as error:
            path = self.rescue / name
            save_lora(path, tensors, metadata, self.settings.save_precision)
            why = f"{self.output_dir} can't take {name} ({error.strerror or error}): it was saved as {path}."
            self._warn("saved-elsewhere", why)
        return path

    def _warn(self, code: str, message: str) -> None:
        self.events.write("warning", code=code, message=message)
        print(f"warning: {message}", flush=True)

    def _remove_old(self, state: TrainState, kind: str, number: int) -> None:
        """Takes away this run's snapshots and states that save_last_n_… no longer keeps."""
        files = self._oldest_kept(kind, number, states=False)
        states = self._oldest_kept(kind, number, states=True)
        for one in state.saved:
            if one["kind"] != kind:
                continue
            if files is not None and one["number"] < files and one["file"]:
                (self.output_dir / one["file"]).unlink(missing_ok=True)
                (self.output_dir / average_file(one["file"])).unlink(missing_ok=True)
            if one["state"] and states is not None and one["number"] < states:
                shutil.rmtree(self.output_dir / state_folder(one["file"]), ignore_errors=True)
                one["state"] = False

    def _oldest_kept(self, kind: str, number: int, states: bool) -> int | None:
        """The lowest epoch or step that stays; None keeps all. Epochs count snapshots, steps count steps, as in kohya's."""
        last = getattr(self.settings, f"save_last_n_{kind}s")
        if states:
            last = getattr(self.settings, f"save_last_n_{kind}s_state") or last
        if last is None:
            return None
        if kind == "epoch":
            return number - (epoch_interval(self.settings, self.epochs) or 1) * (last - 1)
        return number - last
