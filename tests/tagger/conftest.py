"""Small taggers whose answers can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROWS = [
    # In an order in which no category lies together, as nothing says that they do.
    (0, "long_hair", 0),
    (1, "sensitive", 9),
    (2, "hatsune_miku", 4),
    (3, "^_^", 0),
    (4, "general", 9),
    (5, "red_hat", 0),
]


def write_labels(folder: Path, rows: list[tuple[int, str, int]]) -> None:
    lines = ["tag_id,name,category,count", *(f"{number},{name},{category},1" for number, name, category in rows)]
    (folder / "selected_tags.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_model(folder: Path, weights: np.ndarray, bias: np.ndarray, size: int = 8, batch: int | str = "N") -> Path:
    """An .onnx file: sigmoid(pixels of the three channels, each averaged over the picture, @ weights [3, tags] + bias)."""
    tags = weights.shape[1]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, size, size, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, tags])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(bias.astype(np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    return folder


WEIGHTS = np.zeros((3, len(ROWS)))
BIAS = np.full(len(ROWS), -4.0)
WEIGHTS[0, 0] = 8 / 255  # blue: long_hair
WEIGHTS[1, 1] = 8 / 255  # green: sensitive
WEIGHTS[2, 5] = 8 / 255  # red: red_hat
BIAS[2], BIAS[3], BIAS[4] = 2.0, 0.0, 0.0  # sigmoid: 0.881, 0.5, 0.5, whatever the picture


@pytest.fixture
def make_tagger(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a tagger that sees colours: blue is long_hair, green is sensitive, red is red_hat."""

    def make(name: str = "model", **options: object) -> Path:
        folder = write_model(tmp_path / "taggers" / name, WEIGHTS, BIAS, **options)
        write_labels(folder, ROWS)
        return folder

    return make
