"""Block weights become part of a LoRA file, so that any webui draws with them. NumPy, without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..models.header import TensorInfo
from ..networks.block_weights import parse_block_weights
from ..networks.blocks import BASE, block_of
from ..problems import UserError
from .lora_arrays import Array, LoraFile, as_array, as_bytes, read_lora_file
from .norms import change_of
from .outputs import Tell, each, write_lora_file

METADATA = "lora_workbench_baked"
# One factor of each term of a kind's change: scaled alone it scales the whole, sign included.
_FACTORS: dict[str, tuple[str, ...]] = {
    "lora_down.weight": ("lora_up.weight",),
    "hada_w1_a": ("hada_w1_a",),
    "lokr_w1": ("lokr_w1",),
    "lokr_w1_a": ("lokr_w1_a",),
    "on_input": ("weight",),
    "a1.weight": ("a2.weight", "b2.weight"),
    "diff": ("diff",),
    "w_norm": ("w_norm",),
}
_BIASES = ("diff_b", "b_norm")
# These turn or stretch weights: half of them isn't half of the change.
_WHOLE_OR_NOT = {"oft_blocks": "OFT", "dora_scale": "DoRA"}


@dataclass(frozen=True)
class Baked:
    """What was written. `before`, `after`: the length of all changes together; `change`: of what was taken from them."""

    path: Path
    modules: int
    scaled: int
    left_out: int
    elsewhere: int
    before: float
    after: float
    change: float
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """Weights in words (a preset's name or a list, X in it `x`), and strengths of both parts on top of them."""

    block_weights: str
    x: float | None = None
    te: float = 1.0
    unet: float = 1.0
    presets: Mapping[str, str] | None = None

    def of(self, file: LoraFile) -> tuple[dict[str, float], tuple[str, ...]]:
        """{block: what it is multiplied by} and notices."""
        told = parse_block_weights(
            self.block_weights, file.family, whole=file.whole, x=self.x, presets=self.presets, what="The list"
        )
        strengths = {block: weight * (self.te if block == BASE else self.unet) for block, weight in told.values.items()}
        return strengths, told.notices


def bake(path: str | Path, wanted: Wanted, out: Path, tell: Tell | None = None) -> Baked:
    """Writes the file with each module's change multiplied by its block's weight; the one at `path` stays as it is.

    Multiplied in float32 and rounded once, to the tensor's own dtype. Modules of weight 0 are left out; what is in no block
    has the UNet's strength, as with lora-block-weight. UserError where nothing would change, nothing be left, or a kind can't.
    """
    file = read_lora_file(path)
    if out.exists() and out.samefile(file.path):
        raise UserError(f"The baked file can't be the one that it is made of, {file.path}: give another --out.")
    strengths, notices = wanted.of(file)
    written: dict[str, tuple[TensorInfo, Array | bytes]] = {}
    scaled = left_out = elsewhere = 0
    squares = [0.0, 0.0, 0.0]  # before, after, what was taken away
    for module, infos in each(file.modules.items(), tell):
        block = block_of(module)
        strength = wanted.unet if block is None else strengths[block]
        elsewhere += block is None
        before = change_of(file.read(module)).norm
        content: dict[str, Array | bytes] = {suffix: file.bytes_of(module, suffix) for suffix in infos}
        if strength == 0:
            content, after = {}, 0.0
            left_out += 1
        elif strength == 1:
            after = before
        else:
            content |= _scaled(file, module, strength)
            after = change_of(_arrays(infos, content)).norm
            scaled += 1
        squares = [sum(pair) for pair in zip(squares, (before**2, after**2, (before * (1 - strength)) ** 2), strict=True)]
        written |= {f"{module}.{suffix}": (infos[suffix], piece) for suffix, piece in content.items()}
    before, after, taken = map(math.sqrt, squares)
    _require_change(file, scaled + left_out, taken, written)
    done = Baked(out, len(file.modules), scaled, left_out, elsewhere, before, after, taken / before if before else 0.0, notices)
    write_lora_file(out, written, {**file.metadata, METADATA: json.dumps(_record(file, wanted, strengths), ensure_ascii=False)})
    return done


def _scaled(file: LoraFile, module: str, strength: float) -> dict[str, bytes]:
    """{suffix: bytes} of the tensors that change."""
    infos = file.modules[module]
    for suffix, kind in _WHOLE_OR_NOT.items():
        if suffix in infos:
            raise UserError(
                f"{file.path.name} is of the kind {kind}, which can be baked with blocks of weight 0 and 1 alone, and "
                f"{block_of(module)} has {strength:g}: change it, or write lbw= in the prompt."
            )
    factors = next((own for suffix, own in _FACTORS.items() if suffix in infos), None)
    if factors is None:
        raise UserError(f"{file.path.name} holds {module} in a kind that can't be baked ({', '.join(infos)}).")
    arrays, changed = file.read(module), {}
    for suffix in (*factors, *(one for one in _BIASES if one in infos)):
        changed[suffix] = as_bytes(arrays[suffix] * np.float32(strength), infos[suffix].dtype)
        if not np.isfinite(as_array(np.frombuffer(changed[suffix], np.uint8), infos[suffix].dtype, infos[suffix].shape)).all():
            raise UserError(
                f"{module}.{suffix} times {strength:g} is more than {infos[suffix].dtype} can hold: give smaller weights."
            )
    return changed


def _arrays(infos: Mapping[str, TensorInfo], content: Mapping[str, Array | bytes]) -> dict[str, Array]:
    return {
        suffix: as_array(np.frombuffer(piece, np.uint8), infos[suffix].dtype, infos[suffix].shape)
        for suffix, piece in content.items()
    }


def _require_change(file: LoraFile, changed: int, taken: float, written: Mapping[str, object]) -> None:
    if not changed or not taken:
        raise UserError(
            f"With these weights nothing in {file.path.name} would change: "
            + ("all of its modules have weight 1." if not changed else "what they change is 0 already.")
        )
    if not written:
        raise UserError(f"With these weights nothing of {file.path.name} would be left: give a block more than 0.")


def _record(file: LoraFile, wanted: Wanted, strengths: Mapping[str, float]) -> dict[str, Any]:
    """How the file was made, for its metadata."""
    blocks = {block: round(strengths[block], 6) for block in strengths if block in _own_blocks(file)}
    return {
        "of": file.path.name,
        "of_sshs_model_hash": file.metadata.get("sshs_model_hash", ""),
        "block_weights": wanted.block_weights,
        "x": wanted.x,
        "te": wanted.te,
        "unet": wanted.unet,
        "blocks": blocks,
        **({"before": file.metadata[METADATA]} if METADATA in file.metadata else {}),
    }


def _own_blocks(file: LoraFile) -> set[str | None]:
    return {block_of(module) for module in file.modules}
