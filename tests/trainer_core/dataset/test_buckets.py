import json
from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.buckets import (
    UnfitSize,
    bucket_sizes,
    centred,
    fit_into_nearest,
    fit_without_enlarging,
    fits,
)
from lora_workbench.trainer_core.dataset.items import Dataset

KOHYA = json.loads((Path(__file__).parent / "kohya_buckets.json").read_text(encoding="utf-8"))


def sizes(values: list[list[int]]) -> list[tuple[int, int]]:
    return [(width, height) for width, height in values]


@pytest.mark.parametrize(("resolution", "low", "high", "step", "expected"), KOHYA["sizes"])
def test_sizes_are_kohyas(resolution: list[int], low: int, high: int, step: int, expected: list[list[int]]) -> None:
    assert bucket_sizes((resolution[0], resolution[1]), low, high, step) == sizes(expected)


def test_limits_go_to_multiples_of_the_step() -> None:
    """kohya takes 300 down to 256 and 700 up to 704."""
    assert bucket_sizes((512, 512), 300, 700, 64) == bucket_sizes((512, 512), 256, 704, 64)


@pytest.mark.parametrize(("resolution", "low", "high", "step", "size", "bucket", "resized"), KOHYA["nearest"])
def test_nearest_bucket_is_kohyas(
    resolution: list[int], low: int, high: int, step: int, size: list[int], bucket: list[int], resized: list[int]
) -> None:
    fit = fit_into_nearest(tuple(size), bucket_sizes(tuple(resolution), low, high, step))
    assert (fit.bucket, fit.resized) == (tuple(bucket), tuple(resized))


@pytest.mark.parametrize(("resolution", "low", "high", "step", "size", "bucket", "resized"), KOHYA["no_upscale"])
def test_without_enlarging_is_kohyas(
    resolution: list[int], low: int, high: int, step: int, size: list[int], bucket: list[int], resized: list[int]
) -> None:
    fit = fit_without_enlarging(tuple(size), tuple(resolution), step)
    assert (fit.bucket, fit.resized) == (tuple(bucket), tuple(resized))


def test_crop_is_in_the_centre() -> None:
    assert centred((384, 640), (384, 671)).crop == (0, 15)  # (671 - 640) // 2
    assert centred((512, 512), (600, 512)).crop == (44, 0)


def test_without_buckets_all_become_the_resolution() -> None:
    dataset = Dataset(0, (128, 64), 1, False, 256, 1024, 64, False, None, ())
    wide, tall = fits(dataset, [(300, 100), (100, 100)])
    assert (wide.bucket, wide.resized, wide.crop) == ((128, 64), (192, 64), (32, 0))
    assert (tall.bucket, tall.resized, tall.crop) == ((128, 64), (128, 128), (0, 32))


def test_a_picture_smaller_than_a_step_is_named_and_not_enlarged() -> None:
    dataset = Dataset(0, (512, 512), 1, True, 256, 1024, 64, True, None, ())
    reason, fit = fits(dataset, [(300, 63), (300, 64)])
    assert "300×63" in reason and "64" in reason
    assert fit.bucket == (256, 64)
    with pytest.raises(UnfitSize, match="narrow"):
        fit_without_enlarging((30000, 10), (128, 128), 64)
