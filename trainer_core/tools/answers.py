"""What the resident helper answers about LoRA files. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import UserError


def answer(what: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """block_norms: {"path"} → how much the file changes in each block. bake: {"path", "block_weights", "x", "te", "unet",
    "out"} → what was written. UserError with what is wrong."""
    if what == "block_norms":
        from .norms import block_norms

        return block_norms(_text(request, "path"))
    from .bake import Wanted, bake

    x = request.get("x")
    wanted = Wanted(
        _text(request, "block_weights"),
        None if x is None else float(x),
        float(request.get("te", 1.0)),
        float(request.get("unet", 1.0)),
    )
    return bake(_text(request, "path"), wanted, Path(_text(request, "out"))).as_dict()


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise UserError(f"{name} is missing.")
    return value
