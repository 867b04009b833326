"""States that are none of ours are told apart in one sentence, with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.trainer_core.axis import Stretch
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.state import DamagedState, TrainState, load_state, read_train_state, save_state


@pytest.mark.parametrize("with_json", [True, False])
def test_a_state_of_sd_scripts(tmp_path: Path, with_json: bool) -> None:
    for name in ("model.safetensors", "optimizer.bin", "random_states_0.pkl"):
        (tmp_path / name).write_bytes(b"x")
    if with_json:  # older ones have none
        (tmp_path / "train_state.json").write_text(json.dumps({"current_epoch": 3, "current_step": 120}), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_train_state(tmp_path)
    assert "one of sd-scripts" in str(error.value)
    assert str(error.value).endswith(f"--network_weights {tmp_path / 'model.safetensors'}.")


def test_another_program_or_version(tmp_path: Path) -> None:
    (tmp_path / "train_state.json").write_text('{"format": "another 9"}', encoding="utf-8")
    with pytest.raises(UserError, match="not one that this version can go on from"):
        read_train_state(tmp_path)


@pytest.mark.parametrize("broken", ["network", "optimizer", "average", None])
def test_a_state_whose_numbers_went_wrong_is_a_damaged_one(tmp_path: Path, broken: str | None) -> None:
    import torch

    good, bad = torch.ones(2, 2), torch.tensor([[1.0, float("nan")], [0.0, float("inf")]])
    state = TrainState(1, 2, 0.0, "penny", Stretch(0, 3, 3, 0), step=2)
    inside = {"state": {0: {"step": torch.tensor(2), "exp_avg": bad if broken == "optimizer" else good}}, "param_groups": [{}]}
    machinery = {"optimizer": inside, "schedule": None, "average": {"weights": [bad if broken == "average" else good]}}
    save_state(tmp_path / "penny-state", state, {"down": bad if broken == "network" else good}, machinery)
    if broken is None:
        assert load_state(tmp_path / "penny-state")[0] == state
        return
    with pytest.raises(DamagedState, match=r"penny-state is damaged \(numbers that are not finite\): resume"):
        load_state(tmp_path / "penny-state")
