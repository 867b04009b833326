"""Fixtures that every room's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.tests.needs import find_chromium, missing

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test gets a data folder of its own, so that none sees the user's or another's."""
    folder = tmp_path / "data"
    monkeypatch.setenv("LORA_WORKBENCH_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def random_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the toy base's architecture with random weights (fp32): for mechanics, it can draw nothing."""
    from lora_workbench.benchmarks.make_checkpoint import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("random_base") / "random_base.safetensors", "toy", dtype="fp32")


@pytest.fixture(scope="session")
def tiny_sd2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion 2.x checkpoint with random weights (fp32); nothing in it says what it predicts."""
    from lora_workbench.benchmarks.make_checkpoint import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("tiny_sd2") / "tiny_sd2.safetensors", "tiny_sd2", dtype="fp32")


@pytest.fixture(scope="session")
def tiny_sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion XL checkpoint with random weights (fp32); nothing in it says what it predicts."""
    from lora_workbench.benchmarks.make_checkpoint import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("tiny_sdxl") / "tiny_sdxl.safetensors", "tiny_sdxl", dtype="fp32")


@pytest.fixture(scope="session")
def toy_base() -> Path:
    """The toy world's trained base model."""
    path = ROOT / "demo" / "models" / "toy_base.safetensors"
    if not path.is_file():
        pytest.skip("demo/models/toy_base.safetensors is missing")
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests: Playwright runs one event loop in the main thread, and none beside it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
