"""The files that a plan counts are those that the saver leaves: the saver itself is run through runs of random lengths."""

from __future__ import annotations

import random

import pytest
import torch

from lora_workbench.trainer_core.axis import Stretch
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.output_counts import kept_files, kept_states
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.snapshots import Learnt, Saver
from lora_workbench.trainer_core.state import TrainState

CASES = 30


def asked(choose: random.Random) -> dict[str, object]:
    """Settings of saving, each there or not."""
    names = (
        "save_every_n_epochs",
        "save_n_epoch_ratio",
        "save_every_n_steps",
        "save_last_n_epochs",
        "save_last_n_epochs_state",
    )
    names += ("save_last_n_steps", "save_last_n_steps_state")
    found: dict[str, object] = {name: choose.randint(1, 6) for name in names if choose.random() < 0.45}
    if "save_n_epoch_ratio" in found:
        found.pop("save_every_n_epochs", None)  # settings refuse both
    found |= {name: True for name in ("save_state", "save_state_on_train_end") if choose.random() < 0.6}
    if choose.random() < 0.3:
        found |= {"ema_decay": 0.9, "ema_save": "beside"}
    return found


@pytest.mark.parametrize("case", range(CASES))
def test_as_many_files_and_states_are_left_as_counted(case, tmp_path):
    choose = random.Random(case)
    settings = Settings.of(**asked(choose))
    first = Stretch(choose.randint(1, 17), choose.randint(1, 5))
    stretches = [first]
    if choose.random() < 0.4:
        stretches.append(Stretch(choose.randint(1, 9), choose.randint(1, 5), first.end, first.epochs))
    steps, epochs = stretches[-1].end, sum(one.epochs for one in stretches)
    lora = {"lora_unet_x.lora_down.weight": torch.zeros(1, 1)}
    learnt = Learnt(lora, lora, {}, lora if settings.ema_decay else None)
    saver = Saver(settings, tmp_path / "lora", tmp_path / "job", {}, steps, epochs, EventLog(tmp_path / "job"))
    state = TrainState(1, 1, 0.0, "penny", first)
    for stretch in stretches:
        state.stretch = stretch
        for step in range(stretch.first_step + 1, stretch.end + 1):
            state.step = step
            saver.save_due(state, learnt)
    saver.save_final(state, learnt)
    assert len(list((tmp_path / "lora").glob("*.safetensors"))) == kept_files(settings, steps, epochs)
    assert len(list((tmp_path / "lora").glob("*-state"))) == kept_states(settings, steps, epochs)
