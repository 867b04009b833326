"""Networks under sd-scripts' own names are trained as the kinds that they are, and it is said."""

from __future__ import annotations

import pytest

from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        ("networks.loha", None, ("algo=loha", "preset=attn-mlp")),
        ("networks.lokr", ["conv_dim=4", "factor=8"], ("algo=lokr", "preset=full", "conv_dim=4", "factor=8")),
        ("networks.lora_fa", ["rank_dropout=0.1"], ("rank_dropout=0.1",)),
    ],
)
def test_names_of_sd_scripts(module: str, args: list[str] | None, words: tuple[str, ...]) -> None:
    given = {"network_module": module, **({"network_args": args} if args else {})}
    settings = Settings.of(**given)
    assert settings.network_args == words
    assert settings.network_module == ("networks.lora" if module.endswith("_fa") else "lycoris.kohya")
    assert [notice.code for notice in settings.notices] == ["setting-replaced"]
    found = import_text(f"train_network.py --network_module {module}" + (f" --network_args {' '.join(args)}" if args else ""))
    assert found.left == [] and found.values["network_args"] == words and len(found.notes) == 1


def test_an_algo_beside_plain_lora_is_told() -> None:
    """sd-scripts leaves algo out without a word, and trains a LoRA."""
    settings = Settings.of(network_module="networks.lora", network_args=["conv_dim=4", "algo=lokr"])
    assert settings.network_module == "lycoris.kohya"
    assert [notice.message for notice in settings.notices] == [
        "algo=lokr is LyCORIS': network_module is taken for lycoris.kohya."
    ]
    assert Settings.of(network_module="networks.lora", network_args=["conv_dim=4"]).notices == ()


def test_a_large_rank_with_such_a_name() -> None:
    settings = Settings.of(network_module="networks.lokr", network_dim=100000)
    assert settings.network_options()["full_matrix"] is True and len(settings.notices) == 2


def test_networks_of_other_families_are_refused() -> None:
    with pytest.raises(SettingsError, match="network_module must be one of networks.lora"):
        Settings.of(network_module="networks.lora_flux")
