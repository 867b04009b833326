"""Uploads while they arrive: files in pieces, which wait in the cache until all are whole. A lost connection loses no piece.

A file's pieces are kept by its name, size and time, so that the same file chosen again, after a reload or from another tab,
goes on where it was. Nothing of it is in the dataset before placing.py puts it there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...trainer_core.files import read_json, write_json
from ..asked_settings import CAPTION_EXTENSIONS
from ..errors import MISSING, NOT_NOW, TOO_LARGE, Refused
from .names import cleaned, is_system_file, kind_of, told

LARGEST_PIECE = 8 << 20
ZIP = ".zip"
_OTHER_ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".zst")
_LARGEST_PICTURE, _LARGEST_CAPTION = 512 << 20, 1 << 20
_MOST_FILES, _LONGEST_NAME = 20_000, 1000
_RESERVE = 1 << 30  # bytes of the disk that are left to trainings
_KEPT = 7 * 86400  # seconds that pieces of an upload which never ended are kept
_ID = re.compile(r"[0-9a-f]{32}")
_LIST, _PLACING = "upload.json", "placing"


@dataclass(frozen=True)
class Staged:
    """One file of an upload. `part`: where its pieces are."""

    name: str
    size: int
    part: Path

    @property
    def have(self) -> int:
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0


@dataclass(frozen=True)
class Upload:
    """What one press on Upload sends: its files, in their order, into `folder`, which is the project's dataset."""

    id: str
    place: Path
    project: str
    folder: Path
    files: tuple[Staged, ...]


class Staging:
    """All uploads of a data folder. Safe from several threads."""

    def __init__(self, data: Path) -> None:
        self.root = data / "cache" / "uploads"
        self._parts = self.root / "parts"
        self._lock = threading.Lock()

    def begin(self, project: str, folder: Path, asked: Any) -> tuple[Upload, list[int | None], list[dict[str, str]]]:
        """A new upload, how many bytes of each asked file are here already (None: it is not wanted), and why those aren't."""
        self._forget_old()
        files, have, left_out = [], [], []
        for number, (name, size, modified) in enumerate(_checked(asked)):
            try:
                wanted = _accepted(name, size)
            except Refused as why:
                left_out.append(told(name, why))
                wanted = False
            if not wanted:
                have.append(None)
                continue
            one = Staged(name, size, self._parts / f"{_key(project, name, size, modified)}.part")
            have.append(min(one.have, size))
            files.append((number, one))
        self._must_fit(sum(one.size - one.have for _, one in files))
        upload = self._upload(secrets.token_hex(16), project, folder, tuple(one for _, one in files))
        write_json(
            self.root / upload.id / _LIST,
            {
                "project": project,
                "folder": str(folder),
                "files": [{"name": one.name, "size": one.size, "part": one.part.name} for one in upload.files],
                "numbers": [number for number, _ in files],
            },
        )
        return upload, have, left_out

    def get(self, upload_id: Any) -> Upload:
        content = self._read(upload_id)
        files = tuple(Staged(one["name"], one["size"], self._parts / one["part"]) for one in content["files"])
        return self._upload(str(upload_id), content["project"], Path(content["folder"]), files)

    def _upload(self, upload_id: str, project: str, folder: Path, files: tuple[Staged, ...]) -> Upload:
        return Upload(upload_id, self.root / upload_id, project, folder, files)

    def _read(self, upload_id: Any) -> dict[str, Any]:
        if isinstance(upload_id, str) and _ID.fullmatch(upload_id):
            try:
                return read_json(self.root / upload_id / _LIST)
            except (OSError, ValueError):
                pass  # it has ended, or the cache was removed
        raise Refused("This upload is no longer known: choose the files again; what has arrived is not sent again.", MISSING)

    def add(self, upload_id: Any, number: int, at: int, content: bytes) -> int:
        """Puts a piece behind those that are there; returns how many bytes are there now.

        A piece that does not begin there changes nothing: the answer then says where to go on.
        """
        known = self._read(upload_id)
        if number not in known["numbers"]:
            raise Refused("The upload has no such file.", MISSING)
        one = known["files"][known["numbers"].index(number)]
        part = self._parts / one["part"]
        with self._lock:
            have = part.stat().st_size if part.is_file() else 0
            if at != have or not content:
                return have
            if have + len(content) > one["size"]:
                raise Refused(f"{one['name']} is larger than was said: choose it again.", TOO_LARGE)
            self._must_fit(len(content))
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("ab") as file:
                file.write(content)
            return have + len(content)

    def whole(self, upload: Upload) -> None:
        """Refused where a file has not arrived to its end; files that an earlier try has placed already are gone from here."""
        if (upload.place / _PLACING).exists():
            return
        for one in upload.files:
            if one.have != one.size:
                raise Refused(f"{one.name} has not arrived whole: choose it again, and the rest of it is sent.", NOT_NOW)

    def mark_placing(self, upload: Upload) -> None:
        """From now on missing pieces are no fault: they are in the dataset."""
        (upload.place / _PLACING).touch()

    def forget(self, upload_id: Any) -> None:
        """Removes an upload and its pieces."""
        upload = self.get(upload_id)
        for one in upload.files:
            one.part.unlink(missing_ok=True)
        shutil.rmtree(self.root / upload.id, ignore_errors=True)

    def _must_fit(self, size: int) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if size > free - _RESERVE:
            raise Refused(
                f"The server's disk has {free / 1e9:.1f} GB left, and this needs {size / 1e9:.1f} GB and 1 GB to spare: "
                "make room there first.",
                TOO_LARGE,
            )

    def _forget_old(self) -> None:
        limit = time.time() - _KEPT
        for path in [*self._parts.glob("*.part"), *self.root.glob(f"*/{_LIST}")]:
            with contextlib.suppress(FileNotFoundError):  # another upload has ended just now
                if path.stat().st_mtime < limit:
                    shutil.rmtree(path.parent, ignore_errors=True) if path.name == _LIST else path.unlink(missing_ok=True)


def _checked(asked: Any) -> Sequence[tuple[str, int, int]]:
    if not isinstance(asked, list) or not asked:
        raise Refused("No files are chosen.")
    if len(asked) > _MOST_FILES:
        raise Refused(f"One upload may have {_MOST_FILES} files: put them into a zip file.", TOO_LARGE)
    return [_one(file) for file in asked]


def _one(file: Any) -> tuple[str, int, int]:
    if not isinstance(file, Mapping):
        raise Refused("files must be names, sizes and times.")
    name, size, modified = file.get("name"), file.get("size"), file.get("modified", 0)
    good = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and all(_is_count(one) for one in (size, modified))
    if not good:
        raise Refused("files must be names, sizes and times.")
    return name, size, modified


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 60


def _accepted(name: str, size: int) -> bool:
    """Whether the file is wanted; Refused, with the reason, where its sender should know why not."""
    if is_system_file(name):
        return False
    kind = kind_of(name)
    if kind in _OTHER_ARCHIVES:
        raise Refused("only .zip files are unpacked; pack it as one")
    if kind == ZIP:
        return True
    check_size(cleaned(name), size)
    return True


def check_size(name: str, size: int) -> None:
    """Refused, with the reason, for a picture or caption that can't be one."""
    is_caption = kind_of(name) in CAPTION_EXTENSIONS
    if not size and not is_caption:
        raise Refused("it is empty")
    if size > (_LARGEST_CAPTION if is_caption else _LARGEST_PICTURE):
        raise Refused(f"it is larger than {(_LARGEST_CAPTION if is_caption else _LARGEST_PICTURE) >> 20} MB")


def _key(project: str, name: str, size: int, modified: int) -> str:
    words = f"{project}\0{name}\0{size}\0{modified}".encode("utf-8", "replace")
    return hashlib.sha256(words).hexdigest()[:32]
