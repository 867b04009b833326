"""Losses, weights, targets and noise schedules against their papers' formulas, computed anew in NumPy with float64.

Nothing here comes from the code under test but the settings: betas, roots and ratios are built from their definitions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lora_workbench.trainer_core.losses import batch_loss
from lora_workbench.trainer_core.models.noise import add_noise, alphas_cumprod, snr, training_target, velocity
from lora_workbench.trainer_core.settings import Settings

STEPS = np.array([0, 1, 7, 60, 250, 500, 750, 998, 999])
DRAW = np.random.default_rng(3)
ANSWER, TARGET = (DRAW.standard_normal((len(STEPS), 4, 6, 5)) for _ in range(2))
MASKS = DRAW.random((len(STEPS), 1, 6, 5))
REG = np.arange(len(STEPS)) % 3 == 1
TOLERANCE = 1e-6


def kept(zero_terminal: bool = False) -> np.ndarray:
    """ᾱ of Stable Diffusion; with `zero_terminal` after algorithm 1 of Lin et al. 2023, written out with its betas."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas_bar = np.cumprod(1 - betas)
    if not zero_terminal:
        return alphas_bar
    roots = np.sqrt(alphas_bar)
    first, last = roots[0], roots[-1]
    roots = roots - last
    roots = roots * first / (first - last)
    alphas_bar = roots**2
    alphas = alphas_bar[1:] / alphas_bar[:-1]
    new_betas = 1 - np.concatenate([alphas_bar[0:1], alphas])
    return np.cumprod(1 - new_betas)


def ratio(zero_terminal: bool = False) -> np.ndarray:
    share = kept(zero_terminal)[STEPS]
    return share / (1 - share)


def ours(prediction: str = "epsilon", zero_terminal: bool = False, masks: bool = False, **settings: Any) -> float:
    return batch_loss(
        torch.from_numpy(ANSWER),
        torch.from_numpy(TARGET),
        torch.from_numpy(STEPS),
        torch.from_numpy(REG),
        Settings.of(**settings),
        prediction,
        zero_terminal,
        torch.from_numpy(MASKS) if masks else None,
    ).item()


def weighted(weights: np.ndarray | float, point: np.ndarray | None = None) -> float:
    point = (ANSWER - TARGET) ** 2 if point is None else point
    return float((point.mean(axis=(1, 2, 3)) * weights).mean())


def test_min_snr_is_hang_et_als() -> None:
    """Of noise min(snr, γ) / snr, of velocity min(snr, γ) / (snr + 1)."""
    assert ours(min_snr_gamma=5) == pytest.approx(weighted(np.minimum(ratio(), 5) / ratio()), rel=TOLERANCE)
    expected = weighted(np.minimum(ratio(), 5) / (ratio() + 1))
    assert ours("v_prediction", min_snr_gamma=5) == pytest.approx(expected, rel=TOLERANCE)
    expected = weighted(np.minimum(ratio(True), 5) / (ratio(True) + 1))
    assert ours("v_prediction", True, min_snr_gamma=5) == pytest.approx(expected, rel=TOLERANCE)


def test_debiased_estimation_is_yu_et_als() -> None:
    bounded = np.minimum(ratio(), 1000)
    assert ours(debiased_estimation_loss=True) == pytest.approx(weighted(1 / np.sqrt(bounded)), rel=TOLERANCE)
    expected = weighted(1 / (bounded + 1))
    assert ours("v_prediction", debiased_estimation_loss=True) == pytest.approx(expected, rel=TOLERANCE)


def test_v_like_shares() -> None:
    bounded = np.minimum(ratio(), 1000)
    assert ours(v_pred_like_loss=0.3) == pytest.approx(weighted(1 + 0.3 * (bounded + 1) / bounded), rel=TOLERANCE)
    bounded = np.minimum(ratio(True), 1000)
    found = ours("v_prediction", True, scale_v_pred_loss_like_noise_pred=True)
    assert found == pytest.approx(weighted(bounded / (bounded + 1)), rel=TOLERANCE)


@pytest.mark.parametrize("zero_terminal", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "exponential", "snr"])
@pytest.mark.parametrize("loss_type", ["huber", "smooth_l1"])
def test_huber_and_smooth_l1(loss_type: str, schedule: str, zero_terminal: bool) -> None:
    """2δ(√(d² + δ²) - δ) and 2(√(d² + δ²) - δ), with δ by the timestep."""
    c, scale = 0.2, 1.5
    with np.errstate(divide="ignore"):
        sigmas = np.sqrt(1 / ratio(zero_terminal))
    delta = {
        "constant": np.full(len(STEPS), c),
        "exponential": np.exp(STEPS * np.log(c) / 1000),
        "snr": (1 - c) / (1 + sigmas) ** 2 + c,
    }[schedule] * scale
    delta = delta.reshape(-1, 1, 1, 1)
    bent = np.sqrt((ANSWER - TARGET) ** 2 + delta**2) - delta
    expected = weighted(1.0, 2 * delta * bent if loss_type == "huber" else 2 * bent)
    found = ours(zero_terminal=zero_terminal, loss_type=loss_type, huber_schedule=schedule, huber_c=c, huber_scale=scale)
    assert found == pytest.approx(expected, rel=TOLERANCE)


def test_l1_prior_and_mask() -> None:
    assert ours(loss_type="l1") == pytest.approx(weighted(1.0, np.abs(ANSWER - TARGET)), rel=TOLERANCE)
    assert ours(prior_loss_weight=0.4) == pytest.approx(weighted(np.where(REG, 0.4, 1.0)), rel=TOLERANCE)
    assert ours(masks=True) == pytest.approx(weighted(1.0, (ANSWER - TARGET) ** 2 * MASKS), rel=TOLERANCE)


def test_everything_together_is_the_product() -> None:
    bounded = np.minimum(ratio(), 1000)
    weights = np.minimum(ratio(), 4) / ratio() * (1 + 0.2 * (bounded + 1) / bounded) / np.sqrt(bounded) * np.where(REG, 0.5, 1)
    found = ours(
        masks=True, min_snr_gamma=4, v_pred_like_loss=0.2, debiased_estimation_loss=True, prior_loss_weight=0.5, loss_type="l1"
    )
    assert found == pytest.approx(weighted(weights, np.abs(ANSWER - TARGET) * MASKS), rel=TOLERANCE)


@pytest.mark.parametrize("zero_terminal", [False, True])
def test_the_schedule_is_the_papers(zero_terminal: bool) -> None:
    torch.testing.assert_close(
        alphas_cumprod(zero_terminal).double(), torch.from_numpy(kept(zero_terminal)), rtol=1e-5, atol=1e-7
    )


def test_zero_terminal_ends_in_nothing_and_begins_as_before() -> None:
    rescaled, plain = alphas_cumprod(True), alphas_cumprod()
    assert rescaled[-1] == 0 and snr(torch.tensor([999]), True) == 0 and plain[-1] > 0.004
    assert rescaled[0] == plain[0]
    assert bool((rescaled[1:] < rescaled[:-1]).all()) and bool((rescaled <= plain).all())
    latents, noise = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 3, 3)
    assert torch.equal(add_noise(latents, noise, torch.tensor([999]), True), noise)
    assert torch.equal(training_target(latents, noise, torch.tensor([999]), "v_prediction", True), -latents)


@pytest.mark.parametrize("zero_terminal", [False, True])
def test_velocity_is_salimans_and_hos(zero_terminal: bool) -> None:
    """v = α·ε - σ·x; so x = α·z - σ·v and ε = σ·z + α·v, whatever the timestep."""
    x, noise = (torch.from_numpy(one) for one in (ANSWER, TARGET))
    steps = torch.from_numpy(STEPS)
    alpha = np.sqrt(kept(zero_terminal)[STEPS]).reshape(-1, 1, 1, 1)
    sigma = np.sqrt(1 - kept(zero_terminal)[STEPS]).reshape(-1, 1, 1, 1)
    z, v = add_noise(x, noise, steps, zero_terminal).numpy(), velocity(x, noise, steps, zero_terminal).numpy()
    np.testing.assert_allclose(v, alpha * TARGET - sigma * ANSWER, rtol=0, atol=1e-5)
    np.testing.assert_allclose(alpha * z - sigma * v, ANSWER, rtol=0, atol=1e-5)
    np.testing.assert_allclose(sigma * z + alpha * v, TARGET, rtol=0, atol=1e-5)
    assert training_target(x, noise, steps, "epsilon", zero_terminal) is noise
