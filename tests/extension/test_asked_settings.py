"""Settings from a page: names, sizes, paths, and what the server adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.asked_settings import NOT_ASKED, check_values, checked_settings, run_settings
from lora_workbench.extension.errors import Refused
from lora_workbench.extension.rights import Rights
from lora_workbench.trainer_core.settings import ALL, SettingsError


def test_plain_settings_pass_as_they_are(tmp_path: Path) -> None:
    asked = {
        "network_dim": 8,
        "optimizer_args": ["d_coef=2"],
        "train_data_dir": str(tmp_path),
        "seed": None,
        "vae": "",
        "flip_aug": True,
    }
    checked = checked_settings(asked, Rights())
    assert checked == {"network_dim": 8, "optimizer_args": ["d_coef=2"], "train_data_dir": str(tmp_path), "flip_aug": True}


def test_stages_are_asked_for_under_the_same_rules(tmp_path: Path) -> None:
    stages = [{"max_train_epochs": 2, "unet_lr": 1e-4}, {"max_train_steps": 5, "train_data_dir": str(tmp_path)}]
    assert checked_settings({"stages": stages}, Rights()) == {"stages": stages}
    with pytest.raises(Refused, match="dataset_config can't be used while others can reach this webui"):
        checked_settings(
            {"stages": [{"max_train_steps": 5, "dataset_config": "/x.toml"}]}, Rights(restricted=True, readable=(Path("/"),))
        )
    with pytest.raises(Refused):
        checked_settings({"stages": [{"max_train_steps": 5, "reg_data_dir": str(tmp_path)}]}, Rights(hide_folders=True))
    with pytest.raises(Refused, match="'network_dim' is not a setting that a stage can change"):
        checked_settings({"stages": [{"max_train_steps": 5, "network_dim": 4}]}, Rights())
    for wrong in ("x", [1], [[]], [{"max_train_steps": 1}] * 21):
        with pytest.raises(Refused, match="stages must be a list of at most 20 stages, each names and values"):
            checked_settings({"stages": wrong}, Rights())


@pytest.mark.parametrize(
    "asked",
    [
        [], None, "x", {"nonsense": 1}, {"--output_dir": "/x"}, {"network_dim\0": 1}, {5: 5}, {"network_dim": {"a": 1}},
        {"training_comment": "x" * 10_001}, {"optimizer_args": ["x"] * 201}, {"optimizer_args": [["x"]]}, {"seed": 2**63},
        {"output_name": "../penny"}, {"output_name": "a/b"}, {"output_name": ".."}, {"log_prefix": "../../x"},
        {"output_dir": "relative"},
        {"caption_extension": "/../x"}, {"caption_extension": ".t/xt"}, {"caption_extension": ".py;rm"},
        {"caption_extension": 5},
        *({name: "x"} for name in NOT_ASKED),
    ],
)  # fmt: skip
def test_what_may_never_be_asked(asked: Any) -> None:
    with pytest.raises(Refused):
        checked_settings(asked, Rights())


def test_every_path_setting_is_confined(tmp_path: Path) -> None:
    rights = Rights(True, readable=(tmp_path / "data",), writable=(tmp_path / "data",))
    names = [one.name for one in ALL.values() if one.kind == "path" and one.name not in NOT_ASKED]
    assert len(names) > 8
    for name in [*names, "metadata_thumbnail"]:
        with pytest.raises(Refused) as refused:
            checked_settings({name: str(tmp_path / "elsewhere" / "x.toml")}, rights)
        assert refused.value.status == 403, name
        if name not in ("dataset_config", "in_json"):
            inside = str(tmp_path / "data" / "x")
            assert checked_settings({name: inside}, rights) == {name: inside}


@pytest.mark.parametrize("name", ["dataset_config", "in_json"])
def test_a_file_that_names_folders_and_pictures_of_its_own(name: str, tmp_path: Path) -> None:
    rights = Rights(True, readable=(tmp_path,), writable=(tmp_path,))
    with pytest.raises(Refused, match=f"{name} can't be used .* give train_data_dir"):
        checked_settings({name: str(tmp_path / "a.toml")}, rights)


def test_what_the_server_adds(tmp_path: Path) -> None:
    runs, data = tmp_path / "runs", tmp_path / "data"
    made = run_settings({"output_name": "penny", "save_every_n_steps": 50}, runs, data)
    assert made["output_dir"] == str(runs / "penny") and made["data_dir"] == str(data)
    assert made["save_state"] is True and made["save_last_n_epochs_state"] == 1 and made["save_last_n_steps_state"] == 50
    given = {"output_dir": "/x", "save_state": False, "sample_prompts": "/p"}
    kept = run_settings(given, runs, data, tmp_path / "prompts.txt")
    assert {name: kept[name] for name in given} == given
    assert run_settings({}, runs, data, tmp_path / "prompts.txt")["sample_prompts"] == str(tmp_path / "prompts.txt")
    check_values(made)


def test_wrong_values_are_told_together() -> None:
    with pytest.raises(SettingsError) as wrong:
        check_values({"network_dim": 0, "optimizer_args": ["__import__('os').system('id')"], "optimizer_type": "os.system"})
    assert len(wrong.value.problems) == 3
