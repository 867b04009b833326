"""The extensions' folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modules import paths


@dataclass
class Extension:
    name: str
    path: str
    enabled: bool = True
    is_builtin: bool = False

    @property
    def canonical_name(self):
        return self.name.lower()


def active() -> list[Extension]:
    folder = Path(paths.extensions_dir)
    return [Extension(path.name, str(path)) for path in sorted(folder.iterdir())] if folder.is_dir() else []


def files(folder: str, suffix: str) -> list[tuple[Extension, str]]:
    """The files right in a folder of each extension."""
    found = []
    for extension in active():
        where = Path(extension.path, folder)
        inside = sorted(where.iterdir()) if where.is_dir() else []
        found += [(extension, str(path)) for path in inside if path.name.endswith(suffix)]
    return found
