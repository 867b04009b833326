"""A folder of pictures with their captions. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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


def find_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """The folder's pictures by name, with those of its folders where `recursive`; hidden ones never. UserError where none."""
    found = [Path(place, name) for place, names in walk(folder, recursive) for name in names if is_picture(name)]
    if not found:
        raise UserError(_none_found(folder, recursive))
    return found


def caption_owners(pictures: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """Pictures that have a caption file to themselves, and those that would share one: (picture, the first that has it)."""
    owners: dict[tuple[Path, str], Path] = {}
    alone, shared = [], []
    for picture in pictures:
        owner = owners.setdefault((picture.parent, picture.stem), picture)
        if owner is picture:
            alone.append(picture)
        else:
            shared.append((picture, owner))
    return alone, shared


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
