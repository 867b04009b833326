"""Randomness is a function of what it is for."""

import subprocess
import sys

import numpy as np
import pytest

from lora_workbench.trainer_core import randomness


def test_the_same_words_give_the_same_numbers_in_any_order() -> None:
    first = randomness.normal((4, 3), 7, "noise", 1, 2, 3)
    randomness.normal((100,), 7, "noise", 9)
    assert np.array_equal(first, randomness.normal((4, 3), 7, "noise", 1, 2, 3))
    assert first.dtype == np.float32


def test_another_process_draws_the_same() -> None:
    code = (
        "from lora_workbench.trainer_core import randomness as r; print(r.uniform(7, 'flip', 1, 2), r.permutation(5, 7, 'x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = f"{randomness.uniform(7, 'flip', 1, 2)} {randomness.permutation(5, 7, 'x')}"
    assert done.stdout.strip() == expected


@pytest.mark.parametrize("other", [(8, "flip", 1, 2), (7, "flop", 1, 2), (7, "flip", 2, 1), (7, "flip", 1), (7, "flip", 12)])
def test_every_word_of_the_key_counts(other: tuple) -> None:
    assert randomness.uniform(*other) != randomness.uniform(7, "flip", 1, 2)


def test_draws_are_even() -> None:
    drawn = [randomness.uniform(1, "even", number) for number in range(4000)]
    assert abs(np.mean(drawn) - 0.5) < 0.02 and abs(np.var(drawn) - 1 / 12) < 0.005
    dice = [randomness.uniform_int(1, 7, 1, "dice", number) for number in range(600)]
    assert set(dice) == {1, 2, 3, 4, 5, 6}
    assert sorted(randomness.permutation(50, 1, "cards")) == list(range(50))


def test_seeds_for_other_generators_fit_63_bits() -> None:
    seeds = {randomness.integer_seed(3, "step", number) for number in range(500)}
    assert len(seeds) == 500 and max(seeds) < 2**63 and max(seeds) > 2**60
