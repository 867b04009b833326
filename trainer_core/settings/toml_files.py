"""Reads and writes TOML settings files. The one part of the settings that needs the trainer's environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..problems import WordsError


def read_toml(path: Path, setting: str) -> dict[str, Any]:
    """The content of a TOML file, with or without a byte order mark; raises WordsError in a user's words."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise WordsError(f"{setting} {path} does not exist.") from None
    except OSError as error:
        raise WordsError(f"{setting} {path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise WordsError(f"{setting} {path} is not UTF-8 text; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise WordsError(f"{setting} {path} is not valid TOML: {error}.") from None


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
    """kohya adds .toml to a config_file that lacks it."""
    return path if path.suffix.lower() == ".toml" else path.with_name(path.name + ".toml")


def write_config(path: Path, values: dict[str, Any]) -> None:
    """Writes settings (`Settings.as_dict`) as a flat TOML file that --config_file reads; None is left out."""
    import tomli_w

    written = {name: value for name, value in values.items() if value is not None}
    write_atomically(path, tomli_w.dumps(written))
