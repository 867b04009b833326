"""What the resident helper answers about LoRA files. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import UserError
from .outputs import out_path


def answer(what: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """block_norms: {"path"} → how much the file changes in each block. bake: {"path", "block_weights", "x", "te", "unet",
    "out"} → what was written. inspect: {"path"} → what is in the file. edit_metadata: {"path", "out", "set": {key: text},
    "remove": [key], "private"} → what was written. UserError with what is wrong."""
    if what == "block_norms":
        from .norms import block_norms

        return block_norms(_text(request, "path"))
    if what == "inspect":
        from .inspect_file import inspect

        return inspect(_text(request, "path"))
    if what == "edit_metadata":
        return _edited(request)
    from .bake import Wanted, bake

    x = request.get("x")
    wanted = Wanted(
        _text(request, "block_weights"),
        None if x is None else float(x),
        float(request.get("te", 1.0)),
        float(request.get("unet", 1.0)),
    )
    return bake(_text(request, "path"), wanted, Path(_text(request, "out"))).as_dict()


def _edited(request: Mapping[str, Any]) -> dict[str, Any]:
    from .edit_metadata import edit_metadata

    values, remove = request.get("set") or {}, request.get("remove") or []
    if not isinstance(values, Mapping) or not all(isinstance(value, str) for value in values.values()):
        raise UserError("set must be a JSON object of keys and texts.")
    if not isinstance(remove, list) or not all(isinstance(key, str) for key in remove):
        raise UserError("remove must be a list of keys.")
    path, out = _text(request, "path"), _text(request, "out")
    target = out_path(out, Path(out), [path], overwrite=False)
    return edit_metadata(path, target, values=dict(values), remove=remove, private=bool(request.get("private"))).as_dict()


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise UserError(f"{name} is missing.")
    return value
