"""A WD tagger on onnxruntime: pictures in, a probability for every tag out. What the model is like is read from the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..trainer_core.problems import UserError
from . import providers
from .labels import Label, read_labels
from .model_files import label_file, model_file
from .pictures import prepared

_BATCH_ON_GPU, _BATCH_ON_CPU = 8, 4
_USUAL_SIZE = 448  # where the model takes any


@dataclass(frozen=True)
class Tagger:
    """A loaded tagger. Make one with `Tagger.load`. `size`: side of the pictures that it sees; `batch`: pictures at once.

    `fixed_batch`: the model takes exactly `batch` pictures, so that the last ones are filled up. `planes`: it takes
    [pictures, 3, size, size] of -1…1 in place of [pictures, size, size, 3] of 0…255; BGR both.
    """

    path: Path
    labels: list[Label]
    size: int
    batch: int
    fixed_batch: bool
    planes: bool
    session: Any
    input_name: str
    output_name: str
    notes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: str | Path, threads: int | None = None) -> Tagger:
        """Loads an .onnx file, or the one in a folder, with the tag list beside it; UserError where something is wrong."""
        model = model_file(Path(path).expanduser())
        labels = read_labels(label_file(model))
        session, notes = session_of(model, providers.default_threads() if threads is None else threads)
        entry = session.get_inputs()[0]
        size, planes = _size(model, entry.shape)
        output = _output(model, session.get_outputs(), len(labels))
        fixed = isinstance(entry.shape[0], int) and entry.shape[0] > 0
        usual = _BATCH_ON_CPU if session.get_providers()[0] == "CPUExecutionProvider" else _BATCH_ON_GPU
        batch = entry.shape[0] if fixed else usual
        return cls(model, labels, size, batch, fixed, planes, session, entry.name, output, notes)

    def probabilities(self, images: Sequence[Image.Image]) -> np.ndarray:
        """float32 [pictures, tags], in the order of `labels`."""
        return self.ask([prepared(image, self.size) for image in images])

    def ask(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """float32 [pictures, tags] of pictures as `prepared` makes them, in portions of `batch`."""
        parts = [self._ask(pictures[start : start + self.batch]) for start in range(0, len(pictures), self.batch)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), dtype=np.float32)

    def _ask(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        shown = np.stack(pictures).astype(np.float32)
        if self.planes:
            shown = np.ascontiguousarray(shown.transpose(0, 3, 1, 2)) / np.float32(127.5) - np.float32(1)
        if self.fixed_batch and len(shown) < self.batch:
            shown = np.concatenate([shown, np.zeros((self.batch - len(shown), *shown.shape[1:]), np.float32)])
        seen = self.session.run([self.output_name], {self.input_name: shown})[0][: len(pictures)]
        if seen.shape != (len(pictures), len(self.labels)):
            raise UserError(f"{self.path} gave {seen.shape[-1]} numbers a picture for {len(self.labels)} tags: it is damaged.")
        seen = seen.astype(np.float32, copy=False)
        if not np.isfinite(seen).all():
            raise UserError(f"{self.path} gave numbers that are none (NaN): it is damaged, or can't compute on this device.")
        outside = seen.size and (seen.min() < 0 or seen.max() > 1)
        return 1 / (1 + np.exp(-seen)) if outside else seen  # newer models leave the sigmoid to us


def _size(model: Path, shape: Sequence[Any]) -> tuple[int, bool]:
    """The side of the pictures, and whether the colours come first."""
    if len(shape) == 4:
        for planes, colours, sides in ((False, shape[3], shape[1:3]), (True, shape[1], shape[2:4])):
            known = [side for side in sides if isinstance(side, int)]
            if colours == 3 and len(set(known)) <= 1:
                return (known[0] if known else _USUAL_SIZE), planes
    raise UserError(f"{model} is not a WD tagger: its input is {list(shape)}, not [pictures, size, size, 3].")


def _output(model: Path, outputs: Sequence[Any], count: int) -> str:
    """The output that has a number for every tag; some models have others, such as features, too."""
    sizes = [(one.name, one.shape[-1] if one.shape else None) for one in outputs]
    fitting = [name for name, size in sizes if size == count] or [name for name, size in sizes if not isinstance(size, int)]
    if not fitting:
        raise UserError(
            f"{model} has {sizes[0][1]} outputs, but its tag list names {count} tags: model and list are of different taggers."
        )
    return next((name for name in fitting if "pred" in name or "prob" in name), fitting[0])


def session_of(model: Path, threads: int) -> tuple[Any, list[str]]:
    """An onnxruntime session on the GPU where its build has one, else on the CPU, and what is to be said of it."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings are about the model's making
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the cores to others
    options.intra_op_num_threads = threads
    available = onnxruntime.get_available_providers()
    if "DmlExecutionProvider" in available:
        options.enable_mem_pattern = False  # DirectML asks for it
    errors = (
        *(state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile),
        *(state.Fail, state.NotImplemented, state.RuntimeException, state.NoModel),
    )
    given = model.read_bytes() if _alone(model) else str(model)
    try:
        session = onnxruntime.InferenceSession(given, options, providers=providers.wanted(available))
    except errors as error:
        why = str(error).splitlines()[0]
        raise UserError(f"{model} can't be loaded, it is incomplete or not an ONNX model: get it again ({why}).") from None
    return session, providers.told(session.get_providers(), available, providers.installed_packages())


def _alone(model: Path) -> bool:
    """Whether the model is one file under 1 GiB, which is read here so that names of any letters work everywhere."""
    return model.stat().st_size < 1 << 30 and not list(model.parent.glob(f"{model.name}*data"))
