"""How much a LoRA changes in each block: the length (Frobenius norm) of every module's change, by block.

‖up·down‖² is the sum over (upᵀup)∘(down·downᵀ), two matrices as small as the rank, so the change itself is never built.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..networks.blocks import NAMES, block_of
from ..networks.kind_shapes import in_webui_order
from .lora_arrays import Array, Arrays, LoraFile, all_finite, each_module, read_lora_file, scale_of

_ROWS = 256  # of a LoHa's change at once
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Change:
    """What a module does. `norm`: the length of its change; `relative`: it is measured in parts of the weights it changes."""

    norm: float
    relative: bool = False


def change_of(arrays: Arrays) -> Change:
    """The length of one module's change, in float64. DoRA's before its lengths, GLoRA's without what passes through W."""
    if "oft_blocks" in arrays:
        limit = float(arrays.get("alpha", 0.0))  # a constraint, in parts of the outputs
        return Change(_turned(arrays["oft_blocks"].astype(np.float64), limit), relative=True)
    if "on_input" in arrays:
        weight = arrays["weight"].astype(np.float64)
        return Change(float(np.linalg.norm(weight)) / math.sqrt(max(1, weight.size)), relative=True)
    wide = {suffix: array.astype(np.float64) for suffix, array in arrays.items()}
    for suffix, norm in _NORMS.items():
        if suffix in wide:
            return Change(norm(wide) * abs(scale_of(arrays)))
    return Change(0.0)


def _product(left: Array, right: Array) -> float:
    """‖left·right‖ of [out, rank] and [rank, in]."""
    return math.sqrt(max(0.0, float(np.sum((left.T @ left) * (right @ right.T)))))


def _flat(array: Array) -> Array:
    return array.reshape(array.shape[0], -1)


def _lora(arrays: Arrays) -> float:
    up, down = _flat(arrays["lora_up.weight"]), _flat(arrays["lora_down.weight"])
    core = arrays.get("lora_mid.weight")
    return _product(up, down) if core is None else _tucker(core, up, down)


def _tucker(core: Array, left: Array, right: Array) -> float:
    """‖Σ core[r, s, …]·left[o, r]·right[s, i]‖, by the Gram matrices of both sides."""
    core = core.reshape(*core.shape[:2], -1)
    through = np.einsum("rsk,rt,su->tuk", core, left.T @ left, right @ right.T, optimize=True)
    return math.sqrt(max(0.0, float(np.sum(through * core))))


def _core(core: Array, left: Array, right: Array) -> Array:
    return np.einsum("rs...,ro,si->oi...", core, left, right, optimize=True)


def _loha(arrays: Arrays) -> float:
    if "hada_t1" in arrays:
        first, second = (_core(*(arrays[f"hada_{part}"] for part in (f"t{n}", f"w{n}_a", f"w{n}_b"))) for n in (1, 2))
        return float(np.linalg.norm(first * second))
    total = 0.0
    for start in range(0, arrays["hada_w1_a"].shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        change = (arrays["hada_w1_a"][rows] @ arrays["hada_w1_b"]) * (arrays["hada_w2_a"][rows] @ arrays["hada_w2_b"])
        total += float(np.sum(np.square(change)))
    return math.sqrt(total)


def _lokr(arrays: Arrays) -> float:
    """Of a Kronecker product: the product of both lengths."""
    small = arrays.get("lokr_w1")
    first = float(np.linalg.norm(small)) if small is not None else _product(arrays["lokr_w1_a"], arrays["lokr_w1_b"])
    if "lokr_w2" in arrays:
        return first * float(np.linalg.norm(arrays["lokr_w2"]))
    left, right = arrays["lokr_w2_a"], _flat(arrays["lokr_w2_b"])
    return first * (_tucker(arrays["lokr_t2"], left.T, right) if "lokr_t2" in arrays else _product(left, right))


def _glora(arrays: Arrays) -> float:
    ordered = in_webui_order(arrays)
    return _product(_flat(ordered["b2.weight"]), _flat(ordered["b1.weight"]))


def _of(*suffixes: str) -> Callable[[Arrays], float]:
    return lambda arrays: math.hypot(*(float(np.linalg.norm(arrays[one])) for one in suffixes if one in arrays))


def _turned(blocks: Array, limit: float) -> float:
    """‖R − 1‖ by √outputs, R the turn that the blocks [n, b, b], or BOFT's stages of them, make (Cayley's transform)."""
    skew = blocks - np.swapaxes(blocks, -1, -2)
    length, limit = float(np.linalg.norm(skew)), limit * blocks.shape[-1] * blocks.shape[-3]
    if 0 < limit < length:
        skew = skew * (limit / length)
    one = np.eye(blocks.shape[-1])
    turns = np.linalg.solve(np.swapaxes(one - skew, -1, -2), np.swapaxes(one + skew, -1, -2))
    return float(np.linalg.norm(turns - one)) / math.sqrt(blocks.shape[-1] * blocks.shape[-3])


_NORMS: dict[str, Callable[[Arrays], float]] = {
    "lora_down.weight": _lora,
    "hada_w1_a": _loha,
    "lokr_w1": _lokr,
    "lokr_w1_a": _lokr,
    "a1.weight": _glora,
    "diff": _of("diff"),
    "w_norm": _of("w_norm"),
}


def block_norms(path: str | Path) -> dict[str, Any]:
    """What the file does, for programs: {"family", "length", "blocks": {block: {norm, share, modules}}, "notices", …}.

    `share`: of the sum of squared lengths; `length`: how many numbers a list for it has; blocks without modules are left out,
    what is in no block is "elsewhere". UserError where it is no LoRA.
    """
    file = read_lora_file(path)
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    relative, broken = False, []
    for module, block, arrays in each_module(file):
        if not all_finite(arrays):
            broken.append(module)
            continue
        change, place = change_of(arrays), block or ELSEWHERE
        relative |= change.relative
        squares[place] = squares.get(place, 0.0) + change.norm**2
        counts[place] = counts.get(place, 0) + 1
    total = sum(squares.values())
    order = [*(block for block in NAMES[26] if block in counts), *([ELSEWHERE] if ELSEWHERE in counts else [])]
    return {
        "path": str(file.path),
        "family": file.family,
        "whole": file.whole,
        "length": file.length,
        "modules": sum(counts.values()),
        "norm": math.sqrt(total),
        "relative": relative,
        "blocks": {
            block: {
                "norm": math.sqrt(squares[block]),
                "share": squares[block] / total if total else 0.0,
                "modules": counts[block],
            }
            for block in order
        },
        "lines": [*_broken_words(broken), *_notices(file, total)],
    }


def _broken_words(modules: list[str]) -> list[str]:
    if not modules:
        return []
    if len(modules) == 1:
        return [f"1 module holds numbers that are not finite, {modules[0]}: pictures drawn with it are black or noise."]
    return [
        f"{len(modules)} modules hold numbers that are not finite, such as {modules[0]}: pictures drawn with it are black "
        "or noise."
    ]


def _notices(file: LoraFile, total: float) -> list[str]:
    suffixes = {suffix for module in file.modules.values() for suffix in module}
    notices = []
    if not total:
        notices.append("The file changes nothing: all its numbers are 0.")
    if "dora_scale" in suffixes:
        notices.append("DoRA: what is shown is the change of directions; the learnt lengths need the base model's weights.")
    if "a1.weight" in suffixes:
        notices.append("GLoRA: what is shown is the part that doesn't pass through the base model's weights.")
    if suffixes & {"oft_blocks", "on_input"}:
        notices.append("This kind multiplies weights: what is shown is the change in parts of them, block against block.")
    if all(block_of(name) is None for name in file.modules):
        notices.append("None of its modules is in a block of Stable Diffusion 1.x, 2.x or SDXL.")
    return notices
