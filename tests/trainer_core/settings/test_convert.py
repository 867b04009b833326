from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.settings import ALL
from lora_workbench.trainer_core.settings.convert import ValueProblem, convert, nearest


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("learning_rate", "1e-4", 0.0001),
        ("learning_rate", "0.0001", 0.0001),
        ("learning_rate", "5E-05", 0.00005),
        ("learning_rate", 1, 1.0),
        ("network_dim", "16", 16),
        ("network_dim", "1.6e1", 16),
        ("network_dim", 16.0, 16),
        ("seed", "9223372036854775807", 2**63 - 1),
        ("lr_warmup_steps", "0.1", 0.1),
        ("lr_warmup_steps", "10%", 0.1),
        ("lr_warmup_steps", "100", 100),
        ("resolution", "512", (512, 512)),
        ("resolution", 512, (512, 512)),
        ("resolution", "512,768", (512, 768)),
        ("resolution", "512x768", (512, 768)),
        ("resolution", [512, 768], (512, 768)),
        ("face_crop_aug_range", "2.0,4.0", (2.0, 4.0)),
        ("face_crop_aug_range", [1, 2], (1.0, 2.0)),
        ("shuffle_caption", "true", True),
        ("shuffle_caption", "No", False),
        ("lr_scheduler", "Cosine", "cosine"),
        ("text_encoder_lr", "5e-5", (5e-5,)),
        ("text_encoder_lr", 5e-5, (5e-5,)),
        ("text_encoder_lr", ["1e-5"], (1e-5,)),
        ("optimizer_args", "decouple=True d_coef=2", ("decouple=True", "d_coef=2")),
        ("optimizer_args", ["betas=0.9, 0.999"], ("betas=0.9, 0.999",)),
        ("max_token_length", "225", 225),
        ("output_dir", "some/where/", Path("some/where")),
        ("reg_data_dir", "", None),
        ("output_name", "", None),
        ("network_alpha", "0", 0.0),
        ("caption_separator", ";", ";"),
    ],
)
def test_values(name: str, raw: Any, value: Any) -> None:
    found = convert(ALL[name], raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("network_dim", "0", "from 1 to 768, not '0'"),
        ("network_dim", "769", "from 1 to 768"),
        ("network_dim", "8.5", "whole number"),
        ("network_dim", True, "whole number"),
        ("network_alpha", "-1", "at least 0"),
        ("learning_rate", "1e", "such as 0.0001 or 1e-4"),
        ("learning_rate", "nan", "finite"),
        ("learning_rate", "inf", "finite"),
        ("lr_warmup_steps", "1.5", "share below 1"),
        ("resolution", "512,512,3", "WIDTH,HEIGHT"),
        ("resolution", "big", "WIDTH,HEIGHT"),
        ("resolution", "32", "at least 64"),
        ("face_crop_aug_range", "4,2", "smaller"),
        ("face_crop_aug_range", "4", "two numbers"),
        ("shuffle_caption", "maybe", "true or false"),
        ("shuffle_caption", "", "true or false"),
        ("lr_scheduler", "cosin", "did you mean cosine?"),
        ("max_token_length", "100", "75, 150, 225"),
        ("optimizer_args", [1], "list of words"),
        ("output_dir", 3, "a path"),
        ("output_dir", "a\0b", "a path"),
        ("caption_dropout_rate", "1.5", "from 0 to 1"),
        ("text_encoder_lr", ["x"], "a number"),
        ("output_name", ["a"], "text"),
    ],
)
def test_wrong_values(name: str, raw: Any, words: str) -> None:
    with pytest.raises(ValueProblem) as error:
        convert(ALL[name], raw)
    assert words in str(error.value)


def test_nearest_name() -> None:
    assert nearest("nework_dim", tuple(ALL)) == "network_dim"
    assert nearest("PRODIGI", ("AdamW", "Prodigy")) == "Prodigy"
    assert nearest("zzzzzz", tuple(ALL)) is None
