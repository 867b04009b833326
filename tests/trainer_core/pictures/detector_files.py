"""Small detectors of faces whose answers can be computed by hand: a face is a square that is red, 32 px of the input wide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CELL = 32  # px of the input: where such a square is red through and through, a face is seen


def _save(path: Path, nodes: list, outputs: list, weights: dict[str, np.ndarray], names: str = "") -> Path:
    shape = [1, 3, "height", "width"] if path.stem == "any" else [1, 3, 320, 320]
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "faces", [entry], outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def _redness(channel: int, full: float) -> tuple[list, dict[str, np.ndarray]]:
    """Nodes that give `red`, [1, 1, rows, columns]: how much redder than else the squares are, 0 to 1."""
    kernel = np.zeros((1, 3, CELL, CELL), np.float32)
    kernel[:, channel] = 1 / CELL**2 / full
    for other in {0, 1, 2} - {channel}:
        kernel[:, other] = -1 / CELL**2 / full
    conv = helper.make_node("Conv", ["images", "kernel"], ["raw"], strides=[CELL, CELL])
    return [conv, helper.make_node("Relu", ["raw"], ["red"])], {"kernel": kernel}


def yolo(path: Path, names: str = "{0: 'body', 1: 'face'}") -> Path:
    """YOLO's export for 320×320: [1, 4 + 2, 100], boxes of one cell; the second class is the face, the first always is sure."""
    nodes, weights = _redness(0, 1.0)
    rows, columns = np.divmod(np.arange(100), 10)
    boxes = np.stack([(columns + 0.5) * CELL, (rows + 0.5) * CELL, np.full(100, CELL), np.full(100, CELL)])
    weights |= {"boxes": boxes[None].astype(np.float32), "flat": np.array([1, 1, 100], np.int64),
                "body": np.full((1, 1, 100), 0.9, np.float32)}  # fmt: skip
    nodes += [
        helper.make_node("Reshape", ["red", "flat"], ["score"]),
        helper.make_node("Concat", ["boxes", "body", "score"], ["output0"], axis=1),
    ]
    return _save(path, nodes, [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, 100])], weights, names)


def no_faces(path: Path) -> Path:
    """A model whose one output has three axes as YOLO's has, but is something else: [1, 10, 10]."""
    nodes, weights = _redness(0, 1.0)
    nodes.append(helper.make_node("Reshape", ["red", "shape"], ["output0"]))
    weights["shape"] = np.array([1, 10, 10], np.int64)
    return _save(path, nodes, [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["a", "b", "c"])], weights)


def yunet(path: Path) -> Path:
    """YuNet's outputs for 320×320: faces at stride 32 alone, each of twice a cell's width and one and a half of its height."""
    nodes, weights = _redness(2, 255.0)  # its input is BGR of 0 to 255
    outputs = []
    for stride in (8, 16, 32):
        places = (320 // stride) ** 2
        box = np.tile(np.array([0.5, 0.5, np.log(2.0), np.log(1.5)], np.float32), (1, places, 1))
        weights |= {f"box{stride}": box, f"none{stride}": np.zeros((1, places, 1), np.float32),
                    f"flat{stride}": np.array([1, places, 1], np.int64)}  # fmt: skip
        if stride == CELL:
            nodes += [
                helper.make_node("Reshape", ["red", "flat32"], ["cls_32"]),
                helper.make_node("Identity", ["cls_32"], ["obj_32"]),
            ]
        else:
            nodes += [helper.make_node("Identity", [f"none{stride}"], [f"{part}_{stride}"]) for part in ("cls", "obj")]
        nodes.append(helper.make_node("Identity", [f"box{stride}"], [f"bbox_{stride}"]))
        sizes = {"cls": 1, "obj": 1, "bbox": 4}
        outputs += [
            helper.make_tensor_value_info(f"{part}_{stride}", TensorProto.FLOAT, [1, places, last])
            for part, last in sizes.items()
        ]
    return _save(path, nodes, outputs, weights)
