"""From noise to latents by webui's samplers, with a model that answers noise or velocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..models.noise import TIMESTEPS, Prediction
from .brownian import brownian_noise
from .sampler_names import AUTOMATIC, BY_TIMESTEPS, schedule_used
from .schedule_types import all_sigmas, ddim_timesteps, kept_shares, scheduled_sigmas, timestep_of
from .sde_solvers import SDE_SOLVERS
from .solvers import SOLVERS, restart_pairs
from .timestep_solvers import ddim, plms, unipc

# (latents as the UNet wants them [B, 4, h, w], timestep 0 … 999, may be fractional) → the UNet's answer
Answer = Callable[[torch.Tensor, float], torch.Tensor]
Draw = Callable[[], torch.Tensor]  # the next normal noise of every picture, [B, 4, h, w]
Steps = Callable[[], None]  # called after every step
_WITHOUT_SECOND_LAST = (
    "DPM2",
    "DPM2 a",
    "DPM++ 3M SDE",
)  # webui gives them one step more and leaves the last level before 0 out
_LCM_EVERY = 20  # latent consistency models were taught at every 20th timestep
_LARGEST_STRENGTH = 0.999


@dataclass(frozen=True)
class Noise:
    """Asks the UNet and tells the noise that it sees in the latents, whatever it answers with.

    prediction: that is noise, or velocity v with noise = sqrt(a)·v + sqrt(1-a)·x (Salimans and Ho 2022). blend: what becomes
    of each picture that is predicted on the way, for instance known parts put back into it.
    """

    answer: Answer
    prediction: Prediction = "epsilon"
    zero_terminal: bool = False
    blend: Callable[[torch.Tensor], torch.Tensor] | None = None

    def at(self, x: torch.Tensor, timestep: float, kept: float) -> torch.Tensor:
        """x: latents as the UNet wants them, of whose variance `kept` (a) is the picture's."""
        answer = self.answer(x, timestep)
        noise = answer if self.prediction == "epsilon" else kept**0.5 * answer + (1 - kept) ** 0.5 * x
        if self.blend is None:
            return noise
        picture = (x - (1 - kept) ** 0.5 * noise) / kept**0.5
        return (x - kept**0.5 * self.blend(picture)) / (1 - kept) ** 0.5

    def at_sigma(self, x: torch.Tensor, sigma: float, timestep: float | None = None) -> torch.Tensor:
        """x = picture + sigma · noise, which is scaled to what the UNet was trained on."""
        at = timestep_of(sigma, all_sigmas(self.zero_terminal)) if timestep is None else timestep
        return self.at(x / (sigma**2 + 1) ** 0.5, at, 1 / (sigma**2 + 1))


def sample_latents(
    sampler: str,
    steps: int,
    answer: Answer,
    draw: Draw,
    stepped: Steps,
    prediction: Prediction = "epsilon",
    zero_terminal: bool = False,
    *,
    schedule: str = AUTOMATIC,
    xl: bool = False,
    start: torch.Tensor | None = None,
    strength: float = 1.0,
    blend: Callable[[torch.Tensor], torch.Tensor] | None = None,
    seeds: Sequence[int] = (),
) -> torch.Tensor:
    """Latents [B, 4, h, w] of finished pictures; the first draw is where they start from.

    prediction, zero_terminal: the model's, as in models/noise.py; `xl`: it is SDXL, for which Align Your Steps has its own
    levels. With `start` (latents of pictures) only the last `strength` (0 … 1) of the steps are done, as webui's img2img does:
    noise of the level that they begin at is put onto it. `blend` as in `Noise`. seeds: the pictures', which the SDE samplers
    draw the noise of their steps by.
    """
    noise = Noise(answer, prediction, zero_terminal, blend)
    done = None if start is None else int(min(strength, _LARGEST_STRENGTH) * steps)
    if sampler in BY_TIMESTEPS:
        return _by_timesteps(sampler, steps, noise, draw, stepped, start, done)
    levels = levels_of(sampler, steps, schedule, zero_terminal, xl)
    begun = levels if done is None else levels[steps - done - 1 :]
    x = draw() * begun[0] if start is None else start + draw() * begun[0]
    if sampler in SDE_SOLVERS:
        return SDE_SOLVERS[sampler](begun, x, noise.at_sigma, brownian_noise(levels, x, seeds), stepped)
    if sampler == "LCM":
        return _lcm(begun, x, noise, draw, stepped)
    return SOLVERS[sampler](begun, x, noise.at_sigma, draw, stepped)


def levels_of(sampler: str, steps: int, schedule: str, zero_terminal: bool = False, xl: bool = False) -> list[float]:
    """The sigmas that a sampler with a schedule goes down."""
    more = sampler in _WITHOUT_SECOND_LAST
    sigmas = _lcm_sigmas(zero_terminal) if sampler == "LCM" else all_sigmas(zero_terminal)
    levels = scheduled_sigmas(schedule_used(sampler, schedule), steps + more, sigmas, xl)
    return [*levels[:-2], levels[-1]] if more else levels


def step_count(sampler: str, steps: int, schedule: str = AUTOMATIC) -> int:
    """How often `stepped` is called. webui's DDIM leaves out the last of its evenly spaced timesteps; Restart goes back."""
    if sampler in BY_TIMESTEPS:
        return len(ddim_timesteps(steps)) - (sampler != "UniPC")
    levels = levels_of(sampler, steps, schedule)
    return len(restart_pairs(levels)) if sampler == "Restart" else len(levels) - 1


def _by_timesteps(
    sampler: str, steps: int, noise: Noise, draw: Draw, stepped: Steps, start: torch.Tensor | None, done: int | None
) -> torch.Tensor:
    timesteps, kept, x = ddim_timesteps(steps), kept_shares(noise.zero_terminal).double(), draw()
    begun = None
    if start is not None and done is not None:
        share = kept[timesteps[done]].item()
        x = share**0.5 * start + (1 - share) ** 0.5 * x
        timesteps = timesteps[:done]
        begun = (timesteps[-1] + 1) / TIMESTEPS if timesteps else None
    if sampler == "UniPC":
        return unipc(len(timesteps), kept, x, noise.at, stepped, begun)
    return {"DDIM": ddim, "PLMS": plms}[sampler](timesteps, kept, x, noise.at, stepped)


def _lcm_sigmas(zero_terminal: bool) -> torch.Tensor:
    return all_sigmas(zero_terminal)[_LCM_EVERY - 1 :: _LCM_EVERY]


def _lcm(levels: list[float], x: torch.Tensor, noise: Noise, draw: Draw, stepped: Steps) -> torch.Tensor:
    """Luo et al. 2023: the picture predicted at each level, with new noise of the next level."""
    logs = _lcm_sigmas(noise.zero_terminal).log()
    for sigma, following in zip(levels, levels[1:], strict=False):
        timestep = int((logs - torch.tensor(sigma).log()).abs().argmin()) * _LCM_EVERY + _LCM_EVERY - 1
        picture = x - sigma * noise.at_sigma(x, sigma, float(timestep))
        scaled = (10.0 * timestep) ** 2
        x = (scaled / (scaled + 0.25)) ** 0.5 * picture + 0.25 / (scaled + 0.25) * x
        if following > 0:
            x = x + following * draw()
        stepped()
    return x
