"""Numbers of an axis, one by one or as the ranges that webui's X/Y/Z plot takes: 0.5-1.5 (+0.25), 0-1 [5], 1-4."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from typing import Any

MOST = 1000  # values of one range
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_RANGE = re.compile(rf"({_NUMBER})-({_NUMBER})(?:\(([+-]?{_NUMBER})\)|\[(\d+)\])?")


class Numbers(argparse.Action):
    """Appends what each word stands for, which may be several numbers."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        before = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*before, *(one for several in values for one in several)])


def numbers(text: str) -> list[float]:
    """The finite numbers that a word stands for; ArgumentTypeError with what is wrong."""
    match = _RANGE.fullmatch(text.replace(" ", ""))
    if match:
        return _spread(text, *match.groups())
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number, and no range such as 0.5-1.5(+0.25) or 0-1[5]")
    return [value]


def whole_numbers(text: str) -> list[int]:
    """The same for whole numbers, of any size."""
    try:
        return [int(text)]
    except ValueError:
        found = numbers(text)
    if any(one != int(one) for one in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, and no range such as 1-5")
    return [int(one) for one in found]


def _spread(text: str, low: str, high: str, step: str | None, count: str | None) -> list[float]:
    first, last = float(low), float(high)
    if count is not None:
        number = int(count)
        by = (last - first) / (number - 1) if number > 1 else 0.0
    else:
        by = float(step) if step is not None else math.copysign(1.0, last - first)
        number = math.floor((last - first) / by + 1e-9) + 1 if by else 0
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is a range of no values or of more than {MOST}")
    return _rounded([first + place * by for place in range(number)])


def _rounded(values: Sequence[float]) -> list[float]:
    """Without the binary tail of 0.1 + 0.2."""
    return [float(f"{one:.10g}") for one in values]
