"""Finds a Python that the trainer's environment can be made with."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.problems import UserError
from .processes import ask

OLDEST, NEWEST = (3, 10), (3, 13)
NEEDED = ("ssl", "venv", "ensurepip", "bz2", "zlib", "ctypes")
_PROBE = f"""
import json, sys
missing = []
for name in {NEEDED!r}:
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print(json.dumps([sys.executable, list(sys.version_info[:3]), missing, sys.maxsize > 2**32]))
"""


@dataclass(frozen=True)
class Python:
    """An interpreter as it described itself."""

    path: Path
    version: tuple[int, ...]
    missing: tuple[str, ...]
    is_64_bit: bool

    @property
    def objection(self) -> str:
        """Why the trainer's environment can't be made with it; empty where it can."""
        number = ".".join(str(part) for part in self.version)
        if not OLDEST <= self.version[:2] <= NEWEST:
            return f"is Python {number}, but {_shown(OLDEST)} to {_shown(NEWEST)} is needed"
        if not self.is_64_bit:
            return f"is a 32-bit Python {number}, but PyTorch needs 64 bits"
        if self.missing:
            return f"(Python {number}) lacks the module{'s' * (len(self.missing) > 1)} {', '.join(self.missing)}"
        return ""


def find_python(given: Path | None, candidates: Sequence[Path] | None = None) -> tuple[Python, str]:
    """A fitting Python, the given (or running) one first, and a notice where another one is taken.

    Raises UserError that says what the first lacks and how to get a fitting one.
    """
    first = given or Path(sys.executable)
    python = describe(first)
    objection = f"{first} {python.objection}" if python else f"{first} can't be run as a Python"
    if python and not python.objection:
        return python, ""
    for path in _others() if candidates is None else candidates:
        other = describe(path)
        if other and not other.objection:
            return other, f"{objection}; {other.path} is taken in its place."
    raise UserError(f"{objection}, and no other Python that would do was found; {_how_to_get_one(python)}")


def describe(path: Path) -> Python | None:
    """What the interpreter says of itself, or None where it can't be run."""
    answer = ask([path, "-I", "-c", _PROBE])
    try:
        executable, version, missing, is_64_bit = json.loads(answer or "")
    except ValueError:
        return None
    return Python(Path(executable), tuple(version), tuple(missing), is_64_bit)


def _others() -> Iterator[Path]:
    """Other interpreters in the usual places, the most tried versions first."""
    versions = [f"3.{minor}" for minor in (11, 10, 12, 13)]
    for version in versions:
        found = shutil.which(f"python{version}")
        if found:
            yield Path(found)
    if os.name == "nt":
        for version in versions:
            answer = ask(["py", f"-{version}", "-I", "-c", "import sys; print(sys.executable)"])
            if answer:
                yield Path(answer.strip())
        programs = Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python"
        for version in versions:
            yield programs / f"Python{version.replace('.', '')}" / "python.exe"
    for version in versions:
        for folder in (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"):
            yield from sorted(folder.glob(f"*{version}.*/bin/python{version}"))
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def _how_to_get_one(python: Python | None) -> str:
    if os.name == "nt":
        return "install 64-bit Python 3.11 from https://www.python.org/downloads/windows/, then: py -3.11 install.py setup"
    if python and set(python.missing) & {"venv", "ensurepip"} and not set(python.missing) - {"venv", "ensurepip"}:
        version = _shown(python.version[:2])
        return f"on Debian and Ubuntu `sudo apt install python{version}-venv` adds it; else give another one: --python PATH."
    return (
        "install Python 3.11 with your system's packages (python3.11 and python3.11-venv), with pyenv or with "
        "`uv python install 3.11`, then give it: --python PATH. A Python you build yourself needs the headers of OpenSSL, "
        "bzip2, zlib and libffi first."
    )


def _shown(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)
