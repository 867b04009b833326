"""What a model file holds, read from its header alone: names, shapes and metadata, without torch and without trust.

Safetensors headers are bounded and checked against the file's size. `pickled_header.py` reads checkpoints in torch's format.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from .pickled_header import read_legacy, read_zip
from .tensor_info import CheckpointError, TensorInfo

MAX_HEADER_BYTES = 100_000_000
ELEMENT_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "U32": 4,
    "U64": 8,
}
LEGACY_PICKLE = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
FOLDER_PARTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}


def element_bytes(dtype: str) -> int:
    """Bytes of one number of a dtype as safetensors writes it; 0 for a dtype that is not known."""
    return ELEMENT_BYTES.get(dtype, 0)


@dataclass(frozen=True)
class ModelHeader:
    """Names and shapes of all tensors. For a diffusers folder the names are `part:name` and `files` holds each part's file.

    `is_torch`: a .ckpt or .pt file of torch's, not safetensors.
    """

    path: Path
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    is_torch: bool = False


def read_header(path: str | Path) -> ModelHeader:
    """Reads the header of a .safetensors file, a .ckpt/.pt file or a diffusers folder; the content decides, not the name."""
    path = Path(path).expanduser()
    if path.is_dir():
        return _read_folder(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
            if not start:
                raise CheckpointError(f"{path} is empty (0 bytes): download or copy it again.")
            if start.startswith(b"PK"):
                return ModelHeader(path, read_zip(path), is_torch=True)
            if start.startswith(LEGACY_PICKLE):
                file.seek(0)
                return ModelHeader(path, read_legacy(path, file), is_torch=True)
            _refuse_text(path, start)
            file.seek(0)
            return _read_safetensors(path, file, size)
    except FileNotFoundError:
        raise CheckpointError(f"There is no model at {path}: check the path.") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({error.strerror or error}): check the file and its rights.") from None


def _refuse_text(path: Path, start: bytes) -> None:
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path} is a git-lfs pointer, not the model itself: fetch it with `git lfs pull`.")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise CheckpointError(f"{path} is a web page, not a model: the download failed, fetch the file again.")


def _read_safetensors(path: Path, file: BinaryIO, size: int) -> ModelHeader:
    not_one = f"{path} is not a checkpoint: neither a safetensors file nor one of torch's."
    if size < 10:
        raise CheckpointError(not_one)
    (length,) = struct.unpack("<Q", file.read(8))
    first = file.read(1)
    if first != b"{":
        raise CheckpointError(not_one)
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(f"{path} claims a header of {length:,} bytes, more than any model has: it is damaged.")
    if 8 + length > size:
        raise CheckpointError(f"{path} is truncated within its header: download or copy it again.")
    try:
        entries = json.loads((first + file.read(length - 1)).decode("utf-8"))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} has a header that can't be read: it is damaged, fetch it again.") from None
    metadata = entries.pop("__metadata__", None) or {}
    tensors, end = {}, 0
    for name, entry in entries.items():
        try:
            dtype, shape = str(entry["dtype"]), tuple(int(number) for number in entry["shape"])
            begin, stop = (int(number) for number in entry["data_offsets"])
        except (TypeError, KeyError, ValueError):
            raise CheckpointError(f"{path} describes the tensor {name!r} wrongly: the file is damaged.") from None
        count = 1
        for number in shape:
            count *= number
        if min((begin, *shape)) < 0 or stop - begin != count * ELEMENT_BYTES.get(dtype, -1):
            raise CheckpointError(f"{path} gives the tensor {name!r} a place that doesn't fit its shape: it is damaged.")
        tensors[name] = TensorInfo(shape, dtype, 8 + length + begin)
        end = max(end, stop)
    if 8 + length + end > size:
        missing = 8 + length + end - size
        raise CheckpointError(f"{path} is truncated: {missing:,} bytes are missing, download or copy it again.")
    if not isinstance(metadata, dict):
        raise CheckpointError(f"{path} has metadata that isn't a table: the file is damaged.")
    return ModelHeader(path, tensors, {str(key): str(value) for key, value in metadata.items()})


def _read_folder(path: Path) -> ModelHeader:
    if not (path / "unet").is_dir():
        raise CheckpointError(f"{path} is a folder without a `unet` folder: give a model file or a diffusers folder.")
    tensors: dict[str, TensorInfo] = {}
    files: dict[str, Path] = {}
    for part, stem in FOLDER_PARTS.items():
        if not (path / part).is_dir():
            continue
        names = [stem + ending for ending in (".safetensors", ".fp16.safetensors", ".bin")]
        names.append("pytorch_model.bin")
        found = next((path / part / name for name in names if (path / part / name).is_file()), None)
        if found is None:
            raise CheckpointError(f"{path / part} holds no {stem}.safetensors: the diffusers folder isn't complete.")
        files[part] = found
        tensors.update({f"{part}:{name}": info for name, info in read_header(found).tensors.items()})
    return ModelHeader(path, tensors, _folder_metadata(path), files)


def _folder_metadata(path: Path) -> dict[str, str]:
    """What shapes don't show and a diffusers folder says in its configuration: text encoders' heads, and what is predicted."""
    found: dict[str, str] = {}
    for part in ("text_encoder", "text_encoder_2"):
        config = _config(path / part / "config.json")
        if config is not None:
            try:
                found[f"{part}_heads"] = str(config["num_attention_heads"])
            except KeyError:
                raise CheckpointError(
                    f"{path / part / 'config.json'} can't be read: the diffusers folder is damaged."
                ) from None
    scheduler = _config(path / "scheduler" / "scheduler_config.json") or {}
    if "prediction_type" in scheduler:
        found["prediction_type"] = str(scheduler["prediction_type"])
    if scheduler.get("rescale_betas_zero_snr"):
        found["zero_terminal_snr"] = "True"
    return found


def _config(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} can't be read: the diffusers folder is damaged.")
    return content
