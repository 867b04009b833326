from __future__ import annotations

from typing import Any

import pytest

from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import Settings, SettingsError, parse_arguments


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
    none = {"conv_dim": None, "conv_alpha": None, "rank_dropout": None, "module_dropout": None}
    assert Settings.of().network_options() == none
    assert Settings.of(network_args=["conv_dim=4"]).network_options() == {**none, "conv_dim": 4, "conv_alpha": 1.0}
    assert Settings.of(network_args=["conv_dim=4", "conv_alpha=0"]).network_options()["conv_alpha"] == 4.0
    options = Settings.of(network_args=["rank_dropout=0.1", "module_dropout=0.2"]).network_options()
    assert (options["rank_dropout"], options["module_dropout"]) == (0.1, 0.2)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("conv_dims=4", "did you mean conv_dim?"),
        ("algo=loha", "algo is not built yet"),
        ("conv_dim=0", "from 1 to 768"),
        ("rank_dropout=2", "from 0 to 1"),
        ("conv_alpha=1", "needs conv_dim"),
        ("conv_dim", "name=value"),
    ],
)
def test_wrong_network_args(word: str, message: str) -> None:
    with pytest.raises(SettingsError, match="network_args") as error:
        Settings.of(network_args=[word])
    assert message in str(error.value)
