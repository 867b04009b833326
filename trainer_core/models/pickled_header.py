"""The names and shapes in a checkpoint of torch's pickle format.

They are read by an unpickler that knows only what tensors are made of; any other name in the file is refused, nothing of it
is ever called.
"""

from __future__ import annotations

import _codecs
import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .tensor_info import CheckpointError, TensorInfo

MAX_PICKLE_BYTES = 64 << 20
STORAGES = {
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
ZIP_MEMBER = re.compile(
    r"[^/]+/(data/\d+|data\.pkl|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)"
)


@dataclass(frozen=True)
class _Storage:
    dtype: str


def _tensor(storage: Any, offset: Any, shape: Any, *_others: Any) -> TensorInfo:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return TensorInfo(tuple(int(number) for number in shape), storage.dtype)


class _Ignored:
    """Stands in for things beside the tensors (training callbacks, numpy numbers): made, and never looked at."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def _encode(text: Any, encoding: Any = "utf-8", *_more: Any) -> bytes:
    return _codecs.encode(str(text), "latin1" if encoding == "latin1" else "utf-8")


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_others: tensor,
    ("torch.nn.modules.container", "ParameterDict"): _Ignored,
    ("_codecs", "encode"): _encode,
    ("numpy", "dtype"): _Ignored,
    ("numpy", "ndarray"): _Ignored,
    **{(f"numpy.{core}.multiarray", name): _Ignored for core in ("core", "_core") for name in ("scalar", "_reconstruct")},
    **{
        (f"{package}.callbacks.model_checkpoint", "ModelCheckpoint"): _Ignored
        for package in ("pytorch_lightning", "lightning.pytorch")
    },
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.storage") and name in STORAGES:
            return _Storage(STORAGES[name])
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise CheckpointError(
            f"{self._path} asks for `{module}.{name}`, which a model has no need of and which could run "
            "code: don't use this file; get the model as .safetensors."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], _Storage)):
            raise pickle.UnpicklingError("an unknown kind of reference")
        return pid[1]


def _unpickle(path: Path, file: BinaryIO) -> Any:
    try:
        return _Unpickler(file, path).load()
    except CheckpointError:
        raise
    except Exception as error:  # noqa: BLE001 – a hostile pickle can raise anything from inside the unpickler
        raise CheckpointError(
            f"{path} can't be read as a checkpoint ({type(error).__name__}): it is damaged or not a model."
        ) from None


def read_zip(path: Path) -> dict[str, TensorInfo]:
    """{name: tensor} of a checkpoint that is a zip file, from its index alone; CheckpointError where it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            strange = next((member.filename for member in members if not ZIP_MEMBER.fullmatch(member.filename)), None)
            pickles = [member for member in members if member.filename.endswith("/data.pkl")]
            if strange is not None or len(pickles) != 1:
                raise CheckpointError(
                    f"{path} is a zip file but not a checkpoint: it holds {strange or 'no single data.pkl'!r}."
                )
            if pickles[0].file_size > MAX_PICKLE_BYTES:
                raise CheckpointError(f"{path} has an index of {pickles[0].file_size:,} bytes: no model has, it is refused.")
            return _state_dict(path, _unpickle(path, io.BytesIO(archive.read(pickles[0]))))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        raise CheckpointError(f"{path} is a truncated or damaged checkpoint: download or copy it again.") from None


def read_legacy(path: Path, file: BinaryIO) -> dict[str, TensorInfo]:
    """The same for the format that torch wrote before: pickles one after the other, the file at its beginning."""
    for _part in ("magic number", "protocol", "system"):
        _unpickle(path, file)
    return _state_dict(path, _unpickle(path, file))


def _state_dict(path: Path, content: Any) -> dict[str, TensorInfo]:
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, TensorInfo)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors: it is not a model.")
    return tensors
