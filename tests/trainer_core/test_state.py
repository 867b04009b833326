"""States that are none of ours are told apart in one sentence, with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.state import read_train_state


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
