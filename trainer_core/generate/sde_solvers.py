"""webui's SDE samplers: solvers of the reverse stochastic equation, whose noise is a Brownian motion over sigma.

DPM-Solver++ (SDE) and its multistep kinds (Lu et al. 2022), as k-diffusion has them with eta 1. `noise(sigma, lower)`: the
normal noise of the step between two sigmas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch

from .solvers import Seen, Steps, ancestral

StepNoise = Callable[[float, float], torch.Tensor]
SdeSolver = Callable[[Sequence[float], torch.Tensor, Seen, StepNoise, Steps], torch.Tensor]


def dpmpp_sde(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, noise: StepNoise, stepped: Steps) -> torch.Tensor:
    """Two calls a step: the picture predicted in the middle of both logarithms counts for the whole step."""
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        picture = x - sigma * seen(x, sigma)
        if following > 0:
            middle = _middle(sigma, following)
            down, up = ancestral(sigma, middle)
            between = down / sigma * x + (1 - down / sigma) * picture + up * noise(sigma, middle)
            picture = between - middle * seen(between, middle)
        down, up = ancestral(sigma, following)
        x = down / sigma * x + (1 - down / sigma) * picture
        if following > 0:
            x = x + up * noise(sigma, following)
        stepped()
    return x


def _middle(sigma: float, following: float) -> float:
    """Of both logarithms, in single precision as k-diffusion has it, since the noise depends on it."""
    start, end = -torch.tensor(sigma).log(), -torch.tensor(following).log()
    return (-(start + (end - start) * 0.5)).exp().item()


def dpmpp_2m_sde(
    sigmas: Sequence[float], x: torch.Tensor, seen: Seen, noise: StepNoise, stepped: Steps, heun: bool = False
) -> torch.Tensor:
    """Second order from the last two predicted pictures; `heun`: how the difference counts."""
    before, last = None, 0.0
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        picture = x - sigma * seen(x, sigma)
        if following == 0:
            x = picture
        else:
            h = math.log(sigma / following)
            gone = -math.expm1(-2 * h)  # the share of x that the step takes away
            x = following / sigma * math.exp(-h) * x + gone * picture
            if before is not None:
                weight = gone / (-2 * h) + 1 if heun else 0.5 * gone
                x = x + weight * h / last * (picture - before)
            x = x + following * math.sqrt(gone) * noise(sigma, following)
            before, last = picture, h
        stepped()
    return x


def dpmpp_3m_sde(sigmas: Sequence[float], x: torch.Tensor, seen: Seen, noise: StepNoise, stepped: Steps) -> torch.Tensor:
    """Third order from the last three predicted pictures; the first steps are of lower orders."""
    known: list[tuple[torch.Tensor, float]] = []  # (picture, length of the step from it), the newest first
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        picture = x - sigma * seen(x, sigma)
        if following == 0:
            x = picture
        else:
            h = math.log(sigma / following)
            x = math.exp(-2 * h) * x - math.expm1(-2 * h) * picture + _higher_orders(picture, known, h)
            x = x + following * math.sqrt(-math.expm1(-2 * h)) * noise(sigma, following)
            known = [(picture, h), *known][:2]
        stepped()
    return x


def _higher_orders(picture: torch.Tensor, known: Sequence[tuple[torch.Tensor, float]], h: float) -> torch.Tensor | float:
    """What the differences between predicted pictures add to a step of length h."""
    if not known:
        return 0.0
    second = math.expm1(-2 * h) / (2 * h) + 1
    ratio = known[0][1] / h
    slope = (picture - known[0][0]) / ratio
    if len(known) == 1:
        return second * slope
    older = known[1][1] / h
    bend = (slope - (known[0][0] - known[1][0]) / older) / (ratio + older)
    return second * (slope + bend * ratio) - (second / (2 * h) - 0.5) * bend


SDE_SOLVERS: dict[str, SdeSolver] = {
    "DPM++ SDE": dpmpp_sde,
    "DPM++ 2M SDE": dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": partial(dpmpp_2m_sde, heun=True),
    "DPM++ 3M SDE": dpmpp_3m_sde,
}
