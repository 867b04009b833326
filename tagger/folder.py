"""A folder of pictures with their captions. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..trainer_core.picture_names import EXTENSIONS, is_picture
from ..trainer_core.problems import UserError
from .captions import Caption, read_caption, split_tags
from .labels import rating_of


@dataclass(frozen=True)
class Entry:
    """One picture with its caption; `place`: the picture's folder, relative to the one that was opened, "" for that itself."""

    picture: Path
    place: str
    caption: Caption

    @property
    def name(self) -> str:
        return self.picture.name

    @cached_property
    def tags(self) -> list[str]:
        """The caption's tags; read, never changed."""
        return split_tags(self.caption.text)

    @cached_property
    def rating(self) -> str:
        """The rating that the caption names, or ""."""
        return rating_of(self.tags)


@dataclass(frozen=True)
class Dataset:
    """All entries by name; `shared`: (picture, the other one whose caption it would share); `orphans`: captions alone."""

    folder: Path
    entries: list[Entry]
    shared: list[tuple[Path, Path]] = field(default_factory=list)
    orphans: list[Path] = field(default_factory=list)


def walk(folder: Path, recursive: bool) -> Iterator[tuple[str, list[str]]]:
    """(path of a folder, its files' names, sorted) of the folder and, where `recursive`, of all within; hidden ones never."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} is missing: give the folder that the pictures are in.")
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        yield place, sorted(names)


def pictures_of(folder: Path, recursive: bool = False) -> Iterator[tuple[str, str]]:
    """(path of a picture, "") by name, or (path, name of the picture whose caption file it would share). UserError where none.

    Plain strings: of a hundred thousand pictures, paths would take more memory than all else.
    """
    some = False
    for place, names in walk(folder, recursive):
        owners: dict[str, str] = {}
        for name in names:
            if is_picture(name):
                some = True
                owner = owners.setdefault(name.rpartition(".")[0], name)
                yield f"{place}{os.sep}{name}", "" if owner is name else owner
    if not some:
        raise UserError(_none_found(folder, recursive))


def open_folder(folder: str | Path, recursive: bool = False, extension: str = ".txt") -> Dataset:
    """Reads every caption of a folder of pictures; UserError where there is no picture."""
    folder = Path(folder).expanduser()
    dataset = Dataset(folder, [])
    for place, names in walk(folder, recursive):
        inner = Path(place).relative_to(folder).as_posix()
        _add_place(dataset, place, "" if inner == "." else inner, names, extension)
    if not dataset.entries:
        raise UserError(_none_found(folder, recursive))
    return dataset


def _add_place(dataset: Dataset, place: str, inner: str, names: list[str], extension: str) -> None:
    known = set(names)
    owners: dict[str, Path] = {}
    for name in names:
        if not is_picture(name):
            continue
        picture, stem = Path(place, name), name.rpartition(".")[0]
        if stem in owners:
            dataset.shared.append((picture, owners[stem]))
            continue
        owners[stem] = picture
        path = Path(place, stem + extension)
        caption = read_caption(path) if stem + extension in known else Caption(path)
        dataset.entries.append(Entry(picture, inner, caption))
    for name in names:
        if name.endswith(extension) and not name.startswith(".") and name[: -len(extension)] not in owners:
            dataset.orphans.append(Path(place, name))


def _none_found(folder: Path, recursive: bool) -> str:
    deeper = "" if recursive else "; --recursive also looks into its folders"
    return f"{folder} holds no pictures ({', '.join(EXTENSIONS)}){deeper}."
