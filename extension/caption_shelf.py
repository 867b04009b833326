"""A dataset's captions kept in memory: what changed on the disk is read again, everything else is not.

Thousands of captions are looked at at each keystroke of a filter, so a look costs one listing and one stat a caption.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ..tagger.captions import Caption, caption_file, read_caption
from ..tagger.folder import Dataset, Entry
from ..trainer_core.picture_names import is_picture
from .errors import MISSING, Refused

_DEEPEST, _MOST, _KEPT = 3, 100_000, 3

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """The captions at one look. `listing` changes with the pictures' names, `revision` with every caption that changed.

    `revisions`: when each entry changed last; `locked`: numbers of those whose caption can't be read,
    or is a link that may not be followed.
    """

    folder: Path
    listing: str
    revision: int
    entries: tuple[Entry, ...]
    names: tuple[str, ...]
    revisions: tuple[int, ...]
    locked: frozenset[int]
    shared: tuple[tuple[Path, Path], ...]
    orphans: tuple[Path, ...]

    def dataset(self) -> Dataset:
        """As the tagger's functions take it."""
        return Dataset(self.folder, list(self.entries), list(self.shared), list(self.orphans))

    def number_of(self, name: object) -> int:
        """A picture's number by its name in the folder; Refused where there is none."""
        try:
            return self.names.index(name)  # type: ignore[arg-type]
        except ValueError:
            raise Refused(
                f"There is no picture {str(name)[:80]!r} in {self.folder.name}; it may have been removed.", MISSING
            ) from None


@dataclass(frozen=True)
class _Known:
    """A picture as it was read; `stamp` None: there was no caption file."""

    stamp: Stamp | None
    entry: Entry
    revision: int
    locked: bool


class Shelf:
    """The captions of one folder and the folders in it. Several threads may look at once."""

    def __init__(self, folder: Path, extension: str, follows_links: bool) -> None:
        self._folder, self._extension, self._follows = folder, extension, follows_links
        self._lock = threading.Lock()
        self._token, self._listings, self._revision = secrets.token_hex(4), 0, 0
        self._known: dict[str, _Known] = {}
        self._view: View | None = None

    def look(self) -> View:
        """The captions as they are now; Refused where the folder can't be read."""
        with self._lock:
            try:
                found = _Found(self._folder, self._extension)
            except OSError as error:
                raise Refused(f"The folder {self._folder} can't be shown: {error.strerror}.", MISSING) from None
            known: dict[str, _Known] = {}
            for name, place, picture, caption in found.pictures:
                stamp = _stamp(caption) if caption else None
                before = self._known.get(name)
                if before and before.stamp == stamp:
                    known[name] = before
                else:
                    known[name] = self._read(place, Path(picture), caption, stamp)
            return self._kept(found, known)

    def _read(self, place: str, picture: Path, caption: os.DirEntry[str] | None, stamp: Stamp | None) -> _Known:
        path = caption_file(picture, self._extension)
        text, locked = Caption(path), False
        if caption and not self._follows and caption.is_symlink():  # it could show, and write, any file
            locked = True
        elif stamp:
            try:
                text = read_caption(path)
            except OSError:
                locked = True
        return _Known(stamp, Entry(picture, place, text), self._revision + 1, locked)

    def _kept(self, found: _Found, known: dict[str, _Known]) -> View:
        names, orphans, view = tuple(known), tuple(found.orphans), self._view
        relisted = view is None or names != view.names
        changed = relisted or any(one.revision > self._revision for one in known.values())
        if view and not changed and view.orphans == orphans:
            return view
        self._listings += relisted
        self._revision += 1
        self._known = known
        self._view = View(
            self._folder,
            f"{self._token}-{self._listings}",
            self._revision,
            tuple(one.entry for one in known.values()),
            names,
            tuple(one.revision for one in known.values()),
            frozenset(number for number, one in enumerate(known.values()) if one.locked),
            tuple(found.shared),
            orphans,
        )
        return self._view


class _Found:
    """One listing: (name, place, picture's path, caption's entry) of each picture, by place and name."""

    def __init__(self, folder: Path, extension: str) -> None:
        self.pictures: list[tuple[str, str, str, os.DirEntry[str] | None]] = []
        self.shared: list[tuple[Path, Path]] = []
        self.orphans: list[Path] = []
        self._extension = extension
        self._list(str(folder), "", _DEEPEST)

    def _list(self, folder: str, place: str, deeper: int) -> None:
        captions: dict[str, os.DirEntry[str]] = {}
        pictures, below = [], []
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if is_picture(name):
                    pictures.append((name, entry.path))
                elif name.endswith(self._extension):
                    captions[name[: -len(self._extension)]] = entry
                elif deeper and entry.is_dir(follow_symlinks=False):
                    below.append((name, entry.path))
        owners: dict[str, str] = {}
        for name, path in sorted(pictures):
            stem = name.rpartition(".")[0]
            if owners.setdefault(stem, path) != path:
                self.shared.append((Path(path), Path(owners[stem])))
            elif len(self.pictures) < _MOST:
                self.pictures.append((f"{place}/{name}" if place else name, place, path, captions.get(stem)))
        self.orphans += [Path(captions[stem].path) for stem in sorted(captions.keys() - owners.keys())]
        for name, path in sorted(below):
            with contextlib.suppress(FileNotFoundError):  # taken away just now
                self._list(path, f"{place}/{name}" if place else name, deeper - 1)


def _stamp(caption: os.DirEntry[str]) -> Stamp | None:
    """What differs where the file was written since; None where it is gone, or a link to nothing."""
    try:
        found = os.stat(caption.path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Shelves:
    """The few shelves that were looked at last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelves: OrderedDict[tuple[Path, str, bool], Shelf] = OrderedDict()

    def look(self, folder: Path, extension: str, follows_links: bool) -> View:
        key = (folder, extension, follows_links)
        with self._lock:
            shelf = self._shelves.setdefault(key, Shelf(*key))
            self._shelves.move_to_end(key)
            while len(self._shelves) > _KEPT:
                self._shelves.popitem(last=False)
        return shelf.look()
