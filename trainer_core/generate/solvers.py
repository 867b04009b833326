"""Solvers that go down a list of sigmas, as k-diffusion has them under webui's names.

x = picture + sigma · noise; the ODE is dx/dsigma = noise (Karras et al. 2022), and in -log sigma the solvers of Lu et al. 2022
are exact for a picture that doesn't change. `seen(x, sigma)`: the noise that the model sees. Ancestral ones go further down
than asked and add new noise up to the wanted sigma.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from .schedule_types import karras_between

Seen = Callable[[torch.Tensor, float], torch.Tensor]  # (x, sigma) → predicted noise
Draw = Callable[[], torch.Tensor]  # the next normal noise of every picture, [B, 4, h, w]
Steps = Callable[[], None]  # called after every step
Solver = Callable[[Sequence[float], torch.Tensor, Seen, Draw, Steps], torch.Tensor]


def _pairs(sigmas: Sequence[float], stepped: Steps) -> Iterator[tuple[float, float]]:
    for pair in zip(sigmas, sigmas[1:], strict=False):
        yield pair
        stepped()


def ancestral(sigma: float, following: float) -> tuple[float, float]:
    """(sigma to go down to, sigma of the noise to add) so that both together have the variance of `following`."""
    up = min(following, (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
    return (following**2 - up**2) ** 0.5, up


def euler(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    for sigma, following in _pairs(sigmas, stepped):
        x = x + (following - sigma) * seen(x, sigma)
    return x


def euler_ancestral(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    for sigma, following in _pairs(sigmas, stepped):
        down, up = ancestral(sigma, following)
        x = x + (down - sigma) * seen(x, sigma)
        if following > 0:
            x = x + up * draw()
    return x


def heun(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    for sigma, following in _pairs(sigmas, stepped):
        x = heun_step(x, sigma, following, seen)
    return x


def heun_step(x: torch.Tensor, sigma: float, following: float, seen: Seen) -> torch.Tensor:
    """The mean of the slopes at both ends (Karras et al. 2022, algorithm 1); Euler's to 0."""
    slope = seen(x, sigma)
    if following > 0:
        slope = (slope + seen(x + (following - sigma) * slope, following)) / 2
    return x + (following - sigma) * slope


def dpm2(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    for sigma, following in _pairs(sigmas, stepped):
        x = _midpoint_step(x, sigma, following, seen)
    return x


def dpm2_ancestral(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    for sigma, following in _pairs(sigmas, stepped):
        down, up = ancestral(sigma, following)
        x = _midpoint_step(x, sigma, down, seen)
        if down > 0:
            x = x + up * draw()
    return x


def _midpoint_step(x: torch.Tensor, sigma: float, following: float, seen: Seen) -> torch.Tensor:
    """The slope in the middle of both logarithms; Euler's to 0."""
    slope = seen(x, sigma)
    if following > 0:
        middle = math.sqrt(sigma * following)
        slope = seen(x + (middle - sigma) * slope, middle)
    return x + (following - sigma) * slope


def lms(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Adams-Bashforth of up to the fourth order: the polynomial through the last slopes, integrated over the step."""
    slopes: list[torch.Tensor] = []
    for place, (sigma, _) in enumerate(_pairs(sigmas, stepped)):
        slopes = [seen(x, sigma), *slopes][:4]
        for weight, slope in zip(multistep_weights(sigmas, place, len(slopes)), slopes, strict=True):
            x = x + weight * slope
    return x


def multistep_weights(sigmas: Sequence[float], place: int, order: int) -> list[float]:
    """What the slopes at sigmas[place], sigmas[place - 1], … count for in the step from sigmas[place] to the next one.

    Each is the integral of Lagrange's polynomial that is 1 at its sigma and 0 at the others.
    """
    known = [sigmas[place - back] for back in range(order)]
    weights = []
    for own in known:
        basis = np.polynomial.Polynomial([1.0])
        for other in known:
            if other != own:
                basis *= np.polynomial.Polynomial([-other, 1.0]) / (own - other)
        integral = basis.integ()
        weights.append(float(integral(sigmas[place + 1]) - integral(sigmas[place])))
    return weights


def dpmpp_2m(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    """DPM-Solver++(2M): second order from the last two predicted pictures; the first and the last step are of first order."""
    before, last = None, 0.0
    for sigma, following in _pairs(sigmas, stepped):
        picture = ahead = x - sigma * seen(x, sigma)
        if before is not None and following > 0:
            ratio = math.log(last / sigma) / math.log(sigma / following)
            ahead = picture + (picture - before) / (2 * ratio)
        x = following / sigma * x + (1 - following / sigma) * ahead
        before, last = picture, sigma
    return x


def dpmpp_2s_ancestral(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    """DPM-Solver++(2S): the picture predicted in the middle of both logarithms counts for the whole step."""
    for sigma, following in _pairs(sigmas, stepped):
        down, up = ancestral(sigma, following)
        picture = x - sigma * seen(x, sigma)
        if down > 0:
            middle = math.sqrt(sigma * down)
            between = middle / sigma * x + (1 - middle / sigma) * picture
            picture = between - middle * seen(between, middle)
        x = down / sigma * x + (1 - down / sigma) * picture
        if following > 0:
            x = x + up * draw()
    return x


def restart(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Heun's steps, between some of which noise is added up to an earlier sigma (Xu et al. 2023)."""
    last = sigmas[0]
    for sigma, following in restart_pairs(sigmas):
        if last < sigma:
            x = x + (sigma**2 - last**2) ** 0.5 * draw()
        x = heun_step(x, sigma, following, seen)
        last = following
        stepped()
    return x


def restart_pairs(sigmas: Sequence[float]) -> list[tuple[float, float]]:
    """The steps of `restart`: from 20 steps on, a part of them goes once (from 36 on twice) from 2 to 0.1 again."""
    steps, again, times = len(sigmas) - 1, 0, 0
    if steps >= 20:
        again, times = (9, 1) if steps < 36 else (steps // 4, 2)
        sigmas = [*karras_between(steps - again * times, sigmas[-2], sigmas[0]), 0.0]
    low, high = _nearest(sigmas, 0.1), _nearest(sigmas, 2.0)
    pairs: list[tuple[float, float]] = []
    for place, pair in enumerate(zip(sigmas, sigmas[1:], strict=False), start=1):
        pairs.append(pair)
        if times and place == low and high < low:
            down = karras_between(again + 1, sigmas[low], sigmas[high])
            pairs += list(zip(down, down[1:], strict=False)) * times
    return pairs


def _nearest(sigmas: Sequence[float], wanted: float) -> int:
    return min(range(len(sigmas)), key=lambda place: abs(sigmas[place] - wanted))


SOLVERS: dict[str, Solver] = {
    "Euler": euler,
    "Euler a": euler_ancestral,
    "Heun": heun,
    "LMS": lms,
    "DPM2": dpm2,
    "DPM2 a": dpm2_ancestral,
    "DPM++ 2M": dpmpp_2m,
    "DPM++ 2S a": dpmpp_2s_ancestral,
    "Restart": restart,
}
