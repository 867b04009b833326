"""A tensor as a file's header tells of it, and the error of files that can't be used as models."""

from __future__ import annotations

from dataclasses import dataclass

from ..problems import UserError


class CheckpointError(UserError):
    """The file can't be used as a model; the sentence says why."""


@dataclass(frozen=True)
class TensorInfo:
    """A tensor's shape, its dtype as safetensors writes it ("F32", "F16", …) and, there, the byte that it starts at."""

    shape: tuple[int, ...]
    dtype: str
    start: int = -1
