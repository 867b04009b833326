"""A folder's pictures and captions, listed fast enough for thousands of them: by names and sizes, nothing is opened."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

_DEEPEST, _MOST = 3, 100_000


@dataclass(frozen=True)
class Folder:
    """Names of the pictures (with their folder's where it is a deeper one); how many have a caption that holds something."""

    PICTURES: ClassVar[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
    names: list[str]
    captioned: int


def list_folder(folder: Path, extension: str = ".txt", *, recursive: bool = False) -> Folder:
    """The folder as it is now, in the order of names. Raises OSError where it can't be read."""
    names, captions = _listed(folder, "", extension, _DEEPEST if recursive else 0)
    return Folder(names, sum(PurePosixPath(name).with_suffix("").as_posix() in captions for name in names))


def _listed(folder: Path, before: str, extension: str, deeper: int) -> tuple[list[str], set[str]]:
    names: list[str] = []
    captions: set[str] = set()
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            lowered = entry.name.lower()
            if lowered.startswith("."):
                continue
            if lowered.endswith(Folder.PICTURES):
                names.append(before + entry.name)
            elif lowered.endswith(extension):
                with contextlib.suppress(FileNotFoundError):  # taken away just now, or a link to nothing
                    if entry.stat().st_size:
                        captions.add(before + entry.name[: -len(extension)])
            elif deeper and entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    names.sort()
    for name in sorted(below):
        with contextlib.suppress(FileNotFoundError):
            inner, inner_captions = _listed(folder / name, f"{before}{name}/", extension, deeper - 1)
            names += inner[: _MOST - len(names)]
            captions |= inner_captions
    return names, captions
