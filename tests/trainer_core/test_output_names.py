"""Names are kohya's, and a run never takes one whose files exist."""

from pathlib import Path

import pytest

from lora_workbench.trainer_core import output_names


def test_names_are_kohyas() -> None:
    assert output_names.epoch_file("penny", 2) == "penny-000002.safetensors"
    assert output_names.step_file("penny", 150) == "penny-step00000150.safetensors"
    assert output_names.state_folder("penny-000002.safetensors") == "penny-000002-state"


@pytest.mark.parametrize(
    "existing",
    ["penny.safetensors", "penny-000003.safetensors", "penny-step00000010.safetensors", "penny-state", "Penny.safetensors"],
)
def test_a_taken_name_is_left_alone(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).mkdir()
    assert output_names.free_output_name(tmp_path, "penny") == "penny-2"
    assert output_names.free_output_name(tmp_path, "penny", overwrite=True) == "penny"


def test_other_files_take_no_name(tmp_path: Path) -> None:
    for name in ("penny2.safetensors", "penny.txt", "apenny.safetensors"):
        (tmp_path / name).touch()
    assert output_names.free_output_name(tmp_path, "penny") == "penny"
    assert output_names.free_output_name(tmp_path / "new", None) == "last"


def test_what_a_states_folder_says_of_its_run() -> None:
    never = float("inf")
    assert output_names.run_of_state("penny-step00000150-state") == ("penny", 150, never)
    assert output_names.run_of_state("penny-2-000004-state") == ("penny-2", never, 4)
    assert output_names.run_of_state("penny-state") == ("penny", never, never)
