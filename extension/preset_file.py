"""The file with presets of block weights: lora-block-weight's own where that extension is installed, else the data folder's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..trainer_core.networks.block_presets import FILE_NAME, PresetFile, built_in
from ..trainer_core.problems import UserError
from .blocks_options import checked_list, fits
from .errors import FORBIDDEN, NOT_NOW, Refused
from .host import Host
from .rights import shown

_LOCK = threading.Lock()
_LARGEST = 1 << 20
_LONGEST_NAME = 100


def preset_path(host: Host) -> Path:
    return host.block_presets() or host.data / FILE_NAME


def read_presets(host: Host) -> PresetFile:
    """The file as it is now; one that lora-block-weight has yet to write begins with what it would write."""
    path = preset_path(host)
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise Refused(f"The presets file {path} is larger than {_LARGEST >> 20} MB, so it is left alone.", NOT_NOW)
        if host.block_presets() is not None and not path.exists():
            lines = "".join(f"{name}:{values}\n" for name, values in built_in(17).items())
            return PresetFile.parse(lines.encode())
        return PresetFile.read(path)
    except Refused:
        raise
    except UserError as error:
        raise Refused(str(error), NOT_NOW) from None


def spelled_out(host: Host, weights: Sequence[str]) -> list[str]:
    """Presets of the file as their numbers, for the trainer, which knows lists and its own presets."""
    if not weights:
        return []
    own, built = read_presets(host).presets(), {**built_in(12), **built_in(17)}
    found = []
    for one in weights:
        if one not in own and one not in built and not fits(one):
            raise Refused(f"There is no preset of block weights called {shown(one)}: choose another, or write its numbers.")
        found.append(own[one] if one in own and own[one] != built.get(one) else one)
    return found


def why_not_written(host: Host) -> str:
    """Why presets can't be changed here; "" where they can."""
    if host.rights().restricted and host.block_presets() is not None:
        return (
            "Presets can't be saved: they lie in another extension's folder, and others can reach this webui; start it without "
            "--listen and --share."
        )
    return ""


def change_presets(host: Host, do: Any, name: Any, given: Mapping[str, Any]) -> None:
    """`do`: set (with "values"), rename (with "to"), remove or insert_base. All other lines stay byte for byte."""
    if reason := why_not_written(host):
        raise Refused(reason, FORBIDDEN)
    deeds: dict[str, Callable[[PresetFile], None]] = {
        "set": lambda file: file.set(_name(name), checked_list(given.get("values"))),
        "rename": lambda file: file.rename(_name(name), _name(given.get("to"))),
        "remove": lambda file: file.remove(_name(name)),
        "insert_base": lambda file: file.insert_base(_name(name)),
    }
    if not isinstance(do, str) or do not in deeds:
        raise Refused(f"do must be one of {', '.join(deeds)}, not {shown(do)}.")
    with _LOCK:
        file = read_presets(host)
        try:
            deeds[do](file)
            file.write(preset_path(host))
        except Refused:
            raise
        except UserError as error:
            raise Refused(str(error)) from None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME or not value.strip().isprintable():
        raise Refused("A preset needs a name of at most 100 letters.")
    return value.strip()
