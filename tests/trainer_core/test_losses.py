"""The loss and its weights against their formulas."""

import math

import pytest
import torch
from diffusers import DDPMScheduler

from lora_workbench.trainer_core.losses import batch_loss, huber_threshold, sample_weights
from lora_workbench.trainer_core.settings import Settings

TIMESTEPS = torch.tensor([0, 10, 300, 700, 999])
KEPT = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").alphas_cumprod[TIMESTEPS]
SNR = KEPT / (1 - KEPT)
TRAIN = torch.zeros(5, dtype=torch.bool)


def weights(**settings: object) -> torch.Tensor:
    return sample_weights(TIMESTEPS, TRAIN, Settings.of(**settings))


def test_min_snr_is_the_smaller_over_the_snr() -> None:
    expected = torch.minimum(SNR, torch.tensor(5.0)) / SNR
    torch.testing.assert_close(weights(min_snr_gamma=5), expected, rtol=1e-4, atol=0)
    assert torch.equal(weights(), torch.ones(5))


def test_debiased_estimation_is_one_over_the_root() -> None:
    torch.testing.assert_close(weights(debiased_estimation_loss=True), SNR.clamp(max=1000) ** -0.5, rtol=1e-4, atol=0)


def test_v_like_share_adds_to_the_loss() -> None:
    bounded = SNR.clamp(max=1000)
    torch.testing.assert_close(weights(v_pred_like_loss=0.3), 1 + 0.3 * (bounded + 1) / bounded, rtol=1e-4, atol=0)


def test_pure_noise_has_a_finite_weight_for_a_model_of_noise() -> None:
    """The signal-to-noise ratio of the usual schedule's end, 0.00468, stands in for 0."""
    settings = [{"min_snr_gamma": 5.0}, {"debiased_estimation_loss": True}, {"v_pred_like_loss": 0.1}]
    found = [sample_weights(torch.tensor([999]), TRAIN[:1], Settings.of(**one), zero_terminal=True).item() for one in settings]
    assert found == pytest.approx([1.0, 14.61, 22.46], rel=2e-3)


def test_regularization_pictures_have_the_prior_weight() -> None:
    is_reg = torch.tensor([True, False, True, False, False])
    found = sample_weights(TIMESTEPS, is_reg, Settings.of(prior_loss_weight=0.25))
    assert found.tolist() == [0.25, 1, 0.25, 1, 1]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.1 * 2] * 5),
        ("exponential", [2 * 0.1 ** (t / 1000) for t in TIMESTEPS.tolist()]),
        ("snr", [2 * (0.9 / (1 + float(s) ** -0.5) ** 2 + 0.1) for s in SNR]),
    ],
)
def test_huber_thresholds(schedule: str, expected: list[float]) -> None:
    found = huber_threshold(TIMESTEPS, Settings.of(loss_type="huber", huber_schedule=schedule, huber_c=0.1, huber_scale=2))
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss_type", ["l2", "l1", "huber", "smooth_l1"])
def test_loss_of_a_known_difference(loss_type: str) -> None:
    noise = torch.zeros(2, 4, 8, 8)
    prediction = torch.full_like(noise, 0.5)
    prediction[1] = -2.0
    settings = Settings.of(loss_type=loss_type, huber_schedule="constant", huber_c=0.1)
    found = batch_loss(prediction, noise, torch.tensor([5, 900]), torch.tensor([False, False]), settings).item()

    def bent(difference: float) -> float:
        return math.sqrt(difference**2 + 0.01) - 0.1

    expected = {
        "l2": (0.25 + 4) / 2,
        "l1": (0.5 + 2) / 2,
        "huber": 2 * 0.1 * (bent(0.5) + bent(2)) / 2,
        "smooth_l1": 2 * (bent(0.5) + bent(2)) / 2,
    }[loss_type]
    assert found == pytest.approx(expected, rel=1e-5)
