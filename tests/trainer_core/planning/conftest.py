"""Folders of small pictures, and plans of them: without a base model, which takes time. That error isn't asked about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.settings import Settings

Fill = Callable[..., Path]
Make = Callable[..., Plan]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def fill(root: Path) -> Fill:
    """Makes a folder in `root` with `count` pictures, each captioned with `caption` where there is one."""

    def make(name: str, count: int = 3, size: tuple[int, int] = (128, 128), caption: str = "", ending: str = ".png") -> Path:
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", size, (20 * number % 256, 80, 40)).save(folder / f"{number}{ending}")
            if caption:
                (folder / f"{number}.txt").write_text(caption, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def given(root: Path, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Sound settings; keyword arguments replace or add, None takes away."""

    def make(**changes: object) -> dict[str, object]:
        values = {
            "train_data_dir": str(root), "resolution": "128", "enable_bucket": True, "min_bucket_reso": 64,
            "max_bucket_reso": 256, "caption_extension": ".txt", "output_dir": str(tmp_path / "out"), "network_dim": 8,
            "network_alpha": 8, "unet_lr": 1e-4, "text_encoder_lr": 5e-5, "max_train_epochs": 1000,
            "data_dir": str(tmp_path / "data"), **changes,
        }  # fmt: skip
        return {name: value for name, value in values.items() if value is not None}

    return make


@pytest.fixture
def plan(given: Callable[..., dict[str, object]]) -> Make:
    return lambda **changes: make_plan(Settings.of(**given(**changes)))


def told(plan: Plan) -> dict[str, str]:
    """{code: its sentences}, but for the absence of a base model."""
    return {one.code: f"{one.message} {one.fix}" for one in plan.problems if one.code != "base-model-missing"}
