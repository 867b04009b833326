"""Ranks above the largest: with LyCORIS, network_dim=100000 means a LoKr whose factors are both kept whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .network_kinds import ALGO_ALIASES, KINDS, kind_of
from .tables import ALL

LARGEST = int(ALL["network_dim"].maximum or 0)


def plain_ranks(names: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What stands for network_dim and network_args where the rank is too large but its meaning is clear, and a sentence.

    `names`: raw values by their settings' names. Empty, with an empty sentence, where there is nothing to change.
    """
    rank, words = _number(names.get("network_dim")), _words(names.get("network_args"))
    algo = next((word.partition("=")[2].strip().lower() for word in words if word.startswith("algo=")), None)
    if rank is None or rank <= LARGEST or not (algo is None or algo in KINDS or algo in ALGO_ALIASES):
        return {}, ""
    kind = kind_of(str(names.get("network_module") or "networks.lora"), algo)
    if not kind.has_rank:
        return {"network_dim": None}, f"network_dim {rank} is passed over: {kind.title} has no rank."
    if kind.name != "lokr":
        return {}, ""
    if not any(word.startswith("full_matrix=") for word in words):
        words = [*words, "full_matrix=true"]
    meant = {"network_dim": LARGEST, "network_args": words}
    return meant, f"network_dim {rank} is taken for full_matrix: LoKr's factors are kept whole."


def _words(raw: Any) -> list[str]:
    words: Sequence[Any] = raw.split() if isinstance(raw, str) else raw if isinstance(raw, (list, tuple)) else ()
    return [str(part) for word in words for part in str(word).split()]


def _number(raw: Any) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    try:
        return int(float(raw))
    except (ValueError, OverflowError):
        return None
