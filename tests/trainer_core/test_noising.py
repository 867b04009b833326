"""Noise and timesteps are functions of the picture and the epoch, with the statistics that the settings ask for."""

import pytest
import torch

from lora_workbench.trainer_core.noising import draw_noise, draw_timesteps, noisy_latents
from lora_workbench.trainer_core.settings import Settings

KEYS = [(0, item, copy) for item in range(40) for copy in range(5)]
LATENTS = torch.zeros(len(KEYS), 4, 16, 16)


def test_a_pictures_noise_does_not_depend_on_its_batch() -> None:
    settings = Settings.of(noise_offset=0.1, multires_noise_iterations=4)
    together = draw_noise(LATENTS[:6], KEYS[:6], settings, 7)
    alone = draw_noise(LATENTS[:1], [KEYS[4]], settings, 7)
    assert torch.equal(together[4], alone[0])
    assert torch.equal(draw_timesteps(KEYS, settings, 7)[3:5], draw_timesteps(KEYS[3:5], settings, 7))


@pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_epoch_item_and_copy_each_change_the_noise(other: tuple[int, int, int]) -> None:
    settings = Settings.of()
    assert not torch.equal(draw_noise(LATENTS[:1], [(0, 0, 0)], settings, 7), draw_noise(LATENTS[:1], [other], settings, 7))
    assert not torch.equal(draw_noise(LATENTS[:1], [other], settings, 7), draw_noise(LATENTS[:1], [other], settings, 8))


def test_plain_noise_is_standard_normal() -> None:
    noise = draw_noise(LATENTS, KEYS, Settings.of(), 1)
    assert abs(noise.mean().item()) < 0.01 and abs(noise.std().item() - 1) < 0.01


def test_noise_offset_moves_whole_channels() -> None:
    noise = draw_noise(LATENTS, KEYS, Settings.of(noise_offset=0.5), 1)
    # The mean of a channel's 256 numbers varies by 1/256, and with the offset by 0.25 more.
    assert noise.mean(dim=(2, 3)).var().item() == pytest.approx(0.25 + 1 / 256, rel=0.15)


def test_random_strength_is_between_nothing_and_the_offset() -> None:
    noise = draw_noise(LATENTS, KEYS, Settings.of(noise_offset=0.5, noise_offset_random_strength=True), 1)
    # E[u²] of an even u in 0 … 0.5 is 0.25 / 3.
    assert noise.mean(dim=(2, 3)).var().item() == pytest.approx(0.25 / 3 + 1 / 256, rel=0.2)


def test_adaptive_scale_adds_the_latents_mean() -> None:
    settings = Settings.of(noise_offset=0.1, adaptive_noise_scale=0.5)
    noise = draw_noise(torch.full_like(LATENTS, 2.0), KEYS, settings, 1)
    assert noise.mean(dim=(2, 3)).var().item() == pytest.approx((0.1 + 0.5 * 2) ** 2 + 1 / 256, rel=0.15)


def test_pyramid_noise_has_unit_variance_and_is_smoother() -> None:
    noise = draw_noise(LATENTS, KEYS, Settings.of(multires_noise_iterations=6, multires_noise_discount=0.8), 1)
    assert noise.std(dim=(1, 2, 3)).tolist() == pytest.approx([1] * len(KEYS), abs=1e-4)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean().item()
    assert neighbours > 0.2


def test_timesteps_stay_in_their_range_and_reach_its_ends() -> None:
    keys = [(0, item, 0) for item in range(400)]
    drawn = draw_timesteps(keys, Settings.of(min_timestep=990, max_timestep=1000), 3)
    assert set(drawn.tolist()) == set(range(990, 1000))


def test_noisy_latents_keep_the_variance() -> None:
    timesteps = torch.full((len(KEYS),), 999)
    noise = draw_noise(LATENTS, KEYS, Settings.of(), 1)
    kept_share = 0.0047  # alphas_cumprod[999] of Stable Diffusion
    noisy = noisy_latents(LATENTS, noise, timesteps, KEYS, Settings.of(), 1)
    assert noisy.var().item() == pytest.approx((1 - kept_share) * noise.var().item(), rel=1e-3)
    perturbed = noisy_latents(LATENTS, noise, timesteps, KEYS, Settings.of(ip_noise_gamma=0.3), 1)
    assert (perturbed - noisy).var().item() == pytest.approx((1 - kept_share) * 0.09, rel=0.05)
