"""Products of two thin matrices: a LoRA's change as one, its singular values, and the best product of fewer ranks.

The singular values of up·down are those of a matrix as small as the rank, R_up·R_downᵀ of both sides' QR; the change itself,
of the weight's full size, is never built (Eckart and Young 1936 for what the best shorter product is).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..problems import WordsError
from .lora_arrays import Array, Arrays, scale_of

METHODS = ("sv_ratio", "sv_fro", "sv_cumulative")


@dataclass(frozen=True)
class Factors:
    """A change up·down in float64, alpha and strength within: up [out, rank], down [rank, in·k·k].

    `tail`: what a down of the file has behind its rank, (in,) or (in, k, k).
    """

    up: Array
    down: Array
    tail: tuple[int, ...]

    @property
    def rank(self) -> int:
        return int(self.down.shape[0])

    @property
    def kernel(self) -> int:
        return self.tail[1] if len(self.tail) > 1 else 1

    def norm(self) -> float:
        """‖up·down‖ (Frobenius)."""
        return math.sqrt(max(0.0, float(np.sum((self.up.T @ self.up) * (self.down @ self.down.T)))))


@dataclass(frozen=True)
class Singular:
    """u·diag(values)·vt of a change, values falling."""

    u: Array
    values: Array
    vt: Array

    def left_out(self, rank: int) -> float:
        """The length of what the best product of `rank` ranks lacks (Eckart, Young)."""
        return float(np.linalg.norm(self.values[rank:]))


def is_plain(suffixes: Sequence[str] | Arrays) -> bool:
    """Whether a module's change is one product: LoRA and LoCon, in Tucker's form too; not DoRA, which scales by the base."""
    return "lora_down.weight" in suffixes and "lora_up.weight" in suffixes and "dora_scale" not in suffixes


def factors_of(arrays: Arrays, strength: float = 1.0) -> Factors:
    """The change of a LoRA module at a strength. Tucker's core becomes a part of down."""
    up = arrays["lora_up.weight"].astype(np.float64)
    down = arrays["lora_down.weight"].astype(np.float64)
    up = up.reshape(up.shape[0], -1)
    if "lora_mid.weight" in arrays:
        core = arrays["lora_mid.weight"].astype(np.float64)
        down = np.einsum("rs...,si->ri...", core, down.reshape(down.shape[0], -1))
    return Factors(up * (scale_of(arrays) * strength), down.reshape(down.shape[0], -1), tuple(down.shape[1:]))


def joined(parts: Sequence[Factors]) -> Factors:
    """The sum of changes as one product: ranks side by side, nothing lost."""
    return Factors(np.concatenate([one.up for one in parts], 1), np.concatenate([one.down for one in parts]), parts[0].tail)


def distance(one: Factors, other: Factors) -> float:
    """‖one − other‖; exact to about 1e-8 of their lengths."""
    return joined([one, Factors(-other.up, other.down, other.tail)]).norm()


def singular(change: Factors) -> Singular:
    left, left_core = np.linalg.qr(change.up)
    right, right_core = np.linalg.qr(change.down.T)
    u, values, vt = np.linalg.svd(left_core @ right_core.T)
    count = len(values)
    return Singular(left @ u[:, :count], values, vt[:count] @ right.T)


def shortened(whole: Singular, rank: int, tail: tuple[int, ...]) -> Factors:
    """The best product of that rank; both sides of the same length, so that neither leaves what fp16 can hold."""
    rank = min(rank, len(whole.values))
    root = np.sqrt(whole.values[:rank])
    return Factors(whole.u[:, :rank] * root, root[:, None] * whole.vt[:rank], tail)


def file_arrays(change: Factors, scale: float) -> dict[str, Array]:
    """{suffix: float64 array} of a file's module that acts as `change` with alpha by rank `scale`, put on both sides alike."""
    root = math.sqrt(abs(scale))
    up, down = change.up / root * math.copysign(1.0, scale), change.down / root
    if len(change.tail) > 1:
        up = up[:, :, None, None]
    down = down.reshape(change.rank, *change.tail)
    return {"alpha": np.array(scale * change.rank), "lora_down.weight": down, "lora_up.weight": up}


def check_method(method: str | None, parameter: float | None) -> None:
    """WordsError with one sentence where a dynamic method lacks its number or has one that means nothing."""
    if method is None:
        if parameter is not None:
            raise WordsError(f"resize: --dynamic_param needs --dynamic_method, one of {', '.join(METHODS)}.")
        return
    if parameter is None:
        raise WordsError(f"resize: --dynamic_method {method} needs --dynamic_param, such as {_example(method)}.")
    right = parameter >= 2 if method == "sv_ratio" else 0 < parameter < 1
    if not right:
        limits = "2 or more" if method == "sv_ratio" else "between 0 and 1"
        raise WordsError(f"resize: --dynamic_param {parameter:g} must be {limits} with {method}, such as {_example(method)}.")


def _example(method: str) -> str:
    return "20" if method == "sv_ratio" else "0.9"


def chosen_rank(values: Array, most: int, method: str | None = None, parameter: float = 0.0) -> int:
    """How many ranks are kept, 1 to `most`.

    sv_ratio: those of a singular value above the largest divided by the parameter. sv_cumulative: as many as make up that
    share of the values' sum; sv_fro: … whose length is that share of the change's length.
    """
    most = min(most, len(values))
    if method is None:
        return most
    if not values[0]:
        return 1
    if method == "sv_ratio":
        wanted = int(np.sum(values > values[0] / parameter))
    else:
        power, share = (1, parameter) if method == "sv_cumulative" else (2, parameter**2)
        parts = np.cumsum(values**power)
        wanted = int(np.searchsorted(parts / parts[-1], share)) + 1
    return max(1, min(wanted, most))
