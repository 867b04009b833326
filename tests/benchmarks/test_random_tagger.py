"""The benchmark's taggers have the WD interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.benchmarks import random_tagger
from lora_workbench.tagger.model import Tagger


def test_the_light_one(tmp_path: Path) -> None:
    tagger = Tagger.load(random_tagger.light_tagger(tmp_path / "light"))
    found = tagger.probabilities([Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")])
    assert found.shape == (2, 200) and tagger.size == 32
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_the_heavy_one_in_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sixteenth of the width, the same graph: windows, stages and merging fit together."""
    monkeypatch.setattr(random_tagger, "WIDTHS", (8, 16, 32, 64))
    monkeypatch.setattr(random_tagger, "HEADS", (1, 2, 2, 2))
    monkeypatch.setattr(random_tagger, "DEPTHS", (1, 1, 2, 1))
    monkeypatch.setattr(random_tagger, "TAGS", 50)
    tagger = Tagger.load(random_tagger.heavy_tagger(tmp_path / "heavy"), threads=1)
    found = tagger.probabilities([Image.effect_noise((500, 300), 90), Image.new("RGB", (9, 9))])
    assert found.shape == (2, 50) and np.isfinite(found).all() and tagger.size == 448 and len(tagger.labels) == 50
    assert (found[0] != found[1]).any()
