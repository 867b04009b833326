"""Numbers of an axis: one by one, and as webui's X/Y/Z plot takes ranges."""

from __future__ import annotations

import argparse

import pytest

from lora_workbench.trainer_core.grids.ranges import numbers, whole_numbers
from lora_workbench.trainer_core.grids.words import build_parser


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.5-1.5 (+0.25)", [0.5, 0.75, 1, 1.25, 1.5]),
        ("0.1-0.4(+0.1)", [0.1, 0.2, 0.3, 0.4]),  # without the tail of 0.1 + 0.2
        ("0-1 [5]", [0, 0.25, 0.5, 0.75, 1]),
        ("1-4", [1, 2, 3, 4]),
        ("4-2", [4, 3, 2]),
        ("-1-1(+1)", [-1, 0, 1]),
        ("1e-3", [0.001]),
        ("-.5", [-0.5]),
    ],
)
def test_a_word_stands_for_these_numbers(text: str, values: list[float]) -> None:
    assert numbers(text) == values


@pytest.mark.parametrize("text", ["a", "nan", "1-2(+0)", "1-2(-1)", "0-1(+0.00001)", "1-", "1-2[0]", "inf"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no number, and no range|no values or of more"):
        numbers(text)


def test_whole_numbers_of_any_size_and_several_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert whole_numbers("2-4") == [2, 3, 4] and whole_numbers(str(2**62 + 1)) == [2**62 + 1]
    with pytest.raises(argparse.ArgumentTypeError, match="no whole number"):
        whole_numbers("1-2(+0.5)")
    words = build_parser().parse_args(["a", "--te", "1", "0-1[2]", "--te", "2", "--seeds", "1-3"])
    assert (words.te, words.seeds, words.unet) == ([1, 0, 1, 2], [1, 2, 3], None)
