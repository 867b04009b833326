"""Puts files that have arrived into a dataset: nothing there is overwritten, and captions that change can be taken back."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...tagger.captions import Change, read_caption
from ...tagger.journal import apply_changes
from ...trainer_core.files import atomic_path
from ..asked_settings import CAPTION_EXTENSIONS
from .names import PICTURES, kind_of, told


@dataclass(frozen=True)
class Arrived:
    """A file's name in the dataset and where its bytes are now. `source`: pictures and captions of one zip belong together."""

    name: str
    path: Path
    source: int = 0


@dataclass
class Placed:
    """What became of them, by number; `left_out`: names with the reason."""

    pictures: int = 0
    captions: int = 0
    already: int = 0
    renamed: int = 0
    changed: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)


def place(folder: Path, arrived: Iterable[Arrived], placed: Placed) -> None:
    """Moves the files into the folder.

    A picture that is there already, to the byte, is left out; another one of that name comes beside it as `name-2`, with its
    caption. A caption for a picture that was there is written as one change of the dataset's journal, which Undo takes back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changes: list[Change] = []
    groups: dict[tuple[int, str], list[Arrived]] = {}
    for one in arrived:
        groups.setdefault((one.source, one.name[: -len(kind_of(one.name))]), []).append(one)
    stems = _Stems()
    for (_, stem), group in groups.items():
        _place_group(folder, stem, group, placed, changes, stems)
    if changes:
        batch = apply_changes(folder, changes, "captions that were uploaded")
        placed.captions += batch.written
        placed.changed += sum(change.before is not None for change in changes) - len(batch.failed)
        placed.left_out += [told(path.name, reason) for path, reason in batch.failed]


def _place_group(
    folder: Path, stem: str, group: Sequence[Arrived], placed: Placed, changes: list[Change], stems: _Stems
) -> None:
    """The pictures of one name with their captions."""
    pictures = [one for one in group if kind_of(one.name) in PICTURES]
    captions = [one for one in group if kind_of(one.name) in CAPTION_EXTENSIONS]
    home, name = folder / PurePosixPath(stem).parent, PurePosixPath(stem).name
    if not _is_within(home, folder):
        placed.left_out += [told(one.name, "its name leads out of the folder") for one in group]
        return
    there = name.lower() in stems.of(home)
    fresh = [one for one in pictures if not _is_same(folder / one.name, one.path)]
    placed.already += len(pictures) - len(fresh)
    if not there and not pictures:
        placed.left_out += [told(one.name, "it is a caption without a picture") for one in captions]
        return
    new = stems.free(home, name) if there and fresh else name
    placed.renamed += len(fresh) if new != name else 0
    home.mkdir(parents=True, exist_ok=True)
    for one in captions:  # before its picture, which is never seen without it
        target = home / (new + kind_of(one.name))
        if not fresh or target.exists():
            _change_caption(target, one, placed, changes)
        else:
            _move(one.path, target)
            placed.captions += 1
    for one in fresh:
        _move(one.path, home / (new + kind_of(one.name)))
        placed.pictures += 1
    stems.of(home).add(new.lower())


def _change_caption(target: Path, one: Arrived, placed: Placed, changes: list[Change]) -> None:
    if target.is_symlink():
        placed.left_out.append(told(one.name, "the caption there is a link"))
        return
    before, after = read_caption(target), read_caption(one.path)
    if before.content == after.content or (after.empty and before.content is None):
        placed.already += 1
    elif after.empty and not before.empty:
        placed.left_out.append(told(one.name, "it is empty, and the caption there is not"))
    else:
        changes.append(Change(target, before.content, after.content))


class _Stems:
    """Names without extension, in small letters, that pictures of the dataset's folders have; each folder is looked at once."""

    def __init__(self) -> None:
        self._known: dict[Path, set[str]] = {}

    def of(self, home: Path) -> set[str]:
        if home not in self._known:
            entries = home.iterdir() if home.is_dir() else ()
            self._known[home] = {path.stem.lower() for path in entries if path.suffix.lower() in PICTURES}
        return self._known[home]

    def free(self, home: Path, stem: str) -> str:
        number = 2
        while f"{stem}-{number}".lower() in self.of(home):
            number += 1
        return f"{stem}-{number}"


def _is_same(target: Path, path: Path) -> bool:
    """Whether that very picture is there; one whose pieces were moved there by an earlier try too."""
    if not path.exists():
        return target.is_file()
    return target.is_file() and not target.is_symlink() and filecmp.cmp(target, path, shallow=False)


def _is_within(home: Path, folder: Path) -> bool:
    """Whether no folder on the way down is a link that leads elsewhere."""
    return home.resolve().is_relative_to(folder.resolve())


def _move(path: Path, target: Path) -> None:
    try:
        os.replace(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic_path(target) as temporary:  # the dataset is on another disk than the cache
            shutil.copyfile(path, temporary)
        with contextlib.suppress(OSError):
            path.unlink()
