from __future__ import annotations

from typing import Any

import pytest

from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import Settings, SettingsError, parse_arguments
from lora_workbench.trainer_core.settings.network_kinds import ARGUMENTS


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("decouple=True", True),
        ("decouple=true", True),
        ("weight_decay=0.01", 0.01),
        ("betas=0.9,0.999", (0.9, 0.999)),
        ("betas=(0.9, 0.999)", (0.9, 0.999)),
        ("d_coef=2", 2),
        ("growth_rate=None", None),
        ("eps=1e-8", 1e-8),
        ("step_rules=1:10,0.1", "1:10,0.1"),
        ("name='a=b'", "a=b"),
        ("name=", ""),
        ("x=__import__('os')", "__import__('os')"),
    ],
)
def test_literals(word: str, value: Any) -> None:
    (found,) = parse_arguments([word]).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["decouple", "=1", "1x=2", "a b=1"])
def test_words_that_are_no_arguments(word: str) -> None:
    with pytest.raises(WordsError, match="name=value"):
        parse_arguments([word])


def test_network_options() -> None:
    def given(*words: str, module: str = "networks.lora") -> dict[str, Any]:
        options = Settings.of(network_args=list(words), network_module=module).network_options()
        assert options.keys() == ARGUMENTS.keys()
        return {name: value for name, value in options.items() if value is not None}

    assert given() == {}
    assert given("conv_dim=4") == {"conv_dim": 4, "conv_alpha": 1.0}
    assert given("conv_dim=4", "conv_alpha=0")["conv_alpha"] == 4.0
    assert given("conv_dim=0") == {}
    assert given("rank_dropout=0.1", "module_dropout=0.2") == {"rank_dropout": 0.1, "module_dropout": 0.2}
    assert given("block_weights=1,0,X", "x=0.5") == {"block_weights": "1,0,X", "x": 0.5}
    assert given("algo=loha", "use_cp=True", module="lycoris.kohya") == {"algo": "loha", "use_tucker": True}
    assert given("algo=LoCon", "disable_conv_cp=True", module="lycoris.kohya") == {"algo": "lora", "use_tucker": False}
    assert given("algo=lokr", "factor=8", "conv_dim=0") == {"algo": "lokr", "factor": 8, "conv_dim": 0}
    assert given("algo=dora", module="lycoris.kohya") == {"algo": "lora", "dora_wd": True}
    assert given("unit=2", module="networks.dylora") == {"unit": 2}
    assert given("enable_conv=true", module="networks.oft") == {"enable_conv": True}
    assert given("conv_dim=4", module="lycoris.kohya") == {"conv_dim": 4}  # LyCORIS' conv_alpha is network_alpha


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("conv_dims=4", "did you mean conv_dim?"),
        ("conv_dim=769", "from 0 to 768"),
        ("rank_dropout=2", "from 0 to 1"),
        ("conv_alpha=1", "needs conv_dim"),
        ("conv_dim", "name=value"),
        ("algo=lora2", "did you mean lora?"),
        ("dora_wd=true", "dora_wd is not an argument of networks.lora; lycoris.kohya takes it"),
        ("factor=8", "factor is not an argument of networks.lora; it belongs to algo=lokr"),
    ],
)
def test_wrong_network_args(word: str, message: str) -> None:
    with pytest.raises(SettingsError, match="network_args") as error:
        Settings.of(network_args=[word])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algo=loha", "factor=8"], "factor is not an argument of lycoris.kohya with algo=loha; it belongs to algo=lokr"),
        (["preset=fulll"], "did you mean full?"),
        (["dora_wd=true", "wd_on_output=true"], "wd_on_output is refused, because webui applies such a DoRA wrongly"),
        (["algo=loha", "use_scalar=true"], "use_scalar is refused"),
        (["algo=diag-oft", "constraint=0.1"], "constraint is refused, because OFT's turn is trained without a limit"),
        (["algo=ia3", "loraplus_lr_ratio=16"], "loraplus_lr_ratio is not an argument of lycoris.kohya with algo=ia3"),
    ],
)
def test_wrong_arguments_of_lycoris(words: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match="network_args") as error:
        Settings.of(network_args=words, network_module="lycoris.kohya")
    assert message in str(error.value)


def test_unknown_networks() -> None:
    with pytest.raises(SettingsError, match="network_module must be one of networks.lora, .*; did you mean networks.lora?"):
        Settings.of(network_module="networks.loro")


def test_merged_loras_and_their_strengths() -> None:
    assert Settings.of().merged_loras() == []
    some = Settings.of(base_weights=["a", "b"], base_weights_multiplier=[0.5])
    assert some.merged_loras() == [("a", 0.5, 0.5), ("b", 1.0, 1.0)]
    with pytest.raises(SettingsError, match="2 numbers for 1 files"):
        Settings.of(base_weights=["a"], base_weights_multiplier=[0.5, 1])
