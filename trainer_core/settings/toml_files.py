"""Reads and writes settings files, TOML or JSON. TOML is the one part of the settings that needs the trainer's environment."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from ..files import write_atomically, write_json
from ..problems import WordsError

# In double quotes a backslash begins an escape, and most of those in paths are none.
_WINDOWS_PATH = re.compile(r'"(?:[A-Za-z]:|\.{1,2})?\\\w')
YAML = (".yaml", ".yml")


def read_toml(path: Path, setting: str) -> dict[str, Any]:
    """The content of a TOML file; raises WordsError in a user's words."""
    return parse_toml(_text_of(path, setting), f"{setting} {path}")


def parse_toml(text: str, what: str) -> dict[str, Any]:
    """The content of a TOML text, which sentences call `what`; raises WordsError in a user's words."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if _WINDOWS_PATH.search(text):
            raise WordsError(
                f"{what} is not valid TOML: {error}; write paths of Windows in single quotes, such as 'C:\\pictures'."
            ) from None
        raise WordsError(f"{what} is not valid TOML: {error}.") from None


def _text_of(path: Path, setting: str) -> str:
    """A file's text, with or without a byte order mark; raises WordsError in a user's words."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise WordsError(f"{setting} {path} does not exist.") from None
    except OSError as error:
        raise WordsError(f"{setting} {path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise WordsError(f"{setting} {path} is not UTF-8 text; save it as UTF-8.") from None


def read_config(path: Path, setting: str) -> dict[str, Any]:
    """The content of a settings file, JSON or TOML by its extension; raises WordsError in a user's words."""
    if path.suffix.lower() != ".json":
        return read_toml(path, setting)
    try:
        content = json.loads(_text_of(path, setting))
    except ValueError as error:
        raise WordsError(f"{setting} {path} is not valid JSON: {error}.") from None
    if not isinstance(content, dict):
        raise WordsError(f'{setting} {path} is not a JSON object of settings, {{"network_dim": 16, …}}.')
    return content


def flattened(content: dict[str, Any]) -> dict[str, Any]:
    """All values without their sections, whose names mean nothing; the innermost name counts."""
    result: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            result.update(flattened(value))
        else:
            result[name] = value
    return result


def config_path(path: Path) -> Path:
    """kohya adds .toml to a config_file that lacks it; .json is ours, and YAML another tool's where the file is there."""
    ending = path.suffix.lower()
    if ending in (".toml", ".json") or (ending in YAML and path.is_file()):
        return path
    return path.with_name(path.name + ".toml")


def write_config(path: Path, values: dict[str, Any]) -> None:
    """Writes settings (`Settings.as_dict`) as a flat TOML or JSON file that --config_file reads; None is left out."""
    written = {name: value for name, value in values.items() if value is not None}
    if path.suffix.lower() == ".json":
        write_json(path, written)
        return
    import tomli_w

    write_atomically(path, tomli_w.dumps(written))
