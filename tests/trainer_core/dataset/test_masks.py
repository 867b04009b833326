"""Masks belong to pictures by name and shape, and lie on their latents as the pictures do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.trainer_core.dataset.augment import plain_pixels
from lora_workbench.trainer_core.dataset.batches import Batch, Draw
from lora_workbench.trainer_core.dataset.items import TrainingSet
from lora_workbench.trainer_core.dataset.masks import Masks, latent_mask
from lora_workbench.trainer_core.dataset.pictures import load_picture
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.dataset.sizes import is_mirrored
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Settings]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """A folder with a mask for each of the three pictures: the left half counts."""
    place = tmp_path / "masks"
    place.mkdir()
    for number in range(3):
        half(place / f"{number}.png", (128, 128))
    return place


def half(path: Path, size: tuple[int, int]) -> Path:
    pixels = np.zeros((size[1], size[0]), dtype=np.uint8)
    pixels[:, : size[0] // 2] = 255
    Image.fromarray(pixels).save(path)
    return path


def problem(found: TrainingSet, code: str) -> str:
    (one,) = (one for one in found.problems if one.code == code)
    return f"{one.severity}: {one.message} {one.fix}".strip()


def test_masks_are_found_by_name_and_count_with_masked_loss_only(settings: Make, masks: Path) -> None:
    found = scan(settings(masked_loss=True, conditioning_data_dir=masks))
    assert [item.mask for item in found.items] == [masks / f"{number}.png" for number in range(3)]
    assert found.problems == ()
    assert [item.mask for item in scan(settings(conditioning_data_dir=masks)).items] == [None] * 3


def test_each_folder_may_have_masks_of_its_own(settings: Make, masks: Path) -> None:
    own = masks / "2_penny"
    own.mkdir()
    half(own / "0.png", (128, 128))
    found = scan(settings(masked_loss=True, conditioning_data_dir=masks))
    assert [item.mask for item in found.items] == [own / "0.png", None, None]
    assert "2 pictures without a mask" in problem(found, "mask-missing")
    assert problem(found, "mask-missing").startswith("warning: ")


def test_a_mask_of_another_size_is_resized_and_one_of_another_shape_is_an_error(settings: Make, masks: Path) -> None:
    half(masks / "1.png", (32, 32))
    found = scan(settings(masked_loss=True, conditioning_data_dir=masks))
    assert problem(found, "mask-resized") == "note: 1 mask of another size than the picture, resized to it: 1.png."
    half(masks / "1.png", (64, 128))
    found = scan(settings(masked_loss=True, conditioning_data_dir=masks))
    assert problem(found, "mask-shape") == (
        f"error: The mask {masks / '1.png'} is 64×128 and its picture 128×128: another shape. "
        "Save the mask in the picture's size."
    )
    (masks / "1.png").write_bytes(b"no picture")
    assert "1.png can't be used: it is corrupt" in problem(
        scan(settings(masked_loss=True, conditioning_data_dir=masks)), "mask-unusable"
    )


def test_a_missing_folder_of_masks_is_named(settings: Make, tmp_path: Path) -> None:
    found = scan(settings(masked_loss=True, conditioning_data_dir=tmp_path / "none"))
    assert f"The folder {tmp_path / 'none'} (conditioning_data_dir) can't be read" in problem(found, "folder-missing")


def test_a_mask_lies_on_its_picture(settings: Make, folder: Path, masks: Path) -> None:
    """The picture is its own mask: so each latent's mask is the mean of the pixels that the VAE sees there."""
    pixels = np.random.default_rng(0).integers(0, 256, (150, 220), dtype=np.uint8)
    for place in (folder, masks):
        Image.fromarray(pixels).save(place / "0.png")
    words = {
        "enable_bucket": True,
        "min_bucket_reso": 64,
        "max_bucket_reso": 256,
        "masked_loss": True,
        "conditioning_data_dir": masks,
    }
    item = scan(settings(**words)).items[0]
    seen = plain_pixels(load_picture(item.path), item)[..., 0].astype(np.float64) / 255
    height, width = seen.shape
    expected = seen.reshape(height // 8, 8, width // 8, 8).mean(axis=(1, 3))
    assert (height, width) != (150, 220)
    np.testing.assert_allclose(latent_mask(item)[0].numpy(), expected, atol=1e-6)


def test_halves_are_exact_and_mirrored_with_their_picture(settings: Make, masks: Path) -> None:
    found = scan(settings(masked_loss=True, conditioning_data_dir=masks, flip_aug=True))
    draws = tuple(Draw(item, copy) for item in range(3) for copy in range(2))
    for epoch in range(4):
        stacked = Masks(found, 5).batch(Batch((128, 128), draws), epoch)
        assert stacked is not None and stacked.shape == (6, 1, 16, 16)
        for mask, draw in zip(stacked, draws, strict=True):
            mirrored = is_mirrored(found.items[draw.item], 5, (epoch, draw.item, draw.copy))
            expected = torch.zeros(1, 16, 16)
            expected[..., 8:] = float(mirrored)
            expected[..., :8] = float(not mirrored)
            assert torch.equal(mask, expected)


def test_transparency_is_a_mask_where_asked_for(settings: Make, folder: Path) -> None:
    pixels = np.full((128, 128, 4), 255, dtype=np.uint8)
    pixels[64:, :, 3] = 0
    Image.fromarray(pixels).save(folder / "0.png")
    batch = Batch((128, 128), (Draw(0, 0), Draw(1, 0)))
    stacked = Masks(scan(settings(alpha_mask=True)), 5).batch(batch, 0)
    assert stacked is not None
    assert stacked[0, 0, :8].eq(1).all() and stacked[0, 0, 8:].eq(0).all() and stacked[1].eq(1).all()
    assert Masks(scan(settings()), 5).batch(batch, 0) is None


def test_a_mask_file_goes_before_transparency(settings: Make, folder: Path, masks: Path) -> None:
    Image.new("RGBA", (128, 128), (1, 2, 3, 0)).save(folder / "0.png")
    found = scan(settings(alpha_mask=True, masked_loss=True, conditioning_data_dir=masks))
    assert latent_mask(found.items[0])[0, :, :8].eq(1).all()
