"""What the resident helper answers about LoRA files. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import UserError
from ..questions import text_of
from .outputs import out_path


def answer(what: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """block_norms: {"path"} → how much the file changes in each block. inspect: {"path"} → what is in the
    file. edit_metadata: {"path", "out", "set": {key: text}, "remove": [key], "private"} → what was written. UserError with
    what is wrong."""
    if what == "block_norms":
        from .norms import block_norms

        return block_norms(text_of(request, "path"))
    if what == "inspect":
        from .inspect_file import inspect

        return inspect(text_of(request, "path"))
    return _edited(request)


def _edited(request: Mapping[str, Any]) -> dict[str, Any]:
    from .edit_metadata import edit_metadata

    values, remove = request.get("set") or {}, request.get("remove") or []
    if not isinstance(values, Mapping) or not all(isinstance(value, str) for value in values.values()):
        raise UserError("set must be a JSON object of keys and texts.")
    if not isinstance(remove, list) or not all(isinstance(key, str) for key in remove):
        raise UserError("remove must be a list of keys.")
    path, out = text_of(request, "path"), text_of(request, "out")
    target = out_path(out, Path(out), [path], overwrite=False)
    return edit_metadata(path, target, values=dict(values), remove=remove, private=bool(request.get("private"))).as_dict()
