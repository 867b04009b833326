"""Stored lists of test prompts, usable by name; SUBJECT in them stands for the words of what was trained."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..files import data_folder
from ..problems import WordsError
from ..text_files import decode
from .prompts_file import read_sample_prompts
from .request import Request

FOLDER = Path(__file__).parent / "suites"
SUBJECT = "SUBJECT"


def suites() -> dict[str, Path]:
    """Names and files: the project's own, and those in the data folder's `suites`, which go before."""
    found = {}
    for folder in (FOLDER, data_folder() / "suites"):
        found |= {path.stem: path for path in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}
    return found


def suite_requests(names: Sequence[str], subject: str, defaults: Request) -> list[Request]:
    """The prompts of the named suites with the subject's words in their place."""
    known, found = suites(), []
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
