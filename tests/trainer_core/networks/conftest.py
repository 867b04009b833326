"""A loaded toy-size model of random weights for each test, so that none sees another's LoRA."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def model(random_base: Path) -> object:
    from lora_workbench.trainer_core.models.checkpoint import load_model

    return load_model(random_base, parts=("text_encoder", "unet"))
