"""When a run saves, under which names, and what it may take away again: only what it made itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .events import EventLog
from .networks.format import save_lora
from .networks.metadata import at_save
from .output_names import epoch_file, final_file, state_folder, step_file
from .problems import UserError
from .settings import Settings
from .state import TrainState, save_state


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
        every_steps, every_epochs = self.settings.save_every_n_steps, self.epoch_interval()
        if every_steps and step % every_steps == 0 and step < self.steps:
            names.append(step_file(name, step))
        if every_epochs and step % state.steps_per_epoch == 0:
            epoch = step // state.steps_per_epoch
            if epoch % every_epochs == 0 and epoch < self.epochs and step < self.steps:
                names.append(epoch_file(name, epoch))
        return names

    def epoch_interval(self) -> int | None:
        if self.settings.save_every_n_epochs:
            return self.settings.save_every_n_epochs
        ratio = self.settings.save_n_epoch_ratio
        return max(1, self.epochs // ratio) if ratio else None

    def save_due(self, state: TrainState, tensors: Mapping[str, torch.Tensor], machinery: Mapping[str, Any]) -> None:
        for name in self.due(state):
            kind = "step" if "-step" in name.removeprefix(state.output_name) else "epoch"
            path = self.save_network(name, state, tensors)
            number = state.step if kind == "step" else state.epoch
            state.saved = [one for one in state.saved if one["file"] != name]
            state.saved.append({"kind": kind, "number": number, "file": name, "state": self.settings.save_state})
            if path.parent == self.output_dir:
                self._remove_old(state, kind, number)
            if self.settings.save_state:
                save_state(self.output_dir / state_folder(name), state, tensors, machinery)

    def save_final(self, state: TrainState, tensors: Mapping[str, torch.Tensor], machinery: Mapping[str, Any]) -> Path:
        path = self.save_network(final_file(state.output_name), state, tensors)
        if self.settings.save_state or self.settings.save_state_on_train_end:
            save_state(self.output_dir / f"{state.output_name}-state", state, tensors, machinery)
        return path

    def save_stopped(self, state: TrainState, tensors: Mapping[str, torch.Tensor], machinery: Mapping[str, Any]) -> Path:
        """Keeps what a run that was asked to stop has learnt so far, with all that a resume needs."""
        name = step_file(state.output_name, state.step)
        path = self.save_network(name, state, tensors)
        save_state(self.output_dir / state_folder(name), state, tensors, machinery)
        return path

    def save_network(self, name: str, state: TrainState, tensors: Mapping[str, torch.Tensor]) -> Path:
        """Writes the LoRA; where the output folder refuses it, into the job's folder, so that nothing is lost."""
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise UserError(
                f"The LoRA holds numbers that are not finite after step {state.step}: {name} was not saved; files "
                "saved before are as they were."
            )
        metadata = at_save(dict(self.metadata), finished_at=time.time(), epoch=state.epoch, step=state.step)
        path = self.output_dir / name
        try:
            save_lora(path, tensors, metadata, self.settings.save_precision)
        except OSError as error:
            path = self.rescue / name
            save_lora(path, tensors, metadata, self.settings.save_precision)
            self.events.write(
                "warning",
                code="saved-elsewhere",
                message=f"{self.output_dir} can't take {name} ({error.strerror or error}): it was saved as {path}.",
            )
            print(
                f"warning: {self.output_dir} can't take {name} ({error.strerror or error}): it was saved as {path}.", flush=True
            )
        self.events.write("saved", path=str(path), epoch=state.epoch, step=state.step)
        return path

    def _remove_old(self, state: TrainState, kind: str, number: int) -> None:
        """Takes away this run's snapshots and states that save_last_n_… no longer keeps."""
        files = self._oldest_kept(kind, number, states=False)
        states = self._oldest_kept(kind, number, states=True)
        for one in state.saved:
            if one["kind"] != kind:
                continue
            if files is not None and one["number"] < files and one["file"]:
                (self.output_dir / one["file"]).unlink(missing_ok=True)
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
            return number - (self.epoch_interval() or 1) * (last - 1)
        return number - last
