"""Models that nobody listed: colours first, logits, several outputs, any size, odd lists. All is read from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lora_workbench.tagger import providers
from lora_workbench.tagger.batch import tag_folder
from lora_workbench.tagger.model import Tagger, _size
from lora_workbench.tagger.model_files import suggested_threshold
from lora_workbench.tagger.results import Choice
from lora_workbench.trainer_core.problems import UserError

TAGS = ("long_hair", "safe", "miku_(vocaloid)")
WEIGHTS = np.array([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]], dtype=np.float32)  # blue, green, red


def write(
    folder: Path, shape: list[object], *, axes: list[int], logits: bool = False, features: bool = False, name: str = "x"
) -> Path:
    """Mean of each colour over the picture @ WEIGHTS, with or without the sigmoid."""
    nodes = [
        helper.make_node("ReduceMean", [name], ["mean"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["seen"]),
        *([] if logits else [helper.make_node("Sigmoid", ["seen"], ["prediction"])]),
    ]
    last = "seen" if logits else "prediction"
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", 3])]
    if features:
        nodes.append(helper.make_node("Concat", ["mean", "mean"], ["features"], axis=1))
        outputs.insert(0, helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 6]))
    graph = helper.make_graph(
        nodes,
        "t",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        outputs,
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    folder.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "model.onnx")
    rows = [f"{i},{tag},{category},1" for i, (tag, category) in enumerate(zip(TAGS, (0, 9, 4), strict=True))]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]), encoding="utf-8")
    return folder


def seen(folder: Path, colour: tuple[int, int, int]) -> np.ndarray:
    return Tagger.load(folder).probabilities([Image.new("RGB", (40, 30), colour)])[0]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def shown(colour: tuple[int, int, int]) -> np.ndarray:
    """BGR means of the picture on its white square (a quarter of it is white)."""
    return np.array(colour[::-1]) * 0.75 + 255 * 0.25


def test_colours_first_take_minus_one_to_one_and_logits_get_a_sigmoid(tmp_path: Path) -> None:
    folder = write(tmp_path / "cl", ["batch", 3, 16, 16], axes=[2, 3], logits=True, name="pixel_values")
    (folder / "selected_tags.csv").unlink()
    mapping = {
        str(i): {"tag": tag, "category": kind}
        for i, (tag, kind) in enumerate(zip(TAGS, ("General", "Rating", "Character"), strict=True))
    }
    (folder / "tag_mapping.json").write_text(json.dumps(mapping), encoding="utf-8")
    tagger = Tagger.load(folder)
    assert (
        tagger.planes
        and tagger.size == 16
        and [label.category for label in tagger.labels] == ["general", "rating", "character"]
    )
    expected = sigmoid((shown((200, 10, 60)) / 127.5 - 1) @ WEIGHTS)
    assert np.abs(seen(folder, (200, 10, 60)) - expected).max() < 0.02


def test_several_outputs_and_any_size(tmp_path: Path) -> None:
    folder = write(tmp_path / "free", ["N", "h", "w", 3], axes=[1, 2], features=True)
    tagger = Tagger.load(folder)
    assert tagger.size == 448 and not tagger.planes and tagger.output_name == "prediction"
    assert seen(folder, (0, 0, 0)).shape == (3,)


@pytest.mark.parametrize("shape", [["N", 8], ["N", 8, 9, 3], ["N", 4, 8, 8], [1, 3, 8, 8, 8]])
def test_what_takes_no_pictures_is_told(shape: list[object]) -> None:
    with pytest.raises(UserError, match=r"odd\.onnx is not a WD tagger: its input is"):
        _size(Path("odd.onnx"), shape)


def test_numbers_that_are_none_are_told(
    tmp_path: Path, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(make_tagger())

    class Broken:
        def run(self, *_: object) -> list[np.ndarray]:
            return [np.full((1, 6), np.nan, dtype=np.float32)]

    object.__setattr__(tagger, "session", Broken())
    with pytest.raises(UserError, match="NaN"):
        tagger.probabilities([Image.new("RGB", (8, 8))])


def test_lists_of_a_models_own_name_and_single_csvs(tmp_path: Path) -> None:
    folder = write(tmp_path / "two", ["N", 8, 8, 3], axes=[1, 2])
    (folder / "model.onnx").rename(folder / "mine.onnx")
    (folder / "selected_tags.csv").rename(folder / "mine.csv")
    (folder / "other.csv").write_text("x", encoding="utf-8")
    assert len(Tagger.load(folder / "mine.onnx").labels) == 3


@pytest.mark.parametrize(
    ("path", "threshold"),
    [
        ("wd-v1-4-moat-tagger-v2/model.onnx", 0.3771),
        ("models/wd-vit-tagger-v3/model.onnx", 0.2614),
        ("SmilingWolf/wd-swinv2-tagger-v3/snapshots/abc/model.onnx", 0.2653),
        ("wd-swinv2-v2/model.onnx", 0.3771),
        ("wd-vit-v2.onnx", 0.3537),
        ("penny/model.onnx", None),
    ],
)
def test_suggested_thresholds(path: str, threshold: float | None, tmp_path: Path) -> None:
    assert suggested_threshold(tmp_path / path) == threshold


def test_thresholds_from_the_list_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "own", ["N", 8, 8, 3], axes=[1, 2])
    (folder / "selected_tags.csv").write_text(
        "tag_id,name,category,count,best_threshold\n0,long_hair,0,1,0.999\n1,safe,9,1,\n2,miku,4,1,0.001\n", encoding="utf-8"
    )
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (8, 8), (0, 0, 1)).save(pictures / "a.png")  # long_hair: sigmoid(4) = 0.982; miku: sigmoid(0) = 0.5
    tag_folder(pictures, folder, choice=Choice())
    assert (pictures / "a.txt").read_bytes() == b"long hair"
    (pictures / "a.txt").unlink()
    tag_folder(pictures, folder, choice=Choice(), own_thresholds=True)
    assert (pictures / "a.txt").read_bytes() == b"miku"


def test_what_it_runs_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    assert providers.told([cuda, cpu], [cuda, cpu], ["onnxruntime-gpu"]) == ["The tagger runs on the NVIDIA GPU (CUDA)."]
    assert providers.told([cpu], [cpu], ["onnxruntime"]) == ["The tagger runs on the CPU."]
    fallen = providers.told([cpu], [cuda, cpu], ["onnxruntime-gpu"])
    assert fallen[0] == "The tagger runs on the CPU." and "could not start the NVIDIA GPU" in fallen[1]
    both = providers.told([cpu], [cpu], ["onnxruntime", "onnxruntime-gpu"])
    assert "side by side" in both[1] and "install.py setup" in both[1]
    assert providers.installed_packages() == ["onnxruntime"]
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert providers.wanted([cpu, cuda]) == [(cuda, {"device_id": 3}), cpu]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert providers.default_threads() == 1
