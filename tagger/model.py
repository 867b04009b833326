"""Runs a WD tagger (an .onnx file with its labels beside it) on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..trainer_core.picture_files import upright
from ..trainer_core.problems import UserError
from .labels import Label, read_labels

ONNX_FILES = ("model.onnx", "model_optimized.onnx")
BATCH = 8  # pictures at once where the model leaves it open
# TensorRT is left out: it would build an engine for minutes before the first picture.
PROVIDERS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider")


class Tagger:
    """A loaded tagger. `labels` are in the order of its outputs."""

    def __init__(self, session: Any, labels: list[Label], path: Path) -> None:
        self.session, self.labels, self.path = session, labels, path
        self._input = session.get_inputs()[0]
        shape = self._input.shape
        self._channels_first = len(shape) == 4 and shape[1] == 3  # cl_tagger's way, else the WD taggers'
        if len(shape) != 4 or not (self._channels_first or shape[3] == 3):
            raise UserError(f"{path} takes {shape} and not pictures: it is no tagger.")
        self.size = shape[2] if isinstance(shape[2], int) else 448
        self.batch_limit = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
        outputs = session.get_outputs()[0].shape[-1]
        if isinstance(outputs, int) and outputs != len(labels):
            raise UserError(
                f"{path} has {outputs} outputs but its labels' file names {len(labels)}: "
                "both must come from the same tagger; download them again."
            )

    @classmethod
    def load(cls, path: str | Path, providers: Sequence[str] | None = None) -> Tagger:
        """From a folder with the model and its labels, or from the .onnx file. UserError in one sentence where it can't be."""
        file = _onnx_file(Path(path).expanduser())
        labels = read_labels(file.parent)
        return cls(_open_session(file, providers), labels, file)

    def probabilities(self, images: Sequence[Image.Image], batch_size: int = BATCH) -> np.ndarray:
        """float32 [pictures, labels] between 0 and 1; how they are batched changes nothing."""
        at_once = self.batch_limit or max(1, batch_size)
        parts = [self._run(images[start : start + at_once]) for start in range(0, len(images), at_once)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), dtype=np.float32)

    def _run(self, images: Sequence[Image.Image]) -> np.ndarray:
        pixels = np.stack([prepare(image, self.size) for image in images])
        if self._channels_first:
            pixels = pixels.transpose(0, 3, 1, 2) / np.float32(127.5) - np.float32(1)
        if self.batch_limit and len(images) < self.batch_limit:
            pixels = np.pad(pixels, [(0, self.batch_limit - len(images)), (0, 0), (0, 0), (0, 0)])
        found = self.session.run(None, {self._input.name: np.ascontiguousarray(pixels)})[0][: len(images)]
        if found.shape != (len(images), len(self.labels)):
            raise UserError(f"{self.path} answered {list(found.shape)} for {len(images)} pictures: its labels are another's.")
        if self._channels_first:  # cl_tagger leaves the sigmoid to others
            found = 1 / (1 + np.exp(-found.astype(np.float64)))
        return found.astype(np.float32)


def prepare(image: Image.Image, size: int) -> np.ndarray:
    """float32 [size, size, 3] BGR 0 … 255: upright, on white, padded to a centred square, resized bicubically."""
    image = upright(image)
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    if side != size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.float32)[:, :, ::-1]


def _onnx_file(path: Path) -> Path:
    """The .onnx file that `path` is or holds."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"There is no tagger at {path}: give the folder that holds model.onnx and selected_tags.csv.")
    files = [path / name for name in ONNX_FILES if (path / name).is_file()] or sorted(path.glob("*.onnx"))
    if not files:
        raise UserError(f"{path} holds no .onnx file: download the tagger's model.onnx into it.")
    return files[0]


def _open_session(file: Path, providers: Sequence[str] | None) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    available = onnxruntime.get_available_providers()
    chosen = list(providers or [name for name in PROVIDERS if name in available])
    unknown = [name for name in chosen if name not in available]
    if unknown:
        raise UserError(f"onnxruntime has no {unknown[0]} here: choose from {', '.join(available)}.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what goes wrong is told below, in a sentence
    damaged = (states.Fail, states.InvalidProtobuf, states.InvalidGraph, states.InvalidArgument, states.NoModel)
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=chosen)
    except states.NotImplemented as error:
        raise UserError(
            f"{file} is too new for onnxruntime {onnxruntime.__version__}: run `python install.py setup`."
        ) from error
    except (*damaged, states.NoSuchFile, states.RuntimeException, OSError) as error:
        raise UserError(f"{file} can't be opened as an ONNX model; it may be incomplete: download it again.") from error
