"""Randomness as a function: every draw is keyed by what it is for, so that nothing depends on what was drawn before.

A killed run that is resumed, another number of workers or another device therefore draws the same numbers.
Philox-4x64 (Salmon et al. 2011) with a 128-bit key; the key is the BLAKE2b hash of (seed, what, numbers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np  # a plan draws nothing, and begins sooner without it


def _key(seed: int, what: str, numbers: Sequence[int]) -> int:
    text = "|".join([str(int(seed)), what, *(str(int(number)) for number in numbers)])
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest(), "little")


def generator(seed: int, what: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for `what` (for instance "noise") at `numbers` (for instance step and item)."""
    import numpy as np

    return np.random.Generator(np.random.Philox(key=_key(seed, what, numbers)))


def normal(shape: Sequence[int], seed: int, what: str, *numbers: int) -> np.ndarray:
    """Standard normal float32 numbers of the given shape."""
    return generator(seed, what, *numbers).standard_normal(tuple(shape), dtype="float32")


def uniform(seed: int, what: str, *numbers: int) -> float:
    """One number in [0, 1)."""
    return float(generator(seed, what, *numbers).random())


def uniform_int(low: int, high: int, seed: int, what: str, *numbers: int) -> int:
    """One whole number in [low, high)."""
    return int(generator(seed, what, *numbers).integers(low, high))


def permutation(count: int, seed: int, what: str, *numbers: int) -> list[int]:
    """The numbers 0 … count-1 in random order."""
    return generator(seed, what, *numbers).permutation(count).tolist()


def integer_seed(seed: int, what: str, *numbers: int) -> int:
    """A 63-bit seed for a generator that is not ours, such as torch's."""
    return _key(seed, what, numbers) >> 65
