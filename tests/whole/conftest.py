"""What tests of whole commands share: a folder of pictures and the words of a small training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five pictures in two shapes with captions, in kohya's layout: `pictures/2_penny`."""
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number in range(5):
        size = (128, 128) if number < 3 else (192, 96)
        picture = Image.linear_gradient("L").resize(size).rotate(90 * number).convert("RGB")
        picture.putpixel((number, 0), (255, 0, 0))
        picture.save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"penny, red hat, smile, number {number}", encoding="utf-8")
    return folder.parent


@pytest.fixture
def words(pictures: Path, random_base: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """The words of a small training; keyword arguments replace or add, None takes away."""

    def make(**changes: object) -> list[str]:
        settings: dict[str, object] = {
            "pretrained_model_name_or_path": random_base, "train_data_dir": pictures, "output_dir": tmp_path / "out",
            "output_name": "penny", "resolution": 128, "enable_bucket": True, "min_bucket_reso": 64, "max_bucket_reso": 256,
            "caption_extension": ".txt", "shuffle_caption": True, "keep_tokens": 1, "network_dim": 2, "network_alpha": 1,
            "learning_rate": "1e-3", "train_batch_size": 2, "max_train_steps": 5, "seed": 7, "cache_latents": True,
            "job_dir": tmp_path / "job",
        }  # fmt: skip
        settings |= changes
        return [f"--{name}" if value is True else f"--{name}={value}" for name, value in settings.items() if value is not None]

    return make
