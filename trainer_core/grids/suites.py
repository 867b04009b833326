"""Stored lists of test prompts, usable by name; SUBJECT in them stands for the words of what was trained."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..files import data_folder, write_atomically
from ..generate.prompts_file import read_sample_prompts
from ..generate.request import Request
from ..problems import UserError, WordsError
from ..text_files import decode

FOLDER = Path(__file__).parent / "suites"
SUBJECT = "SUBJECT"


def suites(project: str = "") -> dict[str, Path]:
    """Names and files: those that come with the program, the data folder's own, which go before, and the project's first."""
    found = {}
    for folder in (FOLDER, *([own_folder()] if not project else [own_folder(), own_folder(project)])):
        found |= {path.stem: path for path in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}
    return found


def own_folder(project: str = "") -> Path:
    """Where the user's suites lie: for all projects, or for one."""
    return data_folder() / "projects" / _plain_name(project) / "suites" if project else data_folder() / "suites"


def save_suite(name: str, text: str, project: str = "") -> Path:
    """Writes a suite of the user's own once its prompts can be read; the path. UserError with the line that can't."""
    path = own_folder(project) / f"{_plain_name(name)}.txt"
    _read(text, path, Request(""))
    write_atomically(path, text)
    return path


def remove_suite(name: str, project: str = "") -> None:
    """Takes away a suite of the user's own."""
    path = own_folder(project) / f"{_plain_name(name)}.txt"
    if not path.is_file():
        raise UserError(f"There is no suite of your own called {name}.")
    path.unlink()


def _plain_name(name: str) -> str:
    if not name or any(mark in name for mark in '/\\:*?"<>|\n') or name.strip(". ") != name:
        raise WordsError(f"{name!r} is not a name that a file can have: use letters, digits and underscores.")
    return name


def suite_requests(names: Sequence[str], subject: str, defaults: Request, project: str = "") -> list[Request]:
    """The prompts of the named suites with the subject's words in their place."""
    known, found = suites(project), []
    for name in names:
        path = known.get(name.replace("-", "_"), known.get(name))
        if path is None:
            raise WordsError(f"there is no suite {name}; there are {', '.join(sorted(known))}.")
        text = decode(path.read_bytes())[0]
        if SUBJECT in text and not subject:
            raise WordsError(f"the suite {name} needs --subject: the words of what was trained, such as its activation tag.")
        found += _read(text.replace(SUBJECT, subject), path, defaults)
    return found


def _read(text: str, path: Path, defaults: Request) -> list[Request]:
    """Through the reader of prompt files, so that a suite may say all that they may."""
    with tempfile.TemporaryDirectory() as folder:
        filled = Path(folder) / path.name
        filled.write_text(text, encoding="utf-8")
        return read_sample_prompts(filled, defaults).requests
