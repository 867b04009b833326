"""What is measured in pixels, on made pictures whose truth is known: how much is found, and how much of it is true."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from made import CHANGES, KINDS, blurred, changed, scene, with_bars
from PIL import Image

from lora_workbench.trainer_core.pictures.alike import SIDE, groups, hashes, nearly_same
from lora_workbench.trainer_core.pictures.findings import BLURRED
from lora_workbench.trainer_core.pictures.measures import bars, sharpness

EACH = 6  # pictures of each kind


@cache
def scenes() -> tuple[Image.Image, ...]:
    return tuple(scene(seed, kind) for kind in KINDS for seed in range(EACH))


def grey(image: Image.Image, quality: int = 80) -> np.ndarray:
    """Through JPEG, as most pictures come."""
    content = io.BytesIO()
    image.convert("RGB").save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content).convert("L"))


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def test_blur_is_told_from_sharpness_in_drawings_and_photos() -> None:
    """A radius of 1 px at 512 px is still sharp, one of 2.5 px is not; between them either is right."""
    sharp = [sharpness(grey(blurred(one, radius))) for one in scenes() for radius in (0, 1)]
    soft = [sharpness(grey(blurred(one, radius))) for one in scenes() for radius in (2.5, 5)]
    assert all(value is not None and value >= BLURRED for value in sharp), "precision: no sharp picture is called blurred"
    assert all(value is not None and value < BLURRED for value in soft), "recall: every blurred picture is found"


def test_a_sharp_subject_before_a_blurred_background_is_sharp() -> None:
    for one in scenes()[:EACH]:
        mixed = blurred(one, 5)
        mixed.paste(one.crop((156, 220, 356, 420)), (156, 220))
        value = sharpness(grey(mixed))
        assert value is not None and value >= BLURRED


def test_a_picture_made_eight_times_larger_looks_blurred() -> None:
    found = [sharpness(grey(one.resize((64, 80)).resize((512, 640), Image.Resampling.BICUBIC))) for one in scenes()]
    assert all(value is not None and value < BLURRED for value in found)


def test_a_picture_without_edges_tells_nothing() -> None:
    assert sharpness(np.full((64, 64), 90, np.uint8)) is None


@pytest.mark.parametrize(
    ("widths", "colour"),
    [((0, 60, 0, 60), "black"), ((80, 0, 80, 0), "white"), ((0, 20, 0, 20), "black"), ((0, 60, 0, 0), "black")],
)
def test_bars_are_found_to_the_pixel(widths: tuple[int, int, int, int], colour: str) -> None:
    found = [bars(grey(with_bars(one, *widths, colour))) for one in scenes()]
    assert all(max(abs(own - true) for own, true in zip(one, widths, strict=True)) <= 3 for one in found)


def test_frames_of_any_colour_are_mostly_found() -> None:
    found = [bars(grey(with_bars(one, 30, 30, 30, 30, "steelblue"))) for one in scenes()]
    assert sum(map(any, found)) >= 0.85 * len(found)


def test_plain_backgrounds_are_no_bars() -> None:
    assert not any(any(bars(grey(one))) for one in scenes())


@pytest.mark.parametrize("how", CHANGES)
def test_the_same_picture_is_known_again_after_a_change(how: str) -> None:
    everything = [*map(small, scenes()), *(small(changed(one, how)) for one in scenes())]
    found = set(nearly_same(np.stack(everything)))
    count = len(scenes())
    true = {(number, number + count, how == "mirrored") for number in range(count)}
    assert found == true, "recall and precision: every pair and no other"


def test_ten_thousand_pictures_are_compared_in_parts() -> None:
    copies = np.random.default_rng(0).integers(0, 256, (1100, SIDE, SIDE), dtype=np.uint8)
    copies[1050] = copies[3]
    copies[700] = copies[600][:, ::-1]
    assert set(nearly_same(copies)) == {(3, 1050, False), (600, 700, True)}
    assert len(set(hashes(copies).tolist())) == 1100 - 1


def test_chains_of_pairs_are_one_group() -> None:
    assert groups([(5, 2), (2, 9), (7, 8)]) == [[2, 5, 9], [7, 8]]
