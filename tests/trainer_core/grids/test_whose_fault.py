"""Whose fault a cell is: on pictures of one colour each, in which a stand-in for a tagger sees their red, green and blue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lora_workbench.tagger.labels import Label
from lora_workbench.trainer_core.drawn_answers import answer
from lora_workbench.trainer_core.grids import whose_fault as module
from lora_workbench.trainer_core.grids.whose_fault import fault_text, whose_fault
from lora_workbench.trainer_core.problems import UserError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class OfColours:
    """Sees as "red hat", "boots" (green) and "sky" (blue) what the picture has of these colours."""

    labels = (
        Label("red hat", "general", "red_hat"),
        Label("boots", "general", "boots"),
        Label("sky", "general", "sky"),
        Label("safe", "rating", "safe"),
    )
    size, batch = 8, 2

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked = 0

    def ask(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        self.asked += len(pictures)
        rows = [np.asarray(one, dtype=np.float32).mean(axis=(0, 1))[::-1] / 255 for one in pictures]
        return np.array([[*row, 0.9] for row in rows], dtype=np.float32).reshape(len(rows), 4)


@pytest.fixture
def tagger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OfColours:
    (tmp_path / "model.onnx").write_bytes(b"model")
    found = OfColours(tmp_path / "model.onnx")
    monkeypatch.setattr(module, "loaded_tagger", lambda _path: found)
    return found


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A grid of one cell, red and green, and the base's blue and green; four training pictures."""
    pictures = tmp_path / "set" / "1_penny"
    pictures.mkdir(parents=True)
    for name, colour, caption in (
        ("a", (255, 200, 0), "penny, red hat"),
        ("b", (0, 255, 0), "penny, boots"),
        ("c", (0, 0, 255), "penny, sky"),
        ("d", (250, 190, 0), "penny"),
    ):
        Image.new("RGB", (8, 8), colour).save(pictures / f"{name}.png")
        (pictures / f"{name}.txt").write_text(caption, encoding="utf-8")
    folder = tmp_path / "grid"
    (folder / "cells").mkdir(parents=True)
    shared = {"checkpoint": "base.safetensors", "prompt": "penny, (red_hat:1.2)", "seed": 3}
    cells: dict[str, Any] = {}
    for id_, colour in (("base", (0, 0, 250)), ("e8/te1.0/unet1.0", (250, 200, 0)), ("e9/te1.0/unet1.0", None)):
        cells[id_] = {**shared, "file": f"cells/{id_[:2]}.png"}
        if colour:
            Image.new("RGB", (8, 8), colour).save(folder / cells[id_]["file"])
    content = {"version": 1, "grids": [], "cells": cells, "pictures": str(tmp_path / "set")}
    (folder / "grid.json").write_text(json.dumps(content))
    return folder


def test_pictures_and_tags_at_fault_are_found(grid: Path, tagger: OfColours) -> None:
    told = whose_fault(grid, "e8", tagger.path, count=2)
    assert told["cell"] == "e8/te1.0/unet1.0"
    assert [Path(one["path"]).name for one in told["pictures"]] == ["a.png", "d.png"]
    assert told["pictures"][0]["caption"] == "penny, red hat" and told["pictures"][0]["likeness"] > 0.99
    assert 0 < told["likeness_among"] < 1
    (boots,) = told["tags"]
    assert (boots["tag"], boots["captions"], boots["seen"], boots["of"]) == ("boots", 1, 3, 4)
    assert boots["score"] == pytest.approx(200 / 255, abs=0.01) and boots["in_base"] is False
    assert sorted(Path(one).name for one in boots["pictures"]) == ["a.png", "b.png", "d.png"]
    text = fault_text(told)
    assert "boots (78%): in 1 of 4 captions, seen in 3 of the pictures" in text and "add the tag" in text


def test_what_the_base_draws_by_itself_is_last(grid: Path, tagger: OfColours) -> None:
    Image.new("RGB", (8, 8), (250, 200, 220)).save(grid / "cells" / "e8.png")
    told = whose_fault(grid, "e8", tagger.path)
    assert [(one["tag"], one["in_base"]) for one in told["tags"]] == [("boots", False), ("sky", True)]
    assert "and the base draws it too" in fault_text(told)


def test_what_was_seen_is_kept(grid: Path, tagger: OfColours) -> None:
    first = whose_fault(grid, "e8", tagger.path)
    assert tagger.asked == 6
    assert whose_fault(grid, "e8", tagger.path) == first and tagger.asked == 6


def test_the_helper_answers(grid: Path, tagger: OfColours, tmp_path: Path) -> None:
    asked = {"folder": str(grid), "cell": "e8/te1.0/unet1.0", "tagger": str(tagger.path)}
    assert answer("whose_fault", asked) == answer("whose_fault", {**asked, "pictures": str(tmp_path / "set")})


@pytest.mark.parametrize(
    ("cell", "pictures", "said"),
    [
        ("e7", None, "has no cell 'e7'; its cells are such as base"),
        ("e9", None, "e9/te1.0/unet1.0 is not drawn yet"),
        ("e8", Path("/nowhere"), "The folder /nowhere is missing"),
    ],
)
def test_what_is_wrong_is_one_sentence(grid: Path, tagger: OfColours, cell: str, pictures: Path | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        whose_fault(grid, cell, tagger.path, pictures)


def test_damaged_training_pictures_are_left_out(grid: Path, tagger: OfColours, tmp_path: Path) -> None:
    (tmp_path / "set" / "1_penny" / "a.png").write_bytes(b"no picture")
    told = whose_fault(grid, "e8", tagger.path)
    assert [Path(one["path"]).name for one in told["pictures"]][0] == "d.png" and told["tags"][0]["of"] == 3
