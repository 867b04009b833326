"""Finished LoRA files: looked into, with other metadata, and the jobs that extract, merge, resize, bake and cut."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...trainer_core.files import free_name
from ...trainer_core.networks.block_presets import built_in
from ...trainer_core.networks.blocks import NAMES
from ..errors import Refused
from ..lora_files import SUFFIX, known_loras, lora_at
from ..models import DEMO_MODELS
from ..preset_file import read_presets, spelled_out
from ..rights import file_name, relative_to, shown
from ..tools_options import checked_tool
from .calls import PREFIX, Answer, Call, Route
from .general import translated

_PATIENCE = 600.0  # LoHa's changes are built in full, and files may be large
_PLACES = ("beside", "loras")
_MOST_KEYS, _LONGEST_VALUE = 2000, 200_000


def get_tools(call: Call) -> Answer:
    """LoRAs to choose from, places for new files, and presets of block weights by name."""
    host = call.workbench.host
    places = _PLACES if host.lora_folder() else _PLACES[:1]
    presets = dict.fromkeys([*read_presets(host).presets(), *(name for length in NAMES for name in built_in(length))])
    return {"loras": list(known_loras(call.workbench)), "places": list(places), "presets": list(presets)}


def tool_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job; the request's options are the tool, its own options, the new file's name and its place."""
    asked = call.body.get("options")
    if not isinstance(asked, Mapping) or not isinstance(asked.get("of", {}), Mapping):
        raise Refused("A tool's options must be names and values.")
    fields = ("tool", "of", "name", "place")
    unknown = next((name for name in asked if name not in fields), None)
    if unknown is not None:
        raise Refused(f"{shown(unknown)} is not understood here; there are {', '.join(fields)}.")
    tool, rights = asked.get("tool"), call.workbench.rights
    options = checked_tool(tool, asked.get("of", {}), rights)
    for one in (options, *options.get("loras", ())):
        if one.get("block_weights"):
            one["block_weights"] = spelled_out(call.workbench.host, [one["block_weights"]])[0]
            if {"R", "U"} & {word.strip() for word in one["block_weights"].split(",")}:
                raise Refused("R and U are random weights: write numbers or X before baking.")
    out = _out(call, _source(options), asked)
    return out.stem, {"tool": tool, "options": {**options, "out": str(out)}, "asked": dict(asked)}


def _source(options: Mapping[str, Any]) -> Path:
    """The file that the new one is most like, beside which it may lie."""
    first = options["loras"][0]["path"] if "loras" in options else None
    return Path(options.get("base") or options.get("tuned") or options.get("path") or first)


def _out(call: Call, source: Path, asked: Mapping[str, Any]) -> Path:
    """Where the new file goes: beside its source, or into webui's LoRA folder unless the source lies in that already.

    What is made of the demo's models goes into the data folder: theirs is the program's own.
    """
    name = file_name(asked.get("name"), "The new file's name").removesuffix(SUFFIX)
    place, loras = asked.get("place", "beside"), call.workbench.host.lora_folder()
    if place not in _PLACES or (place == "loras" and loras is None):
        raise Refused(f"place must be one of {', '.join(_PLACES)}, not {shown(place)}.")
    folder = source.parent if source.parent != DEMO_MODELS else call.workbench.host.data / "models"
    if place == "loras" and loras is not None and relative_to(source.resolve(), loras) is None:
        folder = loras
    return call.workbench.rights.may_write(str(folder / f"{name}{SUFFIX}"), "The new file")


def post_inspect(call: Call) -> Answer:
    """What is in a LoRA: kinds, ranks, base, hashes, blocks, metadata, tensors."""
    call.only("lora")
    path = lora_at(call.body.get("lora"), call.workbench.rights)
    call.workbench.setup.must_be_ready()
    return translated(call.workbench.plans.ask("inspect", path=str(path), patience=_PATIENCE), call)


def post_metadata(call: Call) -> Answer:
    """Writes a file with other metadata and the same tensors."""
    call.only("lora", "set", "remove", "private", "name", "place")
    body = call.body
    path = lora_at(body.get("lora"), call.workbench.rights)
    values, remove, private = body.get("set", {}), body.get("remove", []), body.get("private", False)
    if not isinstance(values, Mapping) or not all(_is_text(key, 200) and _is_text(value) for key, value in values.items()):
        raise Refused("set must be names and texts.")
    if not isinstance(remove, list) or not all(_is_text(key) for key in remove) or not isinstance(private, bool):
        raise Refused("remove must be a list of names, private yes or no.")
    if len(values) + len(remove) > _MOST_KEYS:
        raise Refused(f"At most {_MOST_KEYS:,} metadata can be changed at once.")
    out = free_name(_out(call, path, body))
    call.workbench.setup.must_be_ready()
    asked = {"set": dict(values), "remove": remove, "private": private}
    done = call.workbench.plans.ask("edit_metadata", path=str(path), out=str(out), patience=_PATIENCE, **asked)
    return {**done, "name": Path(done["path"]).stem}


def _is_text(value: Any, longest: int = _LONGEST_VALUE) -> bool:
    return isinstance(value, str) and len(value) <= longest and "\0" not in value


ROUTES = (
    Route("GET", f"{PREFIX}/tools", get_tools, "LoRAs to work on, and places for new files"),
    Route("POST", f"{PREFIX}/tools/inspect", post_inspect, "what is in a LoRA file", body=("lora",)),
    Route(
        "POST",
        f"{PREFIX}/tools/metadata",
        post_metadata,
        "writes a LoRA with other metadata and the same tensors",
        body=("lora", "set", "remove", "private", "name", "place"),
    ),
)
