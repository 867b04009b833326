"""webui's samplers: from noise to latents, with a model that predicts the noise.

DDIM (Song et al. 2020, eta 0) runs on the timesteps that webui 1.10 takes. Euler and Euler ancestral (Karras et al. 2022)
and DPM-Solver++(2M) (Lu et al. 2022) run on k-diffusion's sigmas, the latter on Karras' schedule as webui's "Automatic".
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..models.noise import TIMESTEPS, alphas_cumprod

# (latents as the UNet wants them [B, 4, h, w], timestep 0 … 999, may be fractional) → predicted noise
NoisePrediction = Callable[[torch.Tensor, float], torch.Tensor]
Draw = Callable[[], torch.Tensor]  # the next normal noise of every picture, [B, 4, h, w]
Steps = Callable[[], None]  # called after every step


def sample_latents(sampler: str, steps: int, predict: NoisePrediction, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Latents [B, 4, h, w] of finished pictures; the first draw is where they start from."""
    if sampler == "DDIM":
        return _ddim(ddim_timesteps(steps), predict, draw, stepped)
    sigmas = karras_sigmas(steps) if sampler == "DPM++ 2M" else even_sigmas(steps)
    solve = {"Euler": _euler, "Euler a": _euler_ancestral, "DPM++ 2M": _dpmpp_2m}[sampler]
    return solve(sigmas, predict, draw, stepped)


def evaluations(sampler: str, steps: int) -> int:
    """How often the UNet is asked. webui's DDIM leaves out the last of its evenly spaced timesteps."""
    return len(ddim_timesteps(steps)) - 1 if sampler == "DDIM" else steps


def ddim_timesteps(steps: int) -> list[int]:
    """Every (1000 // steps)-th timestep, from 1 upwards: not always `steps` of them, but that is what webui does."""
    return [min(timestep + 1, TIMESTEPS - 1) for timestep in range(0, TIMESTEPS, TIMESTEPS // steps)]


def all_sigmas() -> torch.Tensor:
    """[1000] rising: the noise's share against the picture's, sqrt((1-a)/a)."""
    kept = alphas_cumprod()
    return ((1.0 - kept) / kept) ** 0.5


def even_sigmas(steps: int) -> list[float]:
    """Falling sigmas at evenly spaced timesteps, between two of which log sigma is linear, and a last 0."""
    timesteps = torch.linspace(TIMESTEPS - 1, 0, steps)
    logs = all_sigmas().log()
    low, high, between = timesteps.floor().long(), timesteps.ceil().long(), timesteps.frac()
    return [*((1 - between) * logs[low] + between * logs[high]).exp().tolist(), 0.0]


def karras_sigmas(steps: int, rho: float = 7.0) -> list[float]:
    """Falling sigmas whose rho-th roots are evenly spaced (Karras et al. 2022, equation 5), and a last 0."""
    sigmas = all_sigmas()
    low, high = (sigma.item() ** (1 / rho) for sigma in (sigmas[0], sigmas[-1]))
    return [*((high + torch.linspace(0, 1, steps) * (low - high)) ** rho).tolist(), 0.0]


def timestep_of(sigma: float) -> float:
    """The fractional timestep of a sigma, linear in log sigma between two timesteps."""
    logs, log_sigma = all_sigmas().log(), torch.tensor(sigma).log()
    low = int((logs <= log_sigma).sum().clamp(1, TIMESTEPS - 1)) - 1
    between = ((log_sigma - logs[low]) / (logs[low + 1] - logs[low])).clamp(0, 1)
    return low + between.item()


def _ddim(timesteps: list[int], predict: NoisePrediction, draw: Draw, stepped: Steps) -> torch.Tensor:
    kept, x = alphas_cumprod().double(), draw()
    for timestep, following in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        now, then = kept[timestep].item(), kept[following].item()
        noise = predict(x, float(timestep))
        picture = (x - (1 - now) ** 0.5 * noise) / now**0.5
        x = then**0.5 * picture + (1 - then) ** 0.5 * noise
        stepped()
    return x


def _predicted_noise(x: torch.Tensor, sigma: float, predict: NoisePrediction) -> torch.Tensor:
    """The direction from the picture to its noise; x = picture + sigma · noise is scaled to what the UNet was trained on."""
    return predict(x / (sigma**2 + 1) ** 0.5, timestep_of(sigma))


def _euler(sigmas: list[float], predict: NoisePrediction, draw: Draw, stepped: Steps) -> torch.Tensor:
    x = draw() * sigmas[0]
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        x = x + (following - sigma) * _predicted_noise(x, sigma, predict)
        stepped()
    return x


def _euler_ancestral(sigmas: list[float], predict: NoisePrediction, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Goes further down than asked and adds new noise up to the wanted sigma; none is drawn for the last step."""
    x = draw() * sigmas[0]
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        up = min(following, (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
        down = (following**2 - up**2) ** 0.5
        x = x + (down - sigma) * _predicted_noise(x, sigma, predict)
        if following > 0:
            x = x + up * draw()
        stepped()
    return x


def _dpmpp_2m(sigmas: list[float], predict: NoisePrediction, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Second order from the last two predicted pictures; the first and the last step are of first order."""
    x, before, last = draw() * sigmas[0], None, 0.0
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        picture = x - sigma * _predicted_noise(x, sigma, predict)
        if before is None or following == 0:
            ahead = picture
        else:
            ratio = torch.log(torch.tensor(last / sigma)).item() / torch.log(torch.tensor(sigma / following)).item()
            ahead = picture + (picture - before) / (2 * ratio)
        x = following / sigma * x + (1 - following / sigma) * ahead
        before, last = picture, sigma
        stepped()
    return x
