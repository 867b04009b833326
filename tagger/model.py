"""A WD tagger on onnxruntime: pictures in, a probability for every tag out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..trainer_core.picture_files import upright
from ..trainer_core.problems import UserError
from .labels import Label, read_labels

MODEL_NAMES = ("model.onnx", "model_optimized.onnx")
LABEL_NAMES = ("selected_tags.csv", "tags-selected.csv", "tag_mapping.json")
_PROVIDERS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider")
_BATCH = 8


@dataclass(frozen=True)
class Tagger:
    """A loaded tagger. Make one with `Tagger.load`. `size`: side of the pictures that it sees; `batch`: pictures at once.

    `fixed_batch`: the model takes exactly `batch` pictures, so that the last ones are filled up.
    """

    path: Path
    labels: list[Label]
    size: int
    batch: int
    fixed_batch: bool
    session: Any

    @classmethod
    def load(cls, path: str | Path, threads: int | None = None) -> Tagger:
        """Loads an .onnx file, or the one in a folder, with the tag list beside it; UserError where something is wrong."""
        model = _model_file(Path(path).expanduser())
        labels = read_labels(_label_file(model))
        session = _session(model, threads)
        shape, outputs = session.get_inputs()[0].shape, session.get_outputs()[0].shape
        size = shape[1] if len(shape) == 4 else None
        if not isinstance(size, int) or shape[2] != size or shape[3] != 3:
            raise UserError(f"{model} is not a WD tagger: its input is {shape}, not [pictures, size, size, 3].")
        if isinstance(outputs[-1], int) and outputs[-1] != len(labels):
            raise UserError(
                f"{model} has {outputs[-1]} outputs, but its tag list names {len(labels)} tags: "
                "model and list are of different taggers."
            )
        fixed = isinstance(shape[0], int) and shape[0] > 0
        return cls(model, labels, size, shape[0] if fixed else _BATCH, fixed, session)

    def probabilities(self, images: Sequence[Image.Image]) -> np.ndarray:
        """float32 [pictures, tags], in the order of `labels`."""
        parts = [self._ask(images[start : start + self.batch]) for start in range(0, len(images), self.batch)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), dtype=np.float32)

    def _ask(self, images: Sequence[Image.Image]) -> np.ndarray:
        pictures = np.stack([prepared(image, self.size) for image in images])
        if self.fixed_batch and len(images) < self.batch:
            pictures = np.concatenate([pictures, np.zeros((self.batch - len(images), *pictures.shape[1:]), np.float32)])
        inputs = {self.session.get_inputs()[0].name: pictures}
        seen = self.session.run([self.session.get_outputs()[0].name], inputs)[0][: len(images)]
        if seen.shape != (len(images), len(self.labels)):
            raise UserError(f"{self.path} gave {seen.shape[-1]} numbers a picture for {len(self.labels)} tags: it is damaged.")
        return seen.astype(np.float32, copy=False)


def prepared(image: Image.Image, size: int) -> np.ndarray:
    """float32 [size, size, 3], BGR 0…255: upright, on white, padded with white to a square, then resized bicubically."""
    image = upright(image)
    side = max(image.size)
    if image.size != (side, side):
        square = Image.new("RGB", (side, side), "white")
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    if side != size:
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1], dtype=np.float32)


def _model_file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"The tagger {path} is missing: give the folder with its model.onnx and selected_tags.csv.")
    named = [path / name for name in MODEL_NAMES if (path / name).is_file()] or sorted(path.glob("*.onnx"))
    if not named:
        raise UserError(f"{path} holds no .onnx file: give the folder of a WD tagger.")
    if len(named) > 1 and named[0].name not in MODEL_NAMES:
        raise UserError(f"{path} holds several .onnx files: name the one to use, for instance {named[0]}.")
    return named[0]


def _label_file(model: Path) -> Path:
    """The tag list beside a model: of the usual name, else the only .csv there."""
    named = [model.parent / name for name in LABEL_NAMES if (model.parent / name).is_file()]
    others = sorted(model.parent.glob("*.csv"))
    if named or len(others) == 1:
        return (named or others)[0]
    return model.parent / LABEL_NAMES[0]


def _session(model: Path, threads: int | None) -> Any:
    """An onnxruntime session on the GPU where its build has one, else on the CPU."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings are about the model's making
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the cores to others
    if threads:
        options.intra_op_num_threads = threads
    available = onnxruntime.get_available_providers()
    providers = [name for name in _PROVIDERS if name in available]
    errors = (
        *(state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile),
        *(state.Fail, state.NotImplemented, state.RuntimeException, state.NoModel),
    )
    try:
        return onnxruntime.InferenceSession(model.read_bytes() if _alone(model) else str(model), options, providers=providers)
    except errors as error:
        why = str(error).splitlines()[0]
        raise UserError(f"{model} can't be loaded, it is incomplete or not an ONNX model: get it again ({why}).") from None


def _alone(model: Path) -> bool:
    """Whether the model is one file under 1 GiB, which is read here so that names of any letters work everywhere."""
    return model.stat().st_size < 1 << 30 and not list(model.parent.glob(f"{model.name}*data"))
