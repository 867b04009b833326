"""What a file from another machine is called here: inside the dataset, on every system, the same for picture and caption."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from ...trainer_core.picture_names import EXTENSIONS, READABLE
from ..asked_settings import CAPTION_EXTENSIONS
from ..errors import Refused
from ..rights import is_device, shown

PICTURES = (*EXTENSIONS, *READABLE)
_DEEPEST, _LONGEST = 4, 150
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f:*?"<>|\u202a-\u202e\u2066-\u2069]')
_REPEATS = re.compile(r"\d+_.")  # kohya's `4_penny`, which says how often a picture is seen
_OF_SYSTEMS = frozenset(("__macosx", "thumbs.db", "desktop.ini"))


def is_system_file(name: str) -> bool:
    """Whether a system put it there and nobody misses it: `.DS_Store`, `__MACOSX/._a.png`, `Thumbs.db`."""
    return any(part.startswith(".") and part != ".." or part.lower() in _OF_SYSTEMS for part in _parts(name))


def cleaned(name: str) -> str:
    """The name in the dataset, with `/`; Refused, with the reason alone, for what does not belong there."""
    parts = _parts(name)
    if not parts or ".." in parts or name[:1] in ("/", "\\") or re.match(r"[A-Za-z]:[/\\]", name):
        raise Refused("its name leads out of the folder")
    if len(parts) > _DEEPEST:
        raise Refused("it lies too deep in folders")
    kind = kind_of(name)
    if kind not in (*PICTURES, *CAPTION_EXTENSIONS):
        raise Refused("it is no picture and no caption")
    *folders, file = parts
    return "/".join([*map(_plain, folders), _plain(file[: -len(kind)]) + kind])


def kind_of(name: str) -> str:
    """The extension in small letters, with its dot."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def common_folder(names: Iterable[str]) -> str:
    """The one folder that everything lies in, with its `/`, where it says nothing about the training; else ""."""
    firsts = {parts[0] if len(parts := _parts(name)) > 1 else "" for name in names}
    only = firsts.pop() if len(firsts) == 1 else ""
    return f"{only}/" if only and only != ".." and not _REPEATS.match(only) else ""


def _parts(name: str) -> list[str]:
    """Names from Macs have accents apart from their letters; here a picture and its caption are spelled alike."""
    return [part for part in unicodedata.normalize("NFC", name).replace("\\", "/").split("/") if part not in ("", ".")]


def _plain(part: str) -> str:
    """A part of a name that every system can have."""
    plain = _FORBIDDEN.sub("_", part).strip(" .") or "_"
    if is_device(plain):
        plain = f"_{plain}"
    if len(content := plain.encode("utf-8", "replace")) > _LONGEST:
        cut = content[: _LONGEST - 9].decode("utf-8", "ignore")
        plain = f"{cut}-{hashlib.sha256(content).hexdigest()[:8]}"
    return plain


def told(name: str, why: Refused | str) -> dict[str, str]:
    """One file that was left out, as the page shows it."""
    return {"name": shown(name)[1:-1], "why": str(why)}
