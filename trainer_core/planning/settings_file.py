"""Mended settings, written for `--config_file`: into the file that they came from, which is kept, or into a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import free_name, write_atomically
from ..problems import WordsError
from ..settings.toml_files import flattened, parse_toml, read_config, write_config

_LINE = re.compile(r"^[ \t]*([A-Za-z_][\w-]*)[ \t]*=", re.MULTILINE)


def rewrite(path: Path, changes: Mapping[str, Any]) -> Path:
    """Changes settings in a file (None takes one out) and returns where the old file is kept: beside it, as NAME-before.

    Comments and order stay where each change is a line of its own; else the file is written anew.
    """
    old = path.read_bytes()
    kept = free_name(path.with_name(f"{path.stem}-before{path.suffix}"))
    values = {**_plain(flattened(read_config(path, "config_file"))), **changes}
    wanted = {name: value for name, value in values.items() if value is not None}
    text = _edited(old.decode("utf-8-sig"), changes, wanted) if path.suffix.lower() != ".json" else None
    write_atomically(kept, old)
    if text is None:
        write_config(path, wanted)
    else:
        write_atomically(path, text)
    return kept


def write_new(path: Path, values: Mapping[str, Any]) -> Path:
    """Writes settings under a free name."""
    free = free_name(path)
    write_config(free, dict(values))
    return free


def _edited(text: str, changes: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The TOML text with the lines of those settings changed; None where that doesn't say what is wanted."""
    import tomli_w

    new = {name: tomli_w.dumps({name: value}) if value is not None else "" for name, value in changes.items()}
    lines = []
    for line in text.splitlines(keepends=True):
        found = _LINE.match(line)
        name = found[1].replace("-", "_") if found else ""
        lines.append(new.pop(name) if name in new else line)
    edited = "".join([*new.values(), *lines])  # at the top: a section at the end has no meaning, but looks as if it had
    try:
        return edited if _plain(flattened(parse_toml(edited, "settings"))) == wanted else None
    except WordsError:  # a value of several lines, of which only the first was changed
        return None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in values.items()}
