"""network_dim=100000, as LyCORIS' users write it for a LoKr without low ranks, is understood and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.networks.kind_shapes import KindOptions, module_shapes
from lora_workbench.trainer_core.networks.targets import Target
from lora_workbench.trainer_core.settings import Settings, SettingsError, read_settings

LOKR = {"network_module": "lycoris.kohya", "network_args": ["algo=lokr", "factor=6", "conv_dim=100000", "conv_alpha=1"]}


def test_a_lokr_without_low_ranks() -> None:
    settings = Settings.of(network_dim=100000, **LOKR)
    options = settings.network_options()
    assert (options["full_matrix"], options["factor"], settings.network_dim) == (True, 6, 768)
    told = [notice.message for notice in settings.notices if notice.code == "setting-replaced"]
    assert told == ["network_dim 100000 is taken for full_matrix: LoKr's factors are kept whole."]
    again = Settings.from_dict(settings.as_dict(only_given=True))
    assert again.network_options() == options and again.notices == ()


@pytest.mark.parametrize("out", [320, 1280, 10240])
def test_it_has_the_same_tensors_as_such_a_rank(out: int) -> None:
    target = Target("lora_unet_x", "unet", "x", "linear", 1280, out)
    options: dict[str, Any] = {"factor": 6, "decompose_both": True}
    whole = module_shapes("lokr", target, 768, KindOptions(**options, full_matrix=True))
    assert whole == module_shapes("lokr", target, 100000, KindOptions(**options))


def test_words_and_file_count_together(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('network_module = "lycoris.kohya"\nnetwork_args = ["algo=lokr"]\n', encoding="utf-8")
    words = ["--config_file", str(path), "--network-dim"]
    assert read_settings([*words, "100000"]).network_options()["full_matrix"] is True
    assert read_settings([*words, "16"]).network_options()["full_matrix"] is None


@pytest.mark.parametrize("args", [[], ["algo=loha"], ["algo=lokkr"], ["conv_dim=4"]])
def test_other_kinds_have_their_limit(args: list[str]) -> None:
    with pytest.raises(SettingsError, match="network_dim must be from 1 to 768, not 100000"):
        Settings.of(network_dim=100000, network_args=args)


def test_a_kind_without_ranks_passes_it_over() -> None:
    settings = Settings.of(network_dim=1024, network_module="lycoris.kohya", network_args=["algo=ia3"])
    assert "(IA)^3 has no rank" in settings.notices[0].message


def test_imports_take_it_too() -> None:
    found = import_text(
        "train_network.py --network_dim 100000 --network_module lycoris.kohya --network_args algo=lokr factor=8"
    )
    assert found.left == [] and found.values["network_args"] == ("algo=lokr", "factor=8", "full_matrix=true")
    assert any("100000" in sentence for sentence in found.notes)
    assert [one.name for one in import_text("train_network.py --network_dim 100000 --network_alpha 8").left] == ["network_dim"]
