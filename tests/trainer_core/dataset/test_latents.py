from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.trainer_core.dataset.batches import Batch, Draw
from lora_workbench.trainer_core.dataset.items import Fit, Item, TrainingSet
from lora_workbench.trainer_core.dataset.latents import Latents
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.randomness import normal

SCALE = 0.5


class FakeVae:
    """Means and variances that can be computed by hand; counts what it is asked, and looks at the whole batch."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, images: torch.Tensor) -> SimpleNamespace:
        self.encoded += images.shape[0]
        red = torch.nn.functional.avg_pool2d(images, 8)[:, :1].repeat(1, 4, 1, 1)
        # Depends on the batch, as a convolution's rounding may.
        mean = red + 1e-3 * (images.shape[0] - 1)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean, logvar=mean * 0 - 2.0))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        paths.append(tmp_path / f"{number}.png")
    return paths


@pytest.fixture
def make(pictures: list[Path], make_item: Callable[..., Item], make_set: Callable[..., TrainingSet]) -> Callable[..., Latents]:
    """Latents of the three pictures; `options` and `fit` are the items', the rest is the class's."""

    def latents(vae: FakeVae | None = None, options: dict | None = None, fit: Fit | None = None, **changes: object) -> Latents:
        fit = fit or Fit((64, 64), (64, 64), (0, 0))
        items = [make_item(index=index, path=path, fit=fit, **(options or {})) for index, path in enumerate(pictures)]
        words = {
            "cached": True, "cache_folder": None, "vae_key": "vae", "scaling_factor": SCALE, "device": "cpu",
            "dtype": torch.float32, "batch_size": 2, "seed": 9, **changes,
        }  # fmt: skip
        made = Latents(make_set(items, 2), vae or FakeVae(), **words)
        made.prepare()
        return made

    return latents


def batch(*draws: tuple[int, int], bucket: tuple[int, int] = (64, 64)) -> Batch:
    return Batch(bucket, tuple(Draw(*one) for one in draws))


def expected(path: Path, key: tuple[int, int, int], mirrored: bool = False) -> torch.Tensor:
    """The definition: scale × (mean + exp(−2 / 2) × noise), the mean being what FakeVae makes of the picture alone."""
    pixels = np.asarray(Image.open(path))
    pixels = pixels[:, ::-1].copy() if mirrored else pixels
    red = torch.from_numpy(pixels[..., 0].astype(np.float32)).reshape(8, 8, 8, 8).mean(dim=(1, 3)) / 127.5 - 1
    return SCALE * (red.repeat(4, 1, 1) + np.exp(-1.0) * torch.from_numpy(normal((4, 8, 8), 9, "posterior", *key)))


@pytest.mark.parametrize("cached", [True, False])
def test_latents_are_what_the_definition_says(make: Callable[..., Latents], pictures: list[Path], cached: bool) -> None:
    found = make(cached=cached).batch(batch((1, 0), (0, 3)), epoch=2)
    assert found.shape == (2, 4, 8, 8) and found.dtype == torch.float32 and found.device.type == "cpu"
    torch.testing.assert_close(found[0], expected(pictures[1], (2, 1, 0)), atol=2e-6, rtol=0)
    torch.testing.assert_close(found[1], expected(pictures[0], (2, 0, 3)), atol=2e-6, rtol=0)


@pytest.mark.parametrize("cached", [True, False])
def test_a_picture_does_not_depend_on_its_batch(make: Callable[..., Latents], cached: bool) -> None:
    one_by_one, together = make(cached=cached, batch_size=1), make(cached=cached, batch_size=8)
    alone = one_by_one.batch(batch((2, 0)), 0)[0]
    assert torch.equal(alone, together.batch(batch((0, 0), (1, 0), (2, 0)), 0)[2])


def test_each_picture_is_encoded_once(make: Callable[..., Latents], tmp_path: Path) -> None:
    vae = FakeVae()
    latents = make(vae)
    assert vae.encoded == 3
    latents.vae = None
    latents.batch(batch((0, 0), (1, 0), (2, 0), (0, 1)), 5)
    flipped = FakeVae()
    make(flipped, options={"flip_aug": True})
    assert flipped.encoded == 6


def test_half_of_the_pictures_are_mirrored(make: Callable[..., Latents], pictures: list[Path]) -> None:
    for cached in (True, False):
        latents, mirrored = make(options={"flip_aug": True}, cached=cached), 0
        for copy in range(60):
            (found,) = latents.batch(batch((0, copy)), 1)
            plain, other = (expected(pictures[0], (1, 0, copy), flip) for flip in (False, True))
            assert torch.allclose(found, plain, atol=2e-6) != torch.allclose(found, other, atol=2e-6)
            mirrored += torch.allclose(found, other, atol=2e-6)
        assert 18 < mirrored < 42


def test_disk_keeps_latents_for_the_next_run(make: Callable[..., Latents], tmp_path: Path) -> None:
    first = make(cache_folder=tmp_path / "cache")
    vae = FakeVae()
    second = make(vae, cache_folder=tmp_path / "cache")
    assert vae.encoded == 0 and not second.notices
    assert torch.equal(first.batch(batch((0, 0)), 0), second.batch(batch((0, 0)), 0))


@pytest.mark.parametrize("change", ["picture", "vae", "size", "crop", "interpolation", "precision"])
def test_kept_latents_are_not_taken_for_others(
    make: Callable[..., Latents], pictures: list[Path], tmp_path: Path, change: str
) -> None:
    """Fault 5 of kohya's: a latent was reused though the picture, the VAE or the resolution had changed."""
    make(cache_folder=tmp_path / "cache")
    vae, words = FakeVae(), {"cache_folder": tmp_path / "cache"}
    if change == "picture":
        for path in pictures:
            status = path.stat()
            picture = Image.open(path).convert("RGB")
            picture.putpixel((0, 0), (1, 2, 3))
            picture.save(path)
            import os

            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    words |= {
        "vae": {"vae_key": "other"},
        "size": {"fit": Fit((32, 32), (32, 32), (0, 0))},
        "crop": {"fit": Fit((64, 64), (70, 64), (3, 0))},
        "interpolation": {"options": {"resize_interpolation": "nearest"}},
        "precision": {"dtype": torch.float64},
    }.get(change, {})
    make(vae, **words)
    assert vae.encoded == 3


@pytest.mark.parametrize("damage", ["cut", "one byte", "empty", "nothing of ours"])
def test_a_damaged_file_is_made_again_with_a_notice(
    make: Callable[..., Latents], tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make(cache_folder=tmp_path / "cache")
    path = sorted((tmp_path / "cache").rglob("*.safetensors"))[0]
    content = path.read_bytes()
    changed = bytes([content[-40] ^ 1])
    path.write_bytes(
        {"cut": content[:-9], "one byte": content[:-40] + changed + content[-39:], "empty": b"", "nothing of ours": b"x" * 99}[
            damage
        ]
    )
    vae = FakeVae()
    second = make(vae, cache_folder=tmp_path / "cache")
    assert vae.encoded == 1 and path.name in second.notices[0] and path.name in capsys.readouterr().out
    assert path.read_bytes() == content
    every = batch((0, 0), (1, 0), (2, 0))
    assert torch.equal(first.batch(every, 0), second.batch(every, 0))


def test_no_place_on_the_disk_is_told_and_no_harm(make: Callable[..., Latents], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place", encoding="utf-8")
    latents = make(cache_folder=tmp_path / "cache")
    assert any("the run goes on" in notice for notice in latents.notices)
    assert latents.batch(batch((0, 0)), 0).isfinite().all()


def test_augmentation_is_drawn_anew_for_each_copy(make: Callable[..., Latents]) -> None:
    latents = make(cached=False, fit=Fit((64, 64), (96, 96), (16, 16)), options={"random_crop": True})
    means = [latents.batch(batch((0, copy)), 0) for copy in (0, 1, 0)]
    assert torch.equal(means[0], means[2]) and not torch.equal(means[0], means[1])


def test_a_vae_that_fails_is_named_with_the_picture(make: Callable[..., Latents], pictures: list[Path]) -> None:
    class Broken(FakeVae):
        def encode(self, images: torch.Tensor) -> SimpleNamespace:
            posterior = super().encode(images)
            posterior.latent_dist.mean[:] = float("nan")
            return posterior

    with pytest.raises(UserError, match=r"0\.png.*--vae"):
        make(Broken())


def test_a_vanished_picture_is_one_sentence(make: Callable[..., Latents], pictures: list[Path]) -> None:
    pictures[2].unlink()
    with pytest.raises(UserError, match=r"2\.png"):
        make()


@pytest.mark.parametrize("cached", [True, False])
def test_a_picture_that_was_hurt_since_the_plan_is_one_sentence(
    make: Callable[..., Latents], pictures: list[Path], cached: bool
) -> None:
    pictures[2].write_bytes(pictures[2].read_bytes()[:-3000])
    with pytest.raises(UserError, match=r"The picture .*2\.png is corrupt \(.*\): save it anew"):
        make(cached=cached).batch(Batch((64, 64), (Draw(2, 0),)), 0)


def test_progress_is_told(make: Callable[..., Latents]) -> None:
    told: list[tuple[int, int]] = []
    make().prepare(lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
