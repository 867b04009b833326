"""A Brownian motion over sigmas that a seed gives, whatever parts of it are asked for: the noise of webui's SDE samplers.

The whole interval's increment is drawn first; then intervals are halved until both ends that are asked for are reached, and
each half's increment follows from the whole's (Brownian bridge). Seeds and rounding are those of torchsde's BrownianTree, so
that the noise is webui's with its RNG set to CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

_DIGITS = 6  # of sigmas, to which ends are rounded
_POOL = 24  # of numpy's SeedSequence
_KEPT = 64  # halved intervals: what the next step begins with is there, and a large picture's motion fills no memory


@dataclass(frozen=True)
class _Interval:
    """A part of the motion: its ends, its increment, and its place among the halves of its depth."""

    start: float
    end: float
    increment: torch.Tensor
    place: int = 0
    depth: int = 0


class BrownianMotion:
    """The motion from `low` to `high` of one picture; shape: [4, h, w]."""

    def __init__(self, low: float, high: float, shape: Sequence[int], seed: int) -> None:
        self._seed, self._shape = seed, tuple(shape)
        first = int(np.random.SeedSequence(entropy=seed, pool_size=_POOL).generate_state(3)[0])
        whole = self._normal(first) * math.sqrt(high - low)
        self._whole = _Interval(round(low, _DIGITS), round(high, _DIGITS), whole)
        self._halves: dict[tuple[int, int], tuple[_Interval, _Interval]] = {}

    def __call__(self, start: float, end: float) -> torch.Tensor:
        """The increment from the lower to the higher sigma."""
        wanted = (max(round(start, _DIGITS), self._whole.start), min(round(end, _DIGITS), self._whole.end))
        return self._within(self._whole, *wanted)

    def _within(self, interval: _Interval, start: float, end: float) -> torch.Tensor:
        if (start, end) == (interval.start, interval.end):
            return interval.increment
        left, right = self._halved(interval)
        if end <= left.end:
            return self._within(left, start, end)
        if start >= left.end:
            return self._within(right, start, end)
        return self._within(left, start, left.end) + self._within(right, left.end, end)

    def _halved(self, whole: _Interval) -> tuple[_Interval, _Interval]:
        key = (whole.place, whole.depth)
        if key not in self._halves:
            middle = round(0.5 * (whole.end + whole.start), _DIGITS)
            sequence = np.random.SeedSequence(entropy=self._seed, spawn_key=key, pool_size=_POOL)
            noise = self._normal(int(sequence.generate_state(4)[0]))
            before, after, part = middle - whole.start, whole.end - middle, 1 / (whole.end - whole.start)
            left = before * whole.increment * part + math.sqrt(before * after * part) * noise
            if len(self._halves) >= _KEPT:
                del self._halves[next(iter(self._halves))]
            self._halves[key] = (
                _Interval(whole.start, middle, left, 2 * whole.place, whole.depth + 1),
                _Interval(middle, whole.end, whole.increment - left, 2 * whole.place + 1, whole.depth + 1),
            )
        return self._halves[key]

    def _normal(self, seed: int) -> torch.Tensor:
        return torch.randn(self._shape, generator=torch.Generator().manual_seed(seed))


def brownian_noise(levels: Sequence[float], like: torch.Tensor, seeds: Sequence[int]) -> Callable[[float, float], torch.Tensor]:
    """(sigma, lower sigma) → normal noise [B, 4, h, w] of the step between them; steps within steps get noise that fits.

    levels: of the whole sampling; like: the latents [B, 4, h, w]; seeds: of each picture.
    """
    low, high = min(one for one in levels if one > 0), max(levels)
    motions = [BrownianMotion(low, high, like.shape[1:], seed) for seed in seeds]

    def noise(sigma: float, lower: float) -> torch.Tensor:
        moved = torch.stack([motion(lower, sigma) for motion in motions])
        return (-moved / math.sqrt(sigma - lower)).to(like.device)

    return noise
