"""Samplers on the model's own timesteps: latents x = sqrt(a) · picture + sqrt(1-a) · noise, with a the picture's kept share.

`seen(x, timestep, a)`: the noise that the model sees. `timesteps` rise; the solver goes down them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

Seen = Callable[[torch.Tensor, float, float], torch.Tensor]  # (x, timestep 0 … 999, a) → predicted noise
Steps = Callable[[], None]
_ORDER = 3  # webui's for UniPC


def ddim(timesteps: Sequence[int], kept: torch.Tensor, x: torch.Tensor, seen: Seen, stepped: Steps) -> torch.Tensor:
    """Song et al. 2020 with eta 0. kept: [1000], the picture's share at each timestep."""
    for timestep, following in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        now, then = kept[timestep].item(), kept[following].item()
        x = _to(x, seen(x, float(timestep), now), now, then)
        stepped()
    return x


def _to(x: torch.Tensor, noise: torch.Tensor, now: float, then: float) -> torch.Tensor:
    """The latents of another timestep, of the same picture and noise."""
    picture = (x - (1 - now) ** 0.5 * noise) / now**0.5
    return then**0.5 * picture + (1 - then) ** 0.5 * noise


def plms(timesteps: Sequence[int], kept: torch.Tensor, x: torch.Tensor, seen: Seen, stepped: Steps) -> torch.Tensor:
    """Liu et al. 2022: the noise extrapolated from the last four steps; the first step's is the mean of both ends."""
    before: list[torch.Tensor] = []
    for timestep, following in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        now, then = kept[timestep].item(), kept[following].item()
        noise = seen(x, float(timestep), now)
        if not before:
            ahead = (noise + seen(_to(x, noise, now, then), float(following), then)) / 2
        else:
            weights = _ADAMS_BASHFORTH[len(before)]
            ahead = sum(weight * one for weight, one in zip(weights, (noise, *before), strict=True))
        x = _to(x, ahead, now, then)
        before = [noise, *before][:3]
        stepped()
    return x


_ADAMS_BASHFORTH = {
    1: (3 / 2, -1 / 2),
    2: (23 / 12, -16 / 12, 5 / 12),
    3: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


def unipc(
    steps: int, kept: torch.Tensor, x: torch.Tensor, seen: Seen, stepped: Steps, start: float | None = None
) -> torch.Tensor:
    """UniPC (Zhao et al. 2023) as webui sets it: B1(h), third order, times evenly spaced, lower orders at the end.

    `start`: the time to go down from, 0 … 1, 1 where none is given.
    """
    times = np.linspace(1.0 if start is None else start, 1 / len(kept), steps + 1)
    levels = [_Level.at(time, kept) for time in times]
    pictures = [levels[0].picture(x, seen)]
    for place in range(1, steps + 1):
        order = min(_ORDER, place, steps + 1 - place)
        known = [(levels[place - back], pictures[-back]) for back in range(1, order + 1)]
        x, picture = _unipc_step(x, known, levels[place], seen, correct=place < steps)
        pictures = [*pictures, picture][-_ORDER:]
        stepped()
    return x


class _Level:
    """A time of UniPC: its timestep, alpha and sigma (of the picture and of the noise), and log(alpha / sigma)."""

    def __init__(self, timestep: float, log_alpha: float) -> None:
        self.timestep = timestep
        self.alpha = math.exp(log_alpha)
        self.sigma = math.sqrt(1 - self.alpha**2)
        self.half_log_snr = log_alpha - math.log(self.sigma)

    @classmethod
    def at(cls, time: float, kept: torch.Tensor) -> _Level:
        """`time` 0.001 … 1 stands for timesteps 0 … 999, between which log alpha is linear."""
        timestep = time * len(kept) - 1
        return cls(timestep, float(np.interp(timestep, np.arange(len(kept)), 0.5 * np.log(kept.double().numpy()))))

    def picture(self, x: torch.Tensor, seen: Seen) -> torch.Tensor:
        return (x - self.sigma * seen(x, self.timestep, self.alpha**2)) / self.alpha


def _unipc_step(
    x: torch.Tensor, known: Sequence[tuple[_Level, torch.Tensor]], to: _Level, seen: Seen, correct: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """The latents at `to` and the picture predicted there. known: the last levels and pictures, newest first.

    Without `correct` nothing is predicted there, and the newest picture is handed back.
    """
    (now, picture), older = known[0], known[1:]
    h = to.half_log_snr - now.half_log_snr
    ratios = [(one.half_log_snr - now.half_log_snr) / h for one, _ in older]
    slopes = [(other - picture) / ratio for (_, other), ratio in zip(older, ratios, strict=True)]
    straight = to.sigma / now.sigma * x - to.alpha * math.expm1(-h) * picture
    size = to.alpha * -h  # alpha · B(h), with B1(h) = h and the sign of a step that is predicted from pictures

    predictor = [0.5] if len(slopes) == 1 else _weights(ratios, h)
    ahead = straight - size * sum(weight * slope for weight, slope in zip(predictor, slopes, strict=True))
    if not correct:
        return ahead, picture
    there = to.picture(ahead, seen)
    corrector = [0.5] if not slopes else _weights([*ratios, 1.0], h)
    both = [*slopes, there - picture]
    return straight - size * sum(weight * slope for weight, slope in zip(corrector, both, strict=True)), there


def _weights(ratios: Sequence[float], h: float) -> list[float]:
    """What the slopes count for, so that polynomials of that degree are exact (theorem 3.1 of the paper)."""
    if not ratios:
        return []
    negative, wanted, factorial = -h, [], 1
    phi = math.expm1(negative) / negative - 1
    for order in range(1, len(ratios) + 1):
        wanted.append(phi * factorial / negative)
        factorial *= order + 1
        phi = phi / negative - 1 / factorial
    powers = np.array([[ratio**power for ratio in ratios] for power in range(len(ratios))])
    return np.linalg.solve(powers, np.array(wanted)).tolist()
