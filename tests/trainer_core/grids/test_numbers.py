"""The numbers beside a grid: on pictures for which they are known beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.model import Tagger
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.run_snapshots import Snapshot
from lora_workbench.trainer_core.grids.axes import Cell
from lora_workbench.trainer_core.grids.likeness import prompt_tags
from lora_workbench.trainer_core.grids.number_words import numbers_text
from lora_workbench.trainer_core.grids.numbers import cell_numbers, drift
from lora_workbench.trainer_core.problems import UserError

LORA = Snapshot(Path("penny.safetensors"), "penny", "e1", 1, None, "7", "ab" * 32, True)
REQUEST = Request("(red_hat:1.2), blue \\(toy\\), unknown", seed=3)
# What is "seen" in a picture of one colour: its red, its blue, and always the rating.
LABELS = [
    Label("red hat", "general", "red_hat"),
    Label("blue (toy)", "general", "blue_(toy)"),
    Label("safe", "rating", "safe"),
]


class OfColours:
    """A tagger that reads the colours; so scores are known."""

    labels = LABELS

    def probabilities(self, images: list[Image.Image]) -> np.ndarray:
        colours = [np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) / 255 for image in images]
        return np.array([[red, blue, 0.0] for red, _, blue in colours], dtype=np.float32)


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setattr(Tagger, "load", classmethod(lambda _cls, _path: OfColours()))
    base, cell = (Cell(id_, Path("b"), one, 1.0, 1.0, REQUEST) for id_, one in (("base", None), ("e1/te1.0/unet1.0", LORA)))
    files = {"base": tmp_path / "base.png", cell.id: tmp_path / "cell.png"}
    Image.new("RGB", (8, 8), (0, 0, 255)).save(files["base"])
    Image.new("RGB", (8, 8), (255, 0, 51)).save(files[cell.id])
    return SimpleNamespace(cells=[base, cell], files=files, id=cell.id)


def test_drift_is_the_mean_difference() -> None:
    black, white, grey = (Image.new("RGB", (8, 8), (value,) * 3) for value in (0, 255, 51))
    assert drift(black, black) == 0 and drift(white, black) == 1 and drift(grey, black) == pytest.approx(0.2)


def test_prompts_are_read_as_tags() -> None:
    known = {"red hat": 0, "blue (toy)": 1, "smile": 2}
    assert prompt_tags(REQUEST.prompt, known) == [0, 1]
    assert prompt_tags("smile, Red  Hat, red hat", known) == [2, 0]
    assert prompt_tags("a smile in the sun", known) == []


def test_agreement_and_drift(cells: SimpleNamespace) -> None:
    found = cell_numbers(cells.cells, cells.files, Path("tagger"))
    assert found["base"] == {"agreement": 0.5}
    assert found[cells.id] == {"agreement": 0.6, "drift": pytest.approx((1 + 0.8) / 3, abs=1e-3)}
    assert cell_numbers(cells.cells, cells.files)[cells.id].keys() == {"drift"}


def test_likeness_is_set_against_that_of_the_training_pictures(cells: SimpleNamespace, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures" / "1_penny"
    pictures.mkdir(parents=True)
    with pytest.raises(UserError, match="no pictures in"):
        cell_numbers(cells.cells, cells.files, Path("tagger"), pictures)
    for name, colour in (("a", (255, 0, 51)), ("b", (0, 0, 255))):
        Image.new("RGB", (8, 8), colour).save(pictures / f"{name}.png")
    found = cell_numbers(cells.cells, cells.files, Path("tagger"), pictures.parent)[cells.id]
    assert found["likeness"] == 1 and found["likeness_among"] == pytest.approx(0.2 / (1 + 0.2**2) ** 0.5, abs=1e-3)
    text = numbers_text(found)
    assert "prompt's tags seen 60%" in text and "like a training picture 1.00 (they among each other 0.20)" in text
    assert text.endswith("perhaps a copy") and "copy" not in numbers_text({**found, "likeness": 0.1})
