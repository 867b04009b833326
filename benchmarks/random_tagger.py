"""Taggers of random weights with the WD interface: one as heavy as wd-swinv2-tagger, one that costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SIZE, PATCH, WINDOW = 448, 4, 196  # a window is 14 × 14 tokens
WIDTHS, DEPTHS, HEADS = (128, 256, 512, 1024), (2, 2, 18, 2), (4, 8, 16, 32)  # of Swin V2 base
TAGS = 10861


class _Graph:
    """Collects nodes and random weights; each method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.weights: list = []
        self._random = np.random.default_rng(0)

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def linear(self, x: str, width: int, out: int) -> str:
        weight = self._random.standard_normal((width, out), dtype=np.float32) / width**0.5
        return self.node("Add", self.node("MatMul", x, self.constant(weight)), self.constant(np.zeros(out)))

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def norm(self, x: str, width: int) -> str:
        return self.node("LayerNormalization", x, self.constant(np.ones(width)), self.constant(np.zeros(width)), axis=-1)

    def gelu(self, x: str) -> str:
        half = self.node("Mul", x, self.constant(0.5))
        spread = self.node("Erf", self.node("Mul", x, self.constant(0.5**0.5)))
        return self.node("Mul", half, self.node("Add", spread, self.constant(1.0)))

    def attention(self, x: str, tokens: int, width: int, heads: int) -> str:
        """In windows of neighbouring tokens, as many and as large as Swin's."""
        parts = self.reshape(self.linear(x, width, 3 * width), -1, WINDOW, 3, heads, width // heads)
        turned = self.node("Transpose", parts, perm=[2, 0, 3, 1, 4])
        query, key, value = (self.node("Gather", turned, self.constant(i, np.int64), axis=0) for i in range(3))
        scores = self.node("MatMul", query, self.node("Transpose", key, perm=[0, 1, 3, 2]))
        shares = self.node("Softmax", self.node("Mul", scores, self.constant((width // heads) ** -0.5)), axis=-1)
        seen = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        return self.linear(self.reshape(seen, -1, tokens, width), width, width)


def heavy_tagger(folder: Path) -> Path:
    """Writes model.onnx (about 390 MB) and its tag list: the products of wd-swinv2-tagger-v3, in their number and shapes."""
    graph = _Graph()
    scaled = graph.node("Mul", "input", graph.constant(1 / 255))
    side = SIZE // PATCH
    patches = graph.node("Transpose", graph.reshape(scaled, -1, side, PATCH, side, PATCH, 3), perm=[0, 1, 3, 2, 4, 5])
    tokens = side * side
    x = graph.linear(graph.reshape(patches, -1, tokens, PATCH * PATCH * 3), PATCH * PATCH * 3, WIDTHS[0])
    for stage, (width, depth, heads) in enumerate(zip(WIDTHS, DEPTHS, HEADS, strict=True)):
        for _ in range(depth):
            x = graph.node("Add", x, graph.norm(graph.attention(x, tokens, width, heads), width))
            inner = graph.gelu(graph.linear(x, width, 4 * width))
            x = graph.node("Add", x, graph.norm(graph.linear(inner, 4 * width, width), width))
        if stage < 3:
            tokens //= 4
            x = graph.linear(graph.reshape(x, -1, tokens, 4 * width), 4 * width, 2 * width)
    mean = graph.node("ReduceMean", graph.norm(x, WIDTHS[-1]), axes=[1], keepdims=0)
    logits = graph.node("Sub", graph.linear(mean, WIDTHS[-1], TAGS), graph.constant(7.0))
    return _saved(graph, graph.node("Sigmoid", logits), folder, SIZE, TAGS)


def light_tagger(folder: Path, size: int = 32, tags: int = 200) -> Path:
    """A tagger whose computing costs nothing, so that all the rest is what counts."""
    graph = _Graph()
    mean = graph.node("ReduceMean", "input", axes=[1, 2], keepdims=0)
    logits = graph.linear(graph.node("Mul", mean, graph.constant(1 / 64)), 3, tags)
    return _saved(graph, graph.node("Sigmoid", logits), folder, size, tags)


def _saved(graph: _Graph, output: str, folder: Path, size: int, tags: int) -> Path:
    import onnx
    from onnx import TensorProto, helper

    folder.mkdir(parents=True, exist_ok=True)
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", size, size, 3])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", tags])]
    made = helper.make_graph(graph.nodes, "tagger", inputs, outputs, graph.weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
    ratings = [f"{place},{name},9,1" for place, name in enumerate(("general", "sensitive", "questionable", "explicit"))]
    others = [f"{place},tag_{place},0,1" for place in range(4, tags)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *ratings, *others]) + "\n")
    return folder
