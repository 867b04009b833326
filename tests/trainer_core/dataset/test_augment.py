from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset.augment import (
    by_area,
    face_place,
    plain_pixels,
    resized,
    varied_colors,
    varied_pixels,
)
from lora_workbench.trainer_core.dataset.items import Fit, Item
from lora_workbench.trainer_core.randomness import generator


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_area_of_whole_factors_is_the_mean() -> None:
    pixels = noise(12, 8)
    means = pixels.reshape(4, 2, 4, 3, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(by_area(pixels, (4, 4)) - means).max() <= 0.5


def test_area_counts_parts_of_pixels() -> None:
    """Three pixels to two: the middle one belongs to both by halves, (a + b/2) / 1.5 and (b/2 + c) / 1.5."""
    pixels = np.array([[[30] * 3, [90] * 3, [210] * 3]], dtype=np.uint8)
    assert by_area(pixels, (2, 1))[0, :, 0].tolist() == [(30 + 45) / 1.5, (45 + 210) / 1.5]


def test_smaller_by_area_larger_by_lanczos() -> None:
    picture = Image.fromarray(noise(40, 40))
    assert np.array_equal(resized(picture, (20, 20), None), by_area(np.asarray(picture), (20, 20)))
    lanczos = np.asarray(picture.resize((60, 60), Image.Resampling.LANCZOS))
    assert np.array_equal(resized(picture, (60, 60), None), lanczos)
    nearest = np.asarray(picture.resize((20, 20), Image.Resampling.NEAREST))
    assert np.array_equal(resized(picture, (20, 20), "nearest"), nearest)


def test_crop_takes_the_fit_s_place(make_item: Callable[..., Item]) -> None:
    pixels = noise(80, 64)
    item = make_item(fit=Fit((64, 64), (80, 64), (8, 0)), size=(80, 64))
    assert np.array_equal(plain_pixels(Image.fromarray(pixels), item), pixels[:, 8:72])


def test_random_crop_takes_every_place(make_item: Callable[..., Item]) -> None:
    pixels = noise(68, 64)
    item = make_item(fit=Fit((64, 64), (68, 64), (2, 0)), random_crop=True)
    found = set()
    for copy in range(60):
        crop = varied_pixels(Image.fromarray(pixels), item, generator(1, "augment", copy), buckets=True)
        (place,) = (left for left in range(5) if np.array_equal(crop, pixels[:, left : left + 64]))
        found.add(place)
    assert found == {0, 1, 2, 3, 4}


def test_colors_change_for_a_third_of_the_pictures_and_little() -> None:
    pixels = noise(16, 16)
    changed = [varied_colors(pixels, generator(2, "augment", copy)) for copy in range(600)]
    differing = [one for one in changed if not np.array_equal(one, pixels)]
    assert len(differing) / 600 == pytest.approx(0.33, abs=0.07)
    assert all(one.shape == pixels.shape and one.dtype == np.uint8 for one in changed)
    gray = np.full((4, 4, 3), 128, dtype=np.uint8)
    spread = {int(varied_colors(gray, generator(2, "augment", copy))[0, 0, 0]) for copy in range(300)}
    # gamma 0.95 to 1.05 of 128/255
    assert min(spread) >= 255 * (128 / 255) ** 1.05 - 1 and max(spread) <= 255 * (128 / 255) ** 0.95 + 1 and len(spread) > 3


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a_60_40_20_30", (60, 40, 20, 30)),
        ("red_hat_60_40_20_30", (60, 40, 20, 30)),
        ("ava_red_hat_blue_bow", None),
        ("a_b_c_d_1", None),
        ("60_40_20_30", None),
        ("a_0_0_0_0", None),
    ],
)
def test_only_numbers_are_a_face_s_place(name: str, place: tuple[int, ...] | None) -> None:
    """kohya's crops crash on other names with five parts."""
    assert face_place(Path(f"{name}.png")) == place


def test_face_crops_hold_the_face_at_the_wanted_size(make_item: Callable[..., Item]) -> None:
    pixels = np.zeros((400, 400, 3), dtype=np.uint8)
    pixels[280:320, 80:120] = 255  # a face of 40 px at (100, 300)
    item = make_item(
        path=Path("a_100_300_40_40.png"), fit=Fit((64, 64), (64, 64), (0, 0)), size=(400, 400), face_crop_aug_range=(2.0, 4.0)
    )
    sides = []
    for copy in range(30):
        crop = varied_pixels(Image.fromarray(pixels), item, generator(1, "augment", copy), buckets=False)
        assert crop.shape == (64, 64, 3)
        bright = np.argwhere(crop[..., 0] > 127)
        assert np.abs(bright.mean(axis=0) - 31.5).max() <= 3
        sides.append(np.ptp(bright[:, 0]) + 1)
    # 64 / 4 = 16 to 64 / 2 = 32 px
    assert min(sides) >= 15 and max(sides) <= 33 and max(sides) - min(sides) > 5
    with_buckets = varied_pixels(Image.fromarray(pixels), item, generator(1, "augment", 0), buckets=True)
    assert np.array_equal(with_buckets, plain_pixels(Image.fromarray(pixels), item))
