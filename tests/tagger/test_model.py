"""The tagger's input to the last value, its output by hand, and what is said of files that are no taggers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.tagger.model import Tagger
from lora_workbench.tagger.pictures import prepared
from lora_workbench.trainer_core.problems import UserError


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_values_are_bgr_0_to_255() -> None:
    found = prepared(Image.new("RGB", (8, 8), (10, 100, 200)), 8)
    assert found.dtype == np.uint8 and found.shape == (8, 8, 3)
    assert (found == np.array([200, 100, 10])).all()


def test_a_picture_is_padded_with_white_in_the_middle_before_it_is_resized() -> None:
    found = prepared(Image.new("RGB", (8, 4), "black"), 8)
    assert (found[:2] == 255).all() and (found[2:6] == 0).all() and (found[6:] == 255).all()
    found = prepared(Image.new("RGB", (3, 8), "black"), 8)  # 5 columns of white: 2 on the left, 3 on the right
    assert (found[:, :2] == 255).all() and (found[:, 2:5] == 0).all() and (found[:, 5:] == 255).all()


def test_resizing_is_bicubic() -> None:
    generator = np.random.default_rng(0)
    image = Image.fromarray(generator.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    expected = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC), dtype=np.float32)[:, :, ::-1]
    assert (prepared(image, 16) == expected).all()


def test_transparency_is_white_and_photos_are_turned() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert (prepared(clear, 8) == 255).all()
    half = prepared(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), 8).astype(np.int16)
    assert np.abs(half - np.array([127, 127, 255])).max() <= 1
    upper = Image.new("RGB", (8, 8), "white")
    upper.paste("black", (0, 0, 8, 4))
    upper.getexif()[0x0112] = 6  # to be seen turned by a quarter to the right: what was above is on the right
    turned = prepared(upper, 8)
    assert (turned[:, 4:] == 0).all() and (turned[:, :4] == 255).all()


def test_probabilities_by_hand(make_tagger: Callable[..., Path]) -> None:
    tagger = Tagger.load(make_tagger())
    assert tagger.size == 8 and [label.name for label in tagger.labels][:3] == ["long hair", "sensitive", "hatsune miku"]
    colours = [(0, 0, 255), (255, 0, 0), (0, 51, 102)]
    found = tagger.probabilities([Image.new("RGB", (20, 20), colour) for colour in colours])
    red, green, blue = (8 * np.array(one) / 255 - 4 for one in zip(*colours, strict=True))
    expected = sigmoid(np.stack([blue, green, np.full(3, 2.0), np.zeros(3), np.zeros(3), red], axis=1))
    assert found.dtype == np.float32 and np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("batch", ["N", 1, 3])
def test_batches_change_nothing_and_fixed_ones_are_filled_up(make_tagger: Callable[..., Path], batch: int | str) -> None:
    tagger = Tagger.load(make_tagger(f"of_{batch}", batch=batch) / "model.onnx")
    images = [Image.new("RGB", (9, 5), (20 * number, 255 - 10 * number, 7 * number)) for number in range(10)]
    together = tagger.probabilities(images)
    alone = np.concatenate([tagger.probabilities([one]) for one in images])
    assert together.shape == (10, 6) and np.abs(together - alone).max() < 1e-6
    assert tagger.probabilities([]).shape == (0, 6)


def test_the_size_is_the_models(make_tagger: Callable[..., Path]) -> None:
    tagger = Tagger.load(make_tagger(size=20))
    assert tagger.size == 20 and tagger.probabilities([Image.new("RGB", (5, 5))]).shape == (1, 6)


def break_missing(folder: Path) -> Path:
    return folder / "nothing"


def break_model(folder: Path) -> Path:
    (folder / "model.onnx").write_bytes(b"this is no model")
    return folder


def break_half(folder: Path) -> Path:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])
    return folder


def break_labels(folder: Path) -> Path:
    (folder / "selected_tags.csv").unlink()
    return folder


def break_count(folder: Path) -> Path:
    lines = (folder / "selected_tags.csv").read_text(encoding="utf-8").splitlines()
    (folder / "selected_tags.csv").write_text("\n".join(lines[:-1]), encoding="utf-8")
    return folder


def break_page(folder: Path) -> Path:
    (folder / "selected_tags.csv").write_text("<html>404</html>", encoding="utf-8")
    return folder


def break_empty(folder: Path) -> Path:
    (folder / "model.onnx").unlink()
    return folder


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing, "is missing"),
        (break_model, "can't be loaded"),
        (break_half, "can't be loaded"),
        (break_labels, "selected_tags.csv is missing"),
        (break_count, "6 outputs, but its tag list names 5"),
        (break_page, "not the tag list"),
        (break_empty, "holds no .onnx file"),
    ],
)
def test_what_is_wrong_is_one_sentence(make_tagger: Callable[..., Path], damage: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        Tagger.load(damage(make_tagger()))
    assert "\n" not in str(caught.value)
