"""Named settings as JSON files: {"title", "description", "settings": {kohya's names: values}}."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json
from ..problems import WordsError

FOLDER = Path(__file__).parent
FIRST = ("new_project", "simple", "sdxl_8gb")  # for everybody; the others are for some subjects


@dataclass(frozen=True)
class Preset:
    """A preset's file name without extension, what it is for, and its values under kohya's names."""

    name: str
    title: str
    description: str
    settings: dict[str, Any]


def list_presets(folder: Path = FOLDER) -> list[Preset]:
    """All presets of a folder, those for everybody first, then by name; raises WordsError for a file that is not one."""
    paths = sorted(folder.glob("*.json"))
    return [
        _read(path) for path in sorted(paths, key=lambda path: FIRST.index(path.stem) if path.stem in FIRST else len(FIRST))
    ]


def load_preset(name: str) -> Preset:
    """A preset of this project by name, or any preset file by its path; raises WordsError."""
    if name.lower().endswith(".json"):
        return _read(Path(name).expanduser())
    path = FOLDER / f"{name.replace('-', '_')}.json"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json")))
        raise WordsError(f"there is no preset {name}; there are {known}.")
    return _read(path)


def _read(path: Path) -> Preset:
    try:
        content = read_json(path)
        return Preset(path.stem, str(content["title"]), str(content.get("description", "")), dict(content["settings"]))
    except OSError as error:
        raise WordsError(f"preset {path} can't be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise WordsError(f"preset {path} is not a JSON object with title and settings.") from None
