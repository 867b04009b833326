"""webui's samplers: from noise to latents, with a model that predicts the noise or the velocity.

DDIM (Song et al. 2020, eta 0) runs on the timesteps that webui 1.10 takes. Euler and Euler ancestral (Karras et al. 2022)
and DPM-Solver++(2M) (Lu et al. 2022) run on k-diffusion's sigmas, the latter on Karras' schedule as webui's "Automatic".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..models.noise import TIMESTEPS, Prediction, alphas_cumprod

# What is left of the picture at the end of a zero-terminal schedule, where nothing would be: as webui has it.
LEAST = 4.8973451890853435e-08

# (latents as the UNet wants them [B, 4, h, w], timestep 0 … 999, may be fractional) → the UNet's answer
Answer = Callable[[torch.Tensor, float], torch.Tensor]
Draw = Callable[[], torch.Tensor]  # the next normal noise of every picture, [B, 4, h, w]
Steps = Callable[[], None]  # called after every step


@dataclass(frozen=True)
class Noise:
    """Asks the UNet and tells the noise that it sees in the latents, whatever it answers with.

    prediction: that is noise, or velocity v with noise = sqrt(a)·v + sqrt(1-a)·x (Salimans and Ho 2022).
    """

    answer: Answer
    prediction: Prediction = "epsilon"
    zero_terminal: bool = False

    def at(self, x: torch.Tensor, timestep: float, kept: float) -> torch.Tensor:
        """x: latents as the UNet wants them, of whose variance `kept` (a) is the picture's."""
        answer = self.answer(x, timestep)
        return answer if self.prediction == "epsilon" else kept**0.5 * answer + (1 - kept) ** 0.5 * x

    def at_sigma(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """x = picture + sigma · noise, which is scaled to what the UNet was trained on."""
        return self.at(x / (sigma**2 + 1) ** 0.5, timestep_of(sigma, self.zero_terminal), 1 / (sigma**2 + 1))


def sample_latents(
    sampler: str,
    steps: int,
    answer: Answer,
    draw: Draw,
    stepped: Steps,
    prediction: Prediction = "epsilon",
    zero_terminal: bool = False,
) -> torch.Tensor:
    """Latents [B, 4, h, w] of finished pictures; the first draw is where they start from.

    prediction, zero_terminal: the model's, as in models/noise.py.
    """
    noise = Noise(answer, prediction, zero_terminal)
    if sampler == "DDIM":
        return _ddim(ddim_timesteps(steps), noise, draw, stepped)
    sigmas = karras_sigmas(steps, zero_terminal) if sampler == "DPM++ 2M" else even_sigmas(steps, zero_terminal)
    solve = {"Euler": _euler, "Euler a": _euler_ancestral, "DPM++ 2M": _dpmpp_2m}[sampler]
    return solve(sigmas, noise, draw, stepped)


def evaluations(sampler: str, steps: int) -> int:
    """How often the UNet is asked. webui's DDIM leaves out the last of its evenly spaced timesteps."""
    return len(ddim_timesteps(steps)) - 1 if sampler == "DDIM" else steps


def ddim_timesteps(steps: int) -> list[int]:
    """Every (1000 // steps)-th timestep, from 1 upwards: not always `steps` of them, but that is what webui does."""
    return [min(timestep + 1, TIMESTEPS - 1) for timestep in range(0, TIMESTEPS, TIMESTEPS // steps)]


def kept_shares(zero_terminal: bool = False) -> torch.Tensor:
    """[1000] falling: the picture's share of the variance, never quite 0."""
    kept = alphas_cumprod(zero_terminal)
    return kept.clamp(min=LEAST) if zero_terminal else kept


def all_sigmas(zero_terminal: bool = False) -> torch.Tensor:
    """[1000] rising: the noise's share against the picture's, sqrt((1-a)/a)."""
    kept = kept_shares(zero_terminal)
    return ((1.0 - kept) / kept) ** 0.5


def even_sigmas(steps: int, zero_terminal: bool = False) -> list[float]:
    """Falling sigmas at evenly spaced timesteps, between two of which log sigma is linear, and a last 0."""
    timesteps = torch.linspace(TIMESTEPS - 1, 0, steps)
    logs = all_sigmas(zero_terminal).log()
    low, high, between = timesteps.floor().long(), timesteps.ceil().long(), timesteps.frac()
    return [*((1 - between) * logs[low] + between * logs[high]).exp().tolist(), 0.0]


def karras_sigmas(steps: int, zero_terminal: bool = False, rho: float = 7.0) -> list[float]:
    """Falling sigmas whose rho-th roots are evenly spaced (Karras et al. 2022, equation 5), and a last 0."""
    sigmas = all_sigmas(zero_terminal)
    low, high = (sigma.item() ** (1 / rho) for sigma in (sigmas[0], sigmas[-1]))
    return [*((high + torch.linspace(0, 1, steps) * (low - high)) ** rho).tolist(), 0.0]


def timestep_of(sigma: float, zero_terminal: bool = False) -> float:
    """The fractional timestep of a sigma, linear in log sigma between two timesteps."""
    logs, log_sigma = all_sigmas(zero_terminal).log(), torch.tensor(sigma).log()
    low = int((logs <= log_sigma).sum().clamp(1, TIMESTEPS - 1)) - 1
    between = ((log_sigma - logs[low]) / (logs[low + 1] - logs[low])).clamp(0, 1)
    return low + between.item()


def _ddim(timesteps: list[int], seen: Noise, draw: Draw, stepped: Steps) -> torch.Tensor:
    kept, x = kept_shares(seen.zero_terminal).double(), draw()
    for timestep, following in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        now, then = kept[timestep].item(), kept[following].item()
        noise = seen.at(x, float(timestep), now)
        picture = (x - (1 - now) ** 0.5 * noise) / now**0.5
        x = then**0.5 * picture + (1 - then) ** 0.5 * noise
        stepped()
    return x


def _euler(sigmas: list[float], noise: Noise, draw: Draw, stepped: Steps) -> torch.Tensor:
    x = draw() * sigmas[0]
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        x = x + (following - sigma) * noise.at_sigma(x, sigma)
        stepped()
    return x


def _euler_ancestral(sigmas: list[float], noise: Noise, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Goes further down than asked and adds new noise up to the wanted sigma; none is drawn for the last step."""
    x = draw() * sigmas[0]
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        up = min(following, (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
        down = (following**2 - up**2) ** 0.5
        x = x + (down - sigma) * noise.at_sigma(x, sigma)
        if following > 0:
            x = x + up * draw()
        stepped()
    return x


def _dpmpp_2m(sigmas: list[float], noise: Noise, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Second order from the last two predicted pictures; the first and the last step are of first order."""
    x, before, last = draw() * sigmas[0], None, 0.0
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        picture = x - sigma * noise.at_sigma(x, sigma)
        if before is None or following == 0:
            ahead = picture
        else:
            ratio = torch.log(torch.tensor(last / sigma)).item() / torch.log(torch.tensor(sigma / following)).item()
            ahead = picture + (picture - before) / (2 * ratio)
        x = following / sigma * x + (1 - following / sigma) * ahead
        before, last = picture, sigma
        stepped()
    return x
