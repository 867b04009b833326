"""The noise levels (sigmas) that a sampler goes down, by webui's names of schedules.

A sigma is the noise's share against the picture's: latents x = picture + sigma · noise. `sigmas`: the model's, [1000] rising.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ..models.noise import TIMESTEPS, alphas_cumprod

# What is left of the picture at the end of a zero-terminal schedule, where nothing would be: as webui has it.
LEAST = 4.8973451890853435e-08
# NVIDIA's "Align Your Steps" (Sabour et al. 2024), for Stable Diffusion 1.x and XL.
_ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
_ALIGNED_XL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


def kept_shares(zero_terminal: bool = False) -> torch.Tensor:
    """[1000] falling: the picture's share of the variance, never quite 0."""
    kept = alphas_cumprod(zero_terminal)
    return kept.clamp(min=LEAST) if zero_terminal else kept


def all_sigmas(zero_terminal: bool = False) -> torch.Tensor:
    """[1000] rising: the noise's share against the picture's, sqrt((1-a)/a)."""
    kept = kept_shares(zero_terminal)
    return ((1.0 - kept) / kept) ** 0.5


def timestep_of(sigma: float, sigmas: torch.Tensor) -> float:
    """The fractional timestep of a sigma, linear in log sigma between two timesteps."""
    logs, log_sigma = sigmas.log(), torch.tensor(sigma).log()
    low = int((logs <= log_sigma).sum().clamp(1, len(logs) - 1)) - 1
    between = ((log_sigma - logs[low]) / (logs[low + 1] - logs[low])).clamp(0, 1)
    return low + between.item()


def sigma_at(timesteps: torch.Tensor, sigmas: torch.Tensor) -> list[float]:
    """The sigmas of fractional timesteps, between two of which log sigma is linear."""
    logs = sigmas.log()
    low, high, between = timesteps.floor().long(), timesteps.ceil().long(), timesteps.frac()
    return ((1 - between) * logs[low] + between * logs[high]).exp().tolist()


def scheduled_sigmas(schedule: str, steps: int, sigmas: torch.Tensor, xl: bool = False) -> list[float]:
    """Falling sigmas of one of the schedules but Automatic; a last 0 ends all but KL Optimal's."""
    if schedule == "KL Optimal":
        return kl_optimal(steps, sigmas)
    if schedule == "Align Your Steps":
        return [*_aligned(steps, xl), 0.0]
    return [*_SCHEDULES[schedule](steps, sigmas), 0.0]


def even_sigmas(steps: int, sigmas: torch.Tensor) -> list[float]:
    """At evenly spaced timesteps, the first and the last of the model among them."""
    return sigma_at(torch.linspace(len(sigmas) - 1, 0, steps), sigmas)


def sgm_uniform(steps: int, sigmas: torch.Tensor) -> list[float]:
    """Evenly spaced as if there were one step more, which is left out: it ends higher."""
    return sigma_at(torch.linspace(len(sigmas) - 1, 0, steps + 1)[:-1], sigmas)


def karras_sigmas(steps: int, sigmas: torch.Tensor, rho: float = 7.0) -> list[float]:
    """The rho-th roots are evenly spaced (Karras et al. 2022, equation 5)."""
    return karras_between(steps, sigmas[0].item(), sigmas[-1].item(), rho)


def karras_between(steps: int, lowest: float, highest: float, rho: float = 7.0) -> list[float]:
    low, high = lowest ** (1 / rho), highest ** (1 / rho)
    return ((high + torch.linspace(0, 1, steps) * (low - high)) ** rho).tolist()


def exponential_sigmas(steps: int, sigmas: torch.Tensor) -> list[float]:
    """The logarithms are evenly spaced."""
    return torch.linspace(math.log(sigmas[-1].item()), math.log(sigmas[0].item()), steps).exp().tolist()


def kl_optimal(steps: int, sigmas: torch.Tensor) -> list[float]:
    """The arcs whose tangents they are are evenly spaced (Sabour et al. 2024, equation for a Gaussian); the last is no 0."""
    low, high = math.atan(sigmas[0].item()), math.atan(sigmas[-1].item())
    return [math.tan(high + (low - high) * step / steps) for step in range(steps + 1)]


def _simple(steps: int, sigmas: torch.Tensor) -> list[float]:
    """Every (1000 / steps)-th of the model's sigmas from the highest down."""
    return [sigmas[-1 - int(step * len(sigmas) / steps)].item() for step in range(steps)]


def _of_ddim(steps: int, sigmas: torch.Tensor) -> list[float]:
    """Every (1000 // steps)-th from the second lowest up: not always `steps` of them."""
    return sigmas[1 :: max(len(sigmas) // steps, 1)].flip(0).tolist()


def _aligned(steps: int, xl: bool) -> list[float]:
    table = _ALIGNED_XL if xl else _ALIGNED
    if steps == len(table):
        return list(table)
    places = np.linspace(0, 1, len(table))
    return np.exp(np.interp(np.linspace(0, 1, steps), places, np.log(table[::-1])))[::-1].tolist()


_SCHEDULES: dict[str, Callable[[int, torch.Tensor], list[float]]] = {
    "Automatic": even_sigmas,
    "Uniform": even_sigmas,
    "Normal": even_sigmas,
    "Karras": karras_sigmas,
    "Exponential": exponential_sigmas,
    "Polyexponential": exponential_sigmas,  # with webui's rho of 1 they are the same
    "SGM Uniform": sgm_uniform,
    "Simple": _simple,
    "DDIM": _of_ddim,
}


def ddim_timesteps(steps: int) -> list[int]:
    """Every (1000 // steps)-th timestep, from 1 upwards: not always `steps` of them, but that is what webui does."""
    return [min(timestep + 1, TIMESTEPS - 1) for timestep in range(0, TIMESTEPS, TIMESTEPS // steps)]
