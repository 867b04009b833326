"""OpenCLIP's text encoder, as SD 2.x and SDXL files hold it, under the names that transformers' CLIP has.

Query, key and value lie in one tensor there, and the projection is transposed. A place in such a file is a tensor's name,
a "#" and what is taken of it: "q", "k" or "v" for the first, second or third third of its rows, "t" for the whole transposed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from .header import TensorInfo, element_bytes

_PIECES = "qkv"
_TRANSPOSED = "t"
_TOP = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_INSIDE = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)")


def open_clip_places(
    names: Mapping[str, TensorInfo], prefix: str, *, last_layer: bool = True, projection: bool = False
) -> dict[str, str]:
    """{transformers' name without `text_model.`: place in the file} of the text encoder under `prefix`.

    last_layer: False leaves the last of its layers out. projection: with the matrix of the pooled output.
    """
    places: dict[str, str] = {}
    own = {name[len(prefix) :]: name for name in names if name.startswith(prefix)}
    layers = 1 + max((int(found[1]) for short in own if (found := _BLOCK.fullmatch(short))), default=-1)
    for short, name in own.items():
        if short in _TOP:
            places[_TOP[short]] = name
        elif short == "text_projection" and projection:
            places["text_projection.weight"] = f"{name}#{_TRANSPOSED}"
        elif (found := _BLOCK.fullmatch(short)) and (last_layer or int(found[1]) < layers - 1):
            layer, inner, kind = f"encoder.layers.{found[1]}", found[2], found[3]
            if inner == "attn.in_proj":
                places |= {f"{layer}.self_attn.{letter}_proj.{kind}": f"{name}#{letter}" for letter in _PIECES}
            elif inner in _INSIDE:
                places[f"{layer}.{_INSIDE[inner]}.{kind}"] = name
    return places


def split_place(place: str) -> tuple[str, str]:
    """The tensor's name and the mark of the piece, "" for the whole."""
    name, _, mark = place.partition("#")
    return name, mark


def place_info(tensors: Mapping[str, TensorInfo], place: str) -> TensorInfo:
    """Shape, dtype and start of what lies at a place; for a transposed tensor the shape after transposing."""
    name, mark = split_place(place)
    info = tensors[name]
    if mark == _TRANSPOSED:
        return replace(info, shape=info.shape[::-1])
    if not mark:
        return info
    rows = info.shape[0] // 3
    shape = (rows, *info.shape[1:])
    size = element_bytes(info.dtype) * rows
    for number in info.shape[1:]:
        size *= number
    return TensorInfo(shape, info.dtype, info.start + _PIECES.index(mark) * size if info.start >= 0 else -1)


def is_transposed(place: str) -> bool:
    return split_place(place)[1] == _TRANSPOSED


def rows_of(place: str, count: int) -> slice:
    """The rows of a tensor with `count` rows that a place takes."""
    mark = split_place(place)[1]
    if mark not in _PIECES or not mark:
        return slice(0, count)
    third = _PIECES.index(mark)
    return slice(third * (count // 3), (third + 1) * (count // 3))
