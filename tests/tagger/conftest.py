"""A tagger whose answers are computed by hand: sigmoid(mean of the pixels · weights + bias)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

HEADER = "tag_id,name,category,count\n"
# Weights of a pixel's (blue, green, red) mean, 0 to 255, and a bias: 0.04 · 255 - 5.1 = 5.1, so a colour that is there
# gives sigmoid(5.1) = 0.994, half of it sigmoid(0) = 0.5, none sigmoid(-5.1) = 0.006.
ROWS = (
    ("general", "9", (0.0, 0.0, 0.0), 1.0),
    ("blue_colour", "0", (0.04, 0.0, 0.0), -5.1),
    ("green_colour", "0", (0.0, 0.04, 0.0), -5.1),
    ("sensitive", "9", (0.0, 0.0, 0.0), -1.0),
    ("red_colour", "0", (0.0, 0.0, 0.04), -5.1),
    ("mona_(painting)", "4", (0.0, 0.0, 0.04), -5.1),
)
MakeTagger = Callable[..., Path]


def sigmoid(value: float) -> float:
    return 1 / (1 + float(np.exp(-value)))


def answer(blue: float, green: float, red: float) -> list[float]:
    """What the tagger must say of a picture with these means, 0 … 255."""
    return [sigmoid(blue * one[0] + green * one[1] + red * one[2] + bias) for _, _, one, bias in ROWS]


def write_model(path: Path, input_shape: Sequence[int | str], axes: Sequence[int], scale: float = 1.0) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.array([row[2] for row in ROWS], dtype=np.float32).T * scale
    constants = [
        numpy_helper.from_array(np.array(axes, dtype=np.int64), "axes"),
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([row[3] for row in ROWS], dtype=np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [input_shape[0], len(ROWS)])],
        constants,
    )
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)]), path)


@pytest.fixture(scope="session")
def make_tagger(tmp_path_factory: pytest.TempPathFactory) -> MakeTagger:
    """Makes a tagger's folder. `batch`: pictures at once, a name leaves it open; `size`: side of what it sees."""

    def make(batch: int | str = "batch", size: int = 448) -> Path:
        folder = tmp_path_factory.mktemp("tagger")
        write_model(folder / "model.onnx", (batch, size, size, 3), (1, 2))
        rows = "".join(f"{number},{name},{category},9\n" for number, (name, category, _, _) in enumerate(ROWS))
        (folder / "selected_tags.csv").write_text(HEADER + rows, encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def colour_tagger(make_tagger: MakeTagger) -> Path:
    return make_tagger()
