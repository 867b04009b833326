"""Writing one caption file so that it is the old one or the new one at every moment. Standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_bytes(path: Path) -> bytes | None:
    """The file's bytes, None where there is no file."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  twice as fast, which thousands of files feel
            return file.readall()
    except FileNotFoundError:
        return None


def put(path: Path, content: bytes | None, number: int) -> None:
    """The file gets the content, or where that is None goes away; its rights stay, and a link stays a link. Raises OSError.

    Not synced one by one: the journal has the content, and `sync_all` comes after the last file.
    """
    if content is None:
        path.unlink(missing_ok=True)
        return
    mode = None
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            path = path.resolve()
            found = os.stat(path)
        mode = stat.S_IMODE(found.st_mode)
    except FileNotFoundError:
        pass
    temporary = _temporary(path, number)
    try:
        with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123
            file.write(content)
            if os.name != "posix":
                os.fsync(file.fileno())
        if mode is not None and stat.S_IMODE(os.stat(temporary).st_mode) != mode:
            os.chmod(temporary, mode)  # noqa: PTH101
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget(path: Path, number: int) -> None:
    """Removes what a killed `put` may have left beside the file."""
    Path(_temporary(path.resolve() if path.is_symlink() else path, number)).unlink(missing_ok=True)


def _temporary(path: Path, number: int) -> str:
    """The same name after a crash, so that it can be found again."""
    return f"{path.parent}{os.sep}.{path.name}.{number:06d}.tmp"


def sync_all() -> None:
    """Waits until everything written is on the disk: one wait, where one a file would make thousands take minutes."""
    if os.name == "posix":
        os.sync()
