"""Every sampler against a case whose solution is known: data of a normal distribution, for which the ideal model is linear.

Where the data are N(0, s²), the noise in x at sigma is x·sigma / (sigma² + s²), the ODE takes x from sigma to sigma' by
sqrt((sigma'² + s²) / (sigma² + s²)), and ancestral steps keep the variance at sigma² + s².
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import KDPM2DiscreteScheduler, PNDMScheduler

from lora_workbench.trainer_core.generate.brownian import BrownianMotion, brownian_noise
from lora_workbench.trainer_core.generate.sampler_names import (
    SAMPLERS,
    SCHEDULES,
    sampler_and_schedule,
    schedule_used,
    unknown,
)
from lora_workbench.trainer_core.generate.samplers import levels_of, sample_latents, step_count
from lora_workbench.trainer_core.generate.schedule_types import all_sigmas, scheduled_sigmas, timestep_of
from lora_workbench.trainer_core.generate.sde_solvers import SDE_SOLVERS
from lora_workbench.trainer_core.generate.solvers import SOLVERS, multistep_weights, restart_pairs
from lora_workbench.trainer_core.generate.timestep_solvers import plms

SPREAD = 0.5
BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
KEPT = np.cumprod(1 - BETAS)
SIGMAS = np.sqrt((1 - KEPT) / KEPT)


def seen(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """The ideal model's noise."""
    return x * sigma / (sigma**2 + SPREAD**2)


def error(sampler: str, sigmas: list[float]) -> float:
    """How far a solver's end is from the exact one, in double precision."""
    start = torch.linspace(-3, 3, 101, dtype=torch.float64) * sigmas[0]
    found = SOLVERS[sampler](sigmas, start, seen, lambda: torch.zeros(101), lambda: None)
    exact = start * math.sqrt((sigmas[-1] ** 2 + SPREAD**2) / (sigmas[0] ** 2 + SPREAD**2))
    return float((found - exact).abs().max())


# To a sigma above 0, since the last step to 0 is of first order in all of them; LMS begins with lower orders than its fourth.
@pytest.mark.parametrize(("sampler", "order"), [("Euler", 1), ("Heun", 2), ("DPM2", 2), ("DPM++ 2M", 2), ("LMS", 3)])
def test_twice_the_steps_err_as_their_order_says(sampler: str, order: int) -> None:
    errors = [error(sampler, np.geomspace(10.0, 0.1, steps + 1).tolist()) for steps in (60, 120)]
    assert 2**order * 0.7 < errors[0] / errors[1] < 2**order * 1.6, errors
    assert errors[1] < 0.02


@pytest.mark.parametrize("sampler", ["Euler a", "DPM2 a", "DPM++ 2S a"])
def test_ancestral_samplers_end_with_the_datas_spread(sampler: str) -> None:
    """What goes further down than asked gets as much noise as is missing, whatever the number of steps."""
    generator = torch.Generator().manual_seed(1)
    count = 20_000
    sigmas = [*np.geomspace(14.0, 0.03, 120).tolist(), 0.0]
    start = torch.randn(count, generator=generator) * sigmas[0]
    found = SOLVERS[sampler](sigmas, start, seen, lambda: torch.randn(count, generator=generator), lambda: None)
    assert float(found.std()) == pytest.approx(SPREAD, rel=0.05)
    assert abs(float(torch.corrcoef(torch.stack([found, start]))[0, 1])) < 0.2, "new noise has taken the old one's place"


@pytest.mark.parametrize(("sampler", "order"), [("DPM2 a", 2), ("DPM++ 2S a", 2), ("Euler a", 1)])
def test_without_noise_ancestral_steps_are_the_odes_to_the_lower_sigma(sampler: str, order: int) -> None:
    """One step: x goes by the ODE to the sigma below, which is following² / sigma as k-diffusion has it for eta 1."""
    found = {}
    for small in (0.02, 0.01):
        sigma, following = 2.0, 2.0 * math.exp(-small)
        down = following**2 / sigma
        exact = math.sqrt((down**2 + SPREAD**2) / (sigma**2 + SPREAD**2))
        x = torch.ones(1, dtype=torch.float64)
        took = SOLVERS[sampler]([sigma, following], x, seen, lambda: torch.zeros(1, dtype=torch.float64), lambda: None)
        found[small] = abs(float(took) - exact)
    assert 2 ** (order + 1) * 0.8 < found[0.02] / found[0.01] < 2 ** (order + 1) * 1.25, "a single step errs by one order more"


def test_the_weights_of_lms_integrate_polynomials_exactly() -> None:
    sigmas = [9.0, 6.5, 4.0, 2.2, 1.0]
    for order in range(1, 5):
        weights = multistep_weights(sigmas, 3, order)
        for power in range(order):
            integral = (sigmas[4] ** (power + 1) - sigmas[3] ** (power + 1)) / (power + 1)
            values = [sigmas[3 - back] ** power for back in range(order)]
            assert sum(weight * value for weight, value in zip(weights, values, strict=True)) == pytest.approx(integral)


def ideal(x: torch.Tensor, timestep: float) -> torch.Tensor:
    """The ideal model as the UNet answers: at a timestep, for latents of unit variance and more."""
    kept = math.exp(np.interp(timestep, np.arange(1000), np.log(KEPT)))
    return x * math.sqrt(1 - kept) / (1 - kept + kept * SPREAD**2)


def whole_error(sampler: str, steps: int, last: int) -> float:
    """Of a sampler by timesteps, down to timestep `last`."""
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    found = sample_latents(sampler, steps, ideal, lambda: start, lambda: None)
    first = 999 if sampler == "UniPC" else list(range(1, 1000, 1000 // steps))[-1]

    def spread(timestep: int) -> float:
        return math.sqrt(KEPT[timestep] * SPREAD**2 + 1 - KEPT[timestep])

    return float((found - start * spread(last) / spread(first)).abs().max())


def test_samplers_by_timesteps_reach_the_exact_end() -> None:
    """Each to the timestep it ends at: those of a higher order are nearer to it, and more steps are nearer still."""
    errors = {name: whole_error(name, 20, last) for name, last in (("DDIM", 1), ("PLMS", 1), ("UniPC", 0))}
    assert max(errors["UniPC"], errors["PLMS"]) < errors["DDIM"] < 0.3
    assert whole_error("DDIM", 100, 1) < 0.3 * errors["DDIM"]
    assert whole_error("UniPC", 100, 0) < 0.2 * errors["UniPC"] and whole_error("PLMS", 100, 1) < 0.1 * errors["PLMS"]


def test_plms_is_that_of_diffusers() -> None:
    """Theirs asks the first timestep twice where ours takes the mean of both ends of the first step, as webui does."""

    def model(x: torch.Tensor, timestep: float) -> torch.Tensor:
        return torch.tanh(1.3 * x + timestep / 700 - 0.4)

    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    scheduler.set_timesteps(20)
    start = torch.randn((1, 4, 3, 3), generator=torch.Generator().manual_seed(3))
    x = start
    for timestep in scheduler.timesteps[:-1]:
        x = scheduler.step(model(x, float(timestep)), timestep, x).prev_sample
    timesteps = list(range(1, 1000, 50))
    ours = plms(timesteps, torch.tensor(KEPT), start, lambda x, timestep, kept: model(x, timestep), lambda: None)
    assert torch.allclose(ours, x, atol=2e-3)


def test_dpm2_is_that_of_diffusers() -> None:
    scheduler = KDPM2DiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", use_karras_sigmas=False, timestep_spacing="linspace"
    )
    scheduler.set_timesteps(10)
    whole = scheduler.sigmas[::2].tolist()  # theirs holds every sigma and the one in the middle of each step
    start = torch.randn((1, 4, 3, 3), generator=torch.Generator().manual_seed(3)) * whole[0]
    x = start
    for timestep in scheduler.timesteps:
        x = scheduler.step(seen_at_timestep(scheduler, x), timestep, x).prev_sample
    sigmas = [*scheduled_sigmas("Uniform", 10, all_sigmas())[:-1], 0.0]
    assert np.allclose(sigmas, [*whole[:10], 0.0], rtol=1e-3)
    ours = SOLVERS["DPM2"](sigmas, start, seen, lambda: start, lambda: None)
    assert torch.allclose(ours, x, atol=5e-3)


def seen_at_timestep(scheduler: KDPM2DiscreteScheduler, x: torch.Tensor) -> torch.Tensor:
    place = scheduler.step_index if scheduler.step_index is not None else 0
    sigma = scheduler.sigmas[place] if scheduler.state_in_first_order else scheduler.sigmas_interpol[place]
    return seen(x, float(sigma))


def timesteps_of(sigmas: list[float]) -> np.ndarray:
    return np.interp(np.log(sigmas), np.log(SIGMAS), np.arange(1000))


def test_schedules_are_spaced_as_their_names_say() -> None:
    model = all_sigmas()
    sigmas = {name: scheduled_sigmas(name, 12, model) for name in SCHEDULES[1:]}
    assert all(np.all(np.diff(values) < 0) for values in sigmas.values())
    for name, values in sigmas.items():
        if name not in ("KL Optimal", "DDIM"):
            assert len(values) == 13 and values[-1] == 0, name
        assert values[0] == pytest.approx(SIGMAS[-1], rel={"DDIM": 0.2}.get(name, 1e-3)), name
    for name, changed in (
        ("Uniform", timesteps_of(sigmas["Uniform"][:-1])),
        ("Normal", timesteps_of(sigmas["Normal"][:-1])),
        ("SGM Uniform", timesteps_of(sigmas["SGM Uniform"][:-1])),
        ("Karras", np.array(sigmas["Karras"][:-1]) ** (1 / 7)),
        ("Exponential", np.log(sigmas["Exponential"][:-1])),
        ("KL Optimal", np.arctan(sigmas["KL Optimal"])),
    ):
        steps = np.diff(changed)
        assert np.allclose(steps, steps[0], rtol=2e-2), name
    assert sigmas["Polyexponential"] == sigmas["Exponential"]
    assert timesteps_of(sigmas["SGM Uniform"][-2:-1])[0] == pytest.approx(999 / 12, abs=0.1), "one step is left out"
    assert sigmas["Uniform"][-2] == pytest.approx(SIGMAS[0], rel=1e-3)
    assert sigmas["KL Optimal"][-1] == pytest.approx(SIGMAS[0], rel=1e-3) and len(sigmas["KL Optimal"]) == 13
    assert sigmas["Simple"][1] == pytest.approx(SIGMAS[999 - 83], rel=1e-4)
    assert sigmas["DDIM"][-2] == pytest.approx(SIGMAS[1], rel=1e-4) and len(sigmas["DDIM"]) == 14
    assert scheduled_sigmas("Align Your Steps", 11, model)[:3] == [14.615, 6.475, 3.861]
    assert scheduled_sigmas("Align Your Steps", 11, model, xl=True)[1] == 6.315
    assert scheduled_sigmas("Align Your Steps", 21, model)[2] == pytest.approx(6.475)  # every second one is of the table


def test_dpm2_leaves_the_level_before_the_last_out() -> None:
    levels = levels_of("DPM2", 10, "Automatic")
    karras = scheduled_sigmas("Karras", 11, all_sigmas())
    assert levels == [*karras[:10], 0.0] and levels_of("DPM2 a", 10, "Uniform")[-2] > all_sigmas()[0]


def test_restart_goes_up_again_from_twenty_steps_on() -> None:
    pairs = restart_pairs(levels_of("Restart", 20, "Automatic"))
    assert [now > then for now, then in pairs] == [True] * len(pairs)
    rises = [before for (_, before), (after, _) in zip(pairs, pairs[1:], strict=False) if after > before * 1.001]
    assert len(rises) == 1 and rises[0] == pytest.approx(0.1, rel=0.9) and len(pairs) == 20 == step_count("Restart", 20)
    assert len(restart_pairs(levels_of("Restart", 19, "Automatic"))) == 19
    many = restart_pairs(levels_of("Restart", 40, "Automatic"))
    assert sum(after > before * 1.001 for (_, before), (after, _) in zip(many, many[1:], strict=False)) == 2


def test_restart_keeps_the_variance() -> None:
    generator = torch.Generator().manual_seed(2)
    sigmas = levels_of("Restart", 40, "Automatic")
    start = torch.randn(20_000, generator=generator) * sigmas[0]
    found = SOLVERS["Restart"](sigmas, start, seen, lambda: torch.randn(20_000, generator=generator), lambda: None)
    assert float(found.std()) == pytest.approx(SPREAD, rel=0.03)


def test_a_motion_is_torchsdes_brownian_tree() -> None:
    """Measured with torchsde 0.2.6: BrownianTree(0.03, zeros(2, 2), 14.6, entropy=7)."""
    motion = BrownianMotion(0.03, 14.6, (2, 2), 7)
    for ends, expected in (
        ((1.0, 2.5), [-1.0502047538757324, 2.3634843826293945, 0.7630755305290222, 0.49891266226768494]),
        ((0.03, 14.6), [-7.717742919921875, 9.40966796875, -0.20060230791568756, 11.648975372314453]),
        ((2.5, 9.1), [-6.475225448608398, 2.9492902755737305, 1.650305986404419, 8.899727821350098]),
    ):
        assert motion(*ends).flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_a_motion_is_one_whatever_is_asked_first() -> None:
    first, second = (BrownianMotion(0.0, 10.0, (4000,), 3) for _ in range(2))
    whole = first(1.0, 7.0)
    parts = [second(2.5, 7.0), second(1.0, 2.5)]
    assert torch.allclose(whole, parts[0] + parts[1], atol=1e-4)
    assert float(parts[0].var()) == pytest.approx(4.5, rel=0.1) and float(parts[1].var()) == pytest.approx(1.5, rel=0.1)
    assert abs(float(torch.corrcoef(torch.stack(parts))[0, 1])) < 0.05, "parts that don't overlap know nothing of each other"


@pytest.mark.parametrize("sampler", list(SDE_SOLVERS))
def test_sde_samplers_end_with_the_datas_spread(sampler: str) -> None:
    sigmas = [*np.geomspace(14.0, 0.03, 60).tolist(), 0.0]
    start = torch.randn((1, 1, 100, 100), generator=torch.Generator().manual_seed(1)) * sigmas[0]
    found = SDE_SOLVERS[sampler](sigmas, start, seen, brownian_noise(sigmas, start, [5]), lambda: None)
    assert float(found.std()) == pytest.approx(SPREAD, rel=0.03)
    assert abs(float(torch.corrcoef(torch.stack([found.flatten(), start.flatten()]))[0, 1])) < 0.1


@pytest.mark.parametrize("sampler", list(SDE_SOLVERS))
def test_sde_steps_without_noise_shrink_as_the_equation_says(sampler: str) -> None:
    """From a picture that is always 0 a step leaves following² / sigma² of x, whatever the solver."""
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    found = SDE_SOLVERS[sampler]([2.0, 0.5], x, lambda y, sigma: y / sigma, lambda *_: torch.zeros_like(x), lambda: None)
    assert float(found) == pytest.approx(0.5**2 / 2.0**2)


def test_lcm_predicts_the_picture_and_adds_the_next_levels_noise() -> None:
    """With a model that always sees the same picture, each step ends on it and the next sigma's noise; the last on it."""
    picture, asked = torch.full((1, 4, 2, 2), 0.7), []

    def model(x: torch.Tensor, timestep: float) -> torch.Tensor:
        asked.append(timestep)
        sigma = float(SIGMAS[int(timestep)])
        return (x * math.sqrt(sigma**2 + 1) - picture) / sigma

    found = sample_latents("LCM", 4, model, lambda: torch.ones((1, 4, 2, 2)), lambda: None)
    assert asked[0] == 999 and all((one - 19) % 20 == 0 for one in asked) and len(asked) == 4
    assert torch.allclose(found, picture, atol=0.02)


@pytest.mark.parametrize("sampler", [one for one in SAMPLERS if one != "LCM"])
def test_pictures_are_gone_on_from_with_a_part_of_the_steps(sampler: str) -> None:
    """As webui's img2img: with a perfect model the end is the picture, after `strength` of the steps; 0.0 keeps the start."""
    picture, count = torch.linspace(-1, 1, 36).view(1, 4, 3, 3), []
    logs = np.log(SIGMAS)

    def perfect(x: torch.Tensor, timestep: float) -> torch.Tensor:
        sigma = math.exp(np.interp(timestep, np.arange(1000), logs))
        return (x * math.sqrt(sigma**2 + 1) - picture) / sigma

    noise = torch.randn((1, 4, 3, 3), generator=torch.Generator().manual_seed(3))
    found = sample_latents(
        sampler,
        20,
        perfect,
        lambda: noise,
        lambda: count.append(1),
        start=torch.zeros(1, 4, 3, 3),
        strength=0.5,
        seeds=(1,),
    )
    by_timesteps = sampler in ("DDIM", "PLMS", "UniPC")
    assert (found - picture).abs().max() < (0.3 if by_timesteps else 5e-3)
    if sampler != "Restart":
        assert len(count) == {"DDIM": 9, "PLMS": 9, "UniPC": 10}.get(sampler, 11)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("DPM++ 2M Karras",), ("DPM++ 2M", "Karras")),
        (("DPM2 a Karras", "Automatic"), ("DPM2 a", "Karras")),
        (("euler A",), ("Euler a", "Automatic")),
        (("DPM++ 2M", "exponential"), ("DPM++ 2M", "Exponential")),
        (("Euler SGM Uniform",), ("Euler", "SGM Uniform")),
        (("DDIM",), ("DDIM", "Automatic")),
        (("LMS", "SGMUniform"), ("LMS", "SGM Uniform")),
        (("quux Karras",), ("quux", "Karras")),
    ],
)
def test_old_names_hold_a_schedule(given: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert sampler_and_schedule(*given) == expected


def test_automatic_is_what_webui_makes_of_it() -> None:
    assert schedule_used("DPM++ 2M", "Automatic") == "Karras" and schedule_used("Euler a", "Automatic") == "Automatic"
    assert schedule_used("DPM++ 2M", "Uniform") == "Uniform"
    uniform = scheduled_sigmas("Uniform", 5, all_sigmas())
    assert levels_of("Euler", 5, "Automatic") == uniform and levels_of("DPM++ 2M", 5, "Automatic") != uniform


def test_what_is_unknown_or_left_out_is_said() -> None:
    assert "left out" in unknown("DPM fast", "Karras")
    assert "no sampler 'quux'" in unknown("quux", "Karras") and "no schedule type 'Beta'" in unknown("Euler", "Beta")
    assert not any(unknown(sampler, schedule) for sampler in SAMPLERS for schedule in SCHEDULES)


def test_timesteps_between_two_are_told_by_the_logarithm() -> None:
    middle = math.sqrt(SIGMAS[500] * SIGMAS[501])
    assert timestep_of(middle, all_sigmas()) == pytest.approx(500.5, abs=0.01)
