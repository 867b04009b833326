"""Where the tools' files go, and how they are written: atomically, with kohya's hashes, never over another file unasked."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..files import free_name
from ..models.header import TensorInfo
from ..networks.file_bytes import write_file
from ..networks.targets import file_layout
from ..problems import UserError
from .lora_arrays import Array, as_array, as_bytes, bytes_each

T = TypeVar("T")
# Called with (modules done, modules in all); what it raises ends the work before anything is written.
Tell = Callable[[int, int], None]
# A tensor as it is written: its shape and dtype, and its bytes.
Piece = tuple[TensorInfo, Array | bytes]
# kohya's words for precisions, as safetensors writes them.
PRECISIONS = {"float": "F32", "fp16": "F16", "bf16": "BF16"}
_TORCH_ENDS = (".ckpt", ".pt", ".pth")  # kohya's scripts write these too


def each(items: Collection[T], tell: Tell | None) -> Iterator[T]:
    """The items one by one; `tell` hears when each is done."""
    for number, item in enumerate(items, 1):
        yield item
        if tell:
            tell(number, len(items))


def out_path(given: str | None, default: Path, inputs: Sequence[str | Path], overwrite: bool) -> Path:
    """Where the file goes: as told, else the first free name from `default` on.

    UserError where it is one of the inputs, or there already and `overwrite` doesn't say that it may go.
    """
    if not given:
        return free_name(default)
    out = Path(given).expanduser()
    if out.suffix != ".safetensors":
        name = out.stem if out.suffix in _TORCH_ENDS else out.name
        out = out.with_name(f"{name}.safetensors")
    if out.exists():
        if any(path.exists() and out.samefile(path) for path in (Path(one).expanduser() for one in inputs)):
            raise UserError(f"The new file can't be the one that it is made of, {out}: give another name.")
        if not overwrite:
            raise UserError(f"{out} is there already: give another name, or add --overwrite.")
    return out


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """--out (kohya's --save_to) and --overwrite."""
    parser.add_argument("--out", "--save_to", dest="out", metavar="FILE", help=f"default: {default}, or the next free name")
    parser.add_argument("--overwrite", action="store_true", help="replace --out where it is there already")


def packed(array: Array, dtype: str, what: str) -> Piece:
    """An array rounded once to a dtype of files. UserError where the dtype can't hold a number of it."""
    content = as_bytes(array, dtype)
    if not np.isfinite(as_array(np.frombuffer(content, np.uint8), dtype, array.shape)).all():
        raise UserError(f"{what} holds numbers that {dtype} can't: give smaller weights, or --save_precision float.")
    return TensorInfo(array.shape, dtype), content


def unpacked(piece: Piece) -> Array:
    """The numbers that a piece's bytes stand for, in float32; whole numbers stay whole."""
    info, content = piece
    return as_array(np.frombuffer(content, np.uint8), info.dtype, info.shape)


def write_lora_file(out: Path, pieces: Mapping[str, Piece], metadata: Mapping[str, str]) -> None:
    """Writes the file atomically, tensors in the library's order. UserError where the system refuses."""
    shapes = {key: info.shape for key, (info, _) in pieces.items()}
    entries, _ = file_layout(shapes, {key: (info.dtype, bytes_each(info.dtype)) for key, (info, _) in pieces.items()})
    try:
        write_file(out, entries, [memoryview(pieces[key][1]) for key in entries], metadata)
    except OSError as error:
        raise unwritable(out, error) from error


def unwritable(out: Path, error: OSError) -> UserError:
    return UserError(f"{out} can't be written ({error.strerror or error}); nothing was changed.")
