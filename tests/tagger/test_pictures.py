"""What the model is shown, and the scores that come of it, against the formula computed here with NumPy and Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lora_workbench.tagger import pictures
from lora_workbench.tagger.model import Tagger
from lora_workbench.tagger.pictures import load_picture, prepared
from lora_workbench.tagger.results import Choice, choose

SIZE, TAGS = 32, 40
RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(0, 256, (60, 90, 4), dtype=np.uint8)
WEIGHTS = RANDOM.standard_normal((SIZE * SIZE * 3, TAGS)).astype(np.float32) * 3e-4


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """Every pixel has a weight of its own for every tag: sigmoid(pixels @ weights)."""
    folder = tmp_path_factory.mktemp("linear")
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", TAGS])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "model.onnx")
    rows = [f"{i},tag_{i},{9 if i < 4 else 4 if i % 5 == 0 else 0},1" for i in range(TAGS)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]), encoding="utf-8")
    return Tagger.load(folder)


def reference(rgb: np.ndarray) -> np.ndarray:
    """Scores [TAGS] of what the picture shows, uint8 [height, width, 3]: square on white, bicubic, BGR, 0…255, sigmoid."""
    height, width = rgb.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 255, dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = rgb
    small = square
    if side != SIZE:
        small = np.asarray(Image.fromarray(square).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    shown = small[:, :, ::-1].astype(np.float64)
    return 1 / (1 + np.exp(-shown.reshape(-1) @ WEIGHTS.astype(np.float64)))


def on_white(rgba: np.ndarray) -> np.ndarray:
    white = Image.new("RGBA", (rgba.shape[1], rgba.shape[0]), (255, 255, 255))
    white.alpha_composite(Image.fromarray(rgba))
    return np.asarray(white.convert("RGB"))


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent() -> tuple[bytes, np.ndarray]:
    return saved(Image.fromarray(NOISE)), on_white(NOISE)


def grey() -> tuple[bytes, np.ndarray]:
    return saved(Image.fromarray(NOISE[:, :, 0])), np.repeat(NOISE[:, :, :1], 3, axis=2)


def grey_transparent() -> tuple[bytes, np.ndarray]:
    rgba = np.concatenate([np.repeat(NOISE[:, :, :1], 3, axis=2), NOISE[:, :, 3:]], axis=2)
    return saved(Image.fromarray(NOISE[:, :, [0, 3]], mode="LA")), on_white(rgba)


def palette() -> tuple[bytes, np.ndarray]:
    image = Image.fromarray(NOISE[:, :, :3]).quantize(16)
    colours = np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3)
    return saved(image), colours[np.asarray(image)]


def palette_transparent() -> tuple[bytes, np.ndarray]:
    image = Image.fromarray(NOISE[:, :, :3]).quantize(16)
    colours = np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3)
    shown = colours[np.asarray(image)].copy()
    shown[np.asarray(image) == 3] = 255
    return saved(image, transparency=3), shown


def cmyk() -> tuple[bytes, np.ndarray]:
    smooth = Image.fromarray(NOISE[:8, :12, :3]).resize((90, 60), Image.Resampling.BICUBIC).convert("CMYK")
    content = saved(smooth, "JPEG", quality=100)
    return content, np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def sixteen_bit() -> tuple[bytes, np.ndarray]:
    deep = RANDOM.integers(0, 65536, (60, 90), dtype=np.uint16)
    return saved(Image.fromarray(deep)), np.repeat((deep >> 8).astype(np.uint8)[:, :, None], 3, axis=2)


def rotated() -> tuple[bytes, np.ndarray]:
    image = Image.fromarray(NOISE[:, :, :3])
    exif = image.getexif()
    exif[0x0112] = 6  # to be seen turned by a quarter to the right
    return saved(image, exif=exif), np.rot90(NOISE[:, :, :3], -1)


def thin() -> tuple[bytes, np.ndarray]:
    line = RANDOM.integers(0, 256, (2000, 1, 3), dtype=np.uint8)
    return saved(Image.fromarray(line)), line


def flat() -> tuple[bytes, np.ndarray]:
    line = RANDOM.integers(0, 256, (1, 2000, 3), dtype=np.uint8)
    return saved(Image.fromarray(line)), line


def animated() -> tuple[bytes, np.ndarray]:
    frames = [Image.fromarray(NOISE[:, :, :3]), Image.new("RGB", (90, 60), "red")]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, quality=100), NOISE[:, :, :3]


def exact() -> tuple[bytes, np.ndarray]:
    return saved(Image.fromarray(NOISE[:SIZE, :SIZE, :3])), NOISE[:SIZE, :SIZE, :3]


KINDS = [
    transparent,
    grey,
    grey_transparent,
    palette,
    palette_transparent,
    cmyk,
    sixteen_bit,
    rotated,
    thin,
    flat,
    animated,
    exact,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_scores_are_the_references(tagger: Tagger, kind: Callable[[], tuple[bytes, np.ndarray]]) -> None:
    content, rgb = kind()
    loaded = load_picture(content)
    assert isinstance(loaded, Image.Image), loaded
    found = tagger.probabilities([loaded])[0]
    expected = reference(rgb)
    assert expected.std() > 0.02, "the scores must depend on the picture"
    assert np.abs(found - expected).max() < 1e-5


def test_selection_is_the_references(tagger: Tagger) -> None:
    """Tags by category above their threshold, likeliest first; the rating is the likeliest of its category."""
    for content, rgb in (kind() for kind in KINDS):
        scores = reference(rgb)
        own = {i: scores[i] for i in range(4, TAGS) if scores[i] > (0.5 if i % 5 == 0 else 0.45)}
        expected = [f"tag {i}" for i in sorted(own, key=lambda i: -own[i])]
        rating = f"tag {int(np.argmax(scores[:4]))}"
        loaded = load_picture(content)
        result = choose(tagger.labels, tagger.probabilities([loaded])[0], Choice(threshold=0.45, character_threshold=0.5))
        close = any(abs(scores[i] - (0.5 if i % 5 == 0 else 0.45)) < 2e-3 for i in range(4, TAGS))
        if not close:  # rounding may decide there
            assert result.names == expected and result.rating == rating


@pytest.mark.parametrize("shape", [(700, 40), (40, 700), (501, 333), (1, 900)])
def test_large_pictures_go_in_bands_to_the_same_bits(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.fromarray(RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8))
    whole = prepared(image, SIZE)
    monkeypatch.setattr(pictures, "_LARGE", 1000)
    assert (prepared(image, SIZE) == whole).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "0 bytes"), (b"no picture", "corrupt"), (saved(Image.fromarray(NOISE))[:900], "can't be read")],
)
def test_what_can_not_be_read_is_told(content: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in load_picture(content)
    (tmp_path / "a.png").write_bytes(content)
    assert reason in load_picture(tmp_path / "a.png")
    assert "can't be read" in load_picture(tmp_path / "missing.png")
