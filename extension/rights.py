"""What a request may do, and which paths it may name.

A webui that others can reach (`--listen`, `--share`) without `--enable-insecure-extension-access` is `restricted`: then every
path must lie inside the data folders, whatever links stand in its way, and nothing is run but jobs of our own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from .errors import FORBIDDEN, Refused

_LONGEST_PATH, _LONGEST_NAME = 4096, 100
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')
# Folders inside webui's own that hold programs: what is written there would be run at the next start.
CODE_FOLDERS = frozenset(
    (
        "backend",
        "config_states",
        "configs",
        "extensions",
        "extensions-builtin",
        "html",
        "javascript",
        "ldm_patched",
        "localizations",
        "modules",
        "modules_forge",
        "repositories",
        "scripts",
        "venv",
    )
)

_MARKS = ("extensions", "extensions-builtin", "modules")  # a folder with one of these is webui's own


@dataclass(frozen=True)
class Rights:
    """`readable`, `writable`: the folders that a restricted request may name paths in; others may name any path.

    `alone`: there is no webui, and other words of the command line lift the restriction.
    `login`: who asks has given a password. `listed`: files that the host offers to everyone, wherever their links lead.
    """

    restricted: bool = False
    hide_folders: bool = False
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    alone: bool = False
    login: bool = False
    listed: Callable[[], Collection[str]] = tuple

    def may_read(self, text: Any, what: str) -> Path:
        """The path, whole and without links where the request is restricted; Refused where it may not be named."""
        path = whole_path(text, what)
        if not self.restricted:
            return path
        try:
            return self._inside(path, self.readable, what)
        except Refused:
            if str(path) in self.listed():
                return path
            raise

    def may_hold_pictures(self, text: Any, what: str) -> Path:
        """As `may_read`, for a folder whose captions are written too: not one with webui's programs in it."""
        path = self.may_read(text, what)
        if self.restricted and any((path / name).is_dir() for name in _MARKS):
            raise self._outside(what)
        return path

    def may_write(self, text: Any, what: str) -> Path:
        path = whole_path(text, what)
        return self._inside(path, self.writable, what) if self.restricted else path

    def must_be_unrestricted(self, deed: str) -> None:
        """`deed`: what isn't allowed, as the beginning of a sentence."""
        if self.restricted and self.alone:
            raise Refused(
                f"{deed} is not allowed while others can reach this page: start it without --host and --name, or with "
                "--trust-network.",
                FORBIDDEN,
            )
        if self.restricted:
            raise Refused(
                f"{deed} is not allowed while others can reach this webui: start it without --listen and --share, or with "
                "--enable-insecure-extension-access.",
                FORBIDDEN,
            )

    def must_be_known(self, deed: str) -> None:
        """For what is the same whoever asks, as a set-up, or a model fetched by its name: behind a login it is allowed too."""
        if sentence := self.withheld(deed):
            raise Refused(sentence, FORBIDDEN)

    def withheld(self, deed: str) -> str:
        """Why such a deed is not allowed, and the mend; "" where it is."""
        if not self.restricted or self.login:
            return ""
        if self.alone:
            return (
                f"{deed} is not allowed while others can reach this page without a login: start it with --login "
                "NAME:PASSWORD, or with --trust-network."
            )
        return (
            f"{deed} is not allowed while others can reach this webui without a login: start it with --gradio-auth "
            "NAME:PASSWORD, or with --enable-insecure-extension-access."
        )

    def must_show_folders(self) -> None:
        if self.hide_folders:
            raise Refused("Folders are not shown: this webui was started with --hide-ui-dir-config.", FORBIDDEN)

    def _inside(self, path: Path, roots: tuple[Path, ...], what: str) -> Path:
        if _is_remote(str(path)) or any(is_device(part) for part in path.parts):
            raise self._outside(what)
        try:
            real = path.resolve()
        except (OSError, RuntimeError):  # a circle of links
            raise self._outside(what) from None
        for root in roots:
            below = relative_to(real, root)
            if below is not None and (not below.parts or below.parts[0].lower() not in CODE_FOLDERS):
                return real
        raise self._outside(what)

    def _outside(self, what: str) -> Refused:
        if self.alone:
            return Refused(
                f"{what} must lie in {self.writable[0]} while others can reach this page: choose a folder there, "
                "upload pictures by Files, or start it with --trust-network.",
                FORBIDDEN,
            )
        return Refused(
            f"{what} must lie in webui's data folders while others can reach this webui: choose a folder there, upload "
            "pictures by Files, or start it with --enable-insecure-extension-access.",
            FORBIDDEN,
        )


def whole_path(text: Any, what: str) -> Path:
    """An absolute path from a request's words; `~` is the home folder. Refused for anything else."""
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"{what} must be a path.")
    if "\0" in text or "\n" in text or len(text) > _LONGEST_PATH:
        raise Refused(f"{what} is not a path that a system could have.")
    try:
        path = Path(text.strip()).expanduser()
    except RuntimeError:  # no such user's home
        raise Refused(f"{what} begins with a home folder that is not there; write the whole path.") from None
    if not path.is_absolute():
        raise Refused(f"{what} must be a whole path, from the disk's root on, not {shown(text)}.")
    return path


def file_name(text: Any, what: str) -> str:
    """A name that is a plain file name on every system; Refused for paths, device names and what can't be seen."""
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"{what} must be given a name.")
    name = text.strip()
    if len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > 2 * _LONGEST_NAME:
        raise Refused(f"{what} is too long: {_LONGEST_NAME} letters are enough.")
    if _NOT_IN_NAMES.search(name) or name.startswith(".") or name.endswith((".", " ")) or is_device(name):
        raise Refused(f"{what} can't be {shown(name)}: use letters, digits, spaces, - and _.")
    return name


def inside(folder: Path, name: Any, what: str) -> Path:
    """A file below a folder by its name in it (`a.png`, `10_penny/a.png`); Refused where the words lead out of it."""
    if not isinstance(name, str) or not name or len(name) > _LONGEST_PATH:
        raise Refused(f"{what} must be the name of a file.")
    parts = PurePath(name).parts
    leads_out = "\0" in name or "\\" in name or ":" in name or PurePath(name).is_absolute() or ".." in parts or not parts
    if leads_out or any(is_device(part) for part in parts):
        raise Refused(f"{what} can't be {shown(name)}: it must be a file in {folder.name}.", FORBIDDEN)
    return folder / name


def is_device(name: str) -> bool:
    """Windows' names for devices, which are files in every folder."""
    return _DEVICES.fullmatch(name.strip()) is not None


def relative_to(path: Path, root: Path) -> Path | None:
    """The path from `root` on where it lies in it, links followed; else None."""
    try:
        return path.relative_to(root.resolve())
    except (ValueError, OSError, RuntimeError):
        return None


def shown(text: Any) -> str:
    """A value as an error may show it: quoted, cut, without anything that a terminal would obey."""
    quoted = repr(str(text))
    return quoted if len(quoted) <= 80 else quoted[:76] + "…" + quoted[-1]


def _is_remote(path: str) -> bool:
    """Shares and device paths of Windows, whose mere opening would call another machine."""
    return os.name == "nt" and path.replace("/", "\\").startswith("\\\\")
