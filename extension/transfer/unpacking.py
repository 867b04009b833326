"""What is in a zip file: its pictures and captions, one by one. A name that leads out, a link, a bomb or damage is a sentence
of its own, and stops nothing else."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import TOO_LARGE, Refused
from .names import cleaned, common_folder, is_system_file, told
from .staging import check_size

_MOST_MEMBERS = 50_000
_MOST_TIMES, _ALWAYS = 100, 1 << 30  # a zip of pictures hardly shrinks; one that grows a hundredfold is made to fill disks
_UTF8 = 0x800  # the flag of names in UTF-8
_LOCKED = 0x1


@dataclass(frozen=True)
class Member:
    """A file of the zip that is wanted, and what it is called in the dataset."""

    name: str
    info: zipfile.ZipInfo


@dataclass(frozen=True)
class Contents:
    """What a zip holds; `left_out`: names with the reason."""

    members: tuple[Member, ...]
    left_out: tuple[dict[str, str], ...]


def look_into(path: Path, called: str) -> Contents:
    """The zip's members by its directory alone; nothing is unpacked. Refused with one sentence where it is none, or a trap."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [one for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise Refused(f"{called} is no whole zip file: pack it anew.") from None
    if len(infos) > _MOST_MEMBERS:
        raise Refused(f"{called} has more than {_MOST_MEMBERS} files: make several of it.", TOO_LARGE)
    size = sum(one.file_size for one in infos)
    if size > max(_ALWAYS, _MOST_TIMES * path.stat().st_size):
        raise Refused(f"{called} would become {size / 1e9:.0f} GB, far more than pictures do: it is not unpacked.", TOO_LARGE)
    if size > shutil.disk_usage(path.parent).free - _ALWAYS:
        raise Refused(
            f"{called} needs {size / 1e9:.1f} GB when it is unpacked, and the server's disk has less: make room.", TOO_LARGE
        )
    named = [(_name(one), one) for one in infos]
    named = [(name, one) for name, one in named if not is_system_file(name)]
    outer = common_folder(name for name, _ in named)
    members, left_out = [], []
    for name, one in named:
        try:
            members.append(Member(_wanted(name.removeprefix(outer), one), one))
        except Refused as why:
            left_out.append(told(name, why))
    return Contents(tuple(members), tuple(left_out))


def _wanted(name: str, info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Refused("it is a link")
    if info.flag_bits & _LOCKED:
        raise Refused("it is locked by a password")
    clean = cleaned(name)
    check_size(clean, info.file_size)
    return clean


def unpack(path: Path, members: tuple[Member, ...], place: Path) -> Iterator[tuple[Member, Path | None, str]]:
    """Each member with the file it was unpacked into, or None and why it could not be."""
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as archive:
        for number, one in enumerate(members):
            target = place / f"{number}.part"
            try:
                with archive.open(one.info) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                yield one, target, ""
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
                target.unlink(missing_ok=True)
                yield one, None, "it is damaged in the zip file"
            except (NotImplementedError, RuntimeError):
                target.unlink(missing_ok=True)
                yield one, None, "it is packed in a way that is not understood"


def _name(info: zipfile.ZipInfo) -> str:
    """The name as its packer meant it: without the flag it may be UTF-8 (Macs) or the code page of a Chinese Windows."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        written = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return written.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename
