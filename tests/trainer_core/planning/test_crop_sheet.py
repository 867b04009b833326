from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.tests.trainer_core.planning.conftest import Fill, Make
from lora_workbench.trainer_core.planning.crop_sheet import SIDE, drawn, write_sheet
from lora_workbench.trainer_core.planning.sizes import crop_loss
from lora_workbench.trainer_core.problems import UserError, WordsError


@pytest.fixture
def wide(fill: Fill) -> Path:
    """A picture whose left quarter is red and right quarter is blue, with green between."""
    pixels = np.zeros((120, 240, 3), np.uint8)
    pixels[:, :60, 0] = pixels[:, 60:180, 1] = pixels[:, 180:, 2] = 255
    folder = fill("1_penny", count=0)
    Image.fromarray(pixels).save(folder / "wide.png")
    return folder


def test_the_crop_that_is_trained_is_bright_and_the_rest_is_dimmed(wide: Path, plan: Make) -> None:
    """128×128 of 256×128: the middle half, which is all green."""
    (item,) = plan(enable_bucket=None).training_set.items
    assert crop_loss(item) == 0.5
    one = drawn(item)
    assert one.image.size == (SIDE, SIDE // 2) and (one.loss, one.sizes) == ("50%", "240×120 → 128×128")
    pixels = np.asarray(one.image).astype(int)
    assert pixels[60, 120].tolist() == [0, 255, 0]
    assert (pixels[60, 20] > [200, 100, 100]).all() and (pixels[60, 220] > [100, 100, 200]).all()  # pale red, pale blue
    edge = np.abs(pixels[60] - [255, 120, 0]).sum(1) < 30
    assert np.flatnonzero(edge).tolist() == [60, 61, 178, 179]


def test_a_page_has_the_worst_first_and_needs_no_other_file(wide: Path, fill: Fill, plan: Make, tmp_path: Path) -> None:
    fill("1_penny", count=2, caption="penny")
    (wide / "wide.png").rename(wide / "a & b.png")
    made = plan(enable_bucket=None)
    sentence = write_sheet(tmp_path / "crops.html", made.training_set)
    text = (tmp_path / "crops.html").read_text(encoding="utf-8")
    assert "3 of 3 pictures" in sentence and str(tmp_path / "crops.html") in sentence
    assert [match[1] for match in re.finditer(r"<figcaption>([^<]+)<", text)] == ["a &amp; b.png", "0.png", "1.png"]
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert [Image.open(io.BytesIO(base64.b64decode(one))).size for one in images] == [(240, 120), (128, 128), (128, 128)]


def test_a_picture_of_all_crops(wide: Path, fill: Fill, plan: Make, tmp_path: Path) -> None:
    fill("1_penny", count=8)
    write_sheet(tmp_path / "crops.png", plan().training_set)
    with Image.open(tmp_path / "crops.png") as sheet:
        assert sheet.size == (6 * (SIDE + 12) + 12, 2 * (SIDE + 42) + 12)


def test_what_can_not_be_drawn(wide: Path, fill: Fill, plan: Make, tmp_path: Path) -> None:
    with pytest.raises(WordsError, match=r"\.html or \.png"):
        write_sheet(tmp_path / "crops.txt", plan().training_set)
    (wide / "wide.png").unlink()
    with pytest.raises(UserError, match="no pictures"):
        write_sheet(tmp_path / "crops.html", plan().training_set)
