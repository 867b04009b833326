"""What a loop knows: one JSON file with its options, its rounds and where every picture is from.

Only the process that works in the folder writes it, always whole, so that whoever reads it sees one moment of the loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..problems import UserError
from .options import LoopOptions

NAME, PROMPTS, START, ADDED, ROUNDS, CANDIDATES = "loop.json", "prompts.txt", "start", "added", "rounds", "candidates"
# What becomes of a picture: a planned one has no file yet.
PLANNED, WAITING, ACCEPTED, REJECTED, LEFT_OUT = "planned", "waiting", "accepted", "rejected", "left out"
_VERSION = 1


@dataclass
class Picture:
    """One picture. `file` is relative to the loop's folder; what is not known, or has no meaning for it, is empty.

    kind: start (it was there), drawn (a candidate) or added (the user's own work on one). `source`: for a drawn one the
    training picture that it is most like, with its `distance`; else the file or picture that it was made from.
    `decided`: {"by": person or rule, "how": …, "time": …}. `joined`: {number of a round: its caption when that began}.
    """

    kind: str
    state: str
    file: str
    round: int = 0
    request: dict[str, Any] = field(default_factory=dict)
    checkpoint: str = ""
    checkpoint_sha256: str = ""
    lora: str = ""
    lora_sha256: str = ""
    strength: float | None = None
    style: str = ""
    infotext: str = ""
    sha256: str = ""
    source: str = ""
    distance: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)
    dropped: bool = False


@dataclass
class Round:
    """One training and the candidates drawn with it.

    `closed`: when its decisions were complete, "" before. `decisions_before`: lines in the file of decisions that were there
    for earlier rounds.
    """

    number: int
    begun: str
    pictures: list[str]
    lora: str = ""
    lora_sha256: str = ""
    steps: int = 0
    attempts: int = 0
    decisions_before: int = 0
    closed: str = ""


@dataclass
class Project:
    """The content of loop.json."""

    folder: Path
    options: LoopOptions
    training: dict[str, Any]
    rounds: list[Round] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)

    def save(self) -> None:
        write_json(
            self.folder / NAME,
            {
                "version": _VERSION,
                "options": self.options.as_dict(),
                "training": self.training,
                "rounds": [asdict(one) for one in self.rounds],
                "pictures": {name: _said(one) for name, one in self.pictures.items()},
            },
        )

    def path(self, name: str) -> Path:
        """Where the picture of that name lies."""
        return self.folder / self.pictures[name].file

    def round_folder(self, number: int) -> Path:
        return self.folder / ROUNDS / f"{number:02d}"

    def lora(self, number: int) -> Path:
        return self.folder / self.rounds[number - 1].lora

    def of_round(self, number: int, *states: str) -> dict[str, Picture]:
        """The pictures that were drawn in a round, of these states where some are given."""
        return {
            name: one
            for name, one in self.pictures.items()
            if one.kind == "drawn" and one.round == number and (not states or one.state in states)
        }

    def members(self) -> list[str]:
        """The pictures that the next training has."""
        return [name for name, one in self.pictures.items() if one.state == ACCEPTED and not one.dropped]

    def free_stem(self, stem: str) -> str:
        """A stem that no picture has yet: two of one stem would share a caption."""
        taken = {Path(name).stem.lower() for name in self.pictures}
        plain = re.sub(r"[^\w.-]+", "_", stem).strip("._") or "picture"
        candidate, number = plain, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{plain}-{number}"
        return candidate


def read_project(folder: Path) -> Project:
    """The loop in a folder; UserError where there is none, or its file was damaged by hand."""
    path = folder / NAME
    if not path.is_file():
        raise UserError(f"There is no loop in {folder}: begin one with --start and a picture.")
    try:
        content = read_json(path)
        if content.get("version") != _VERSION:
            raise ValueError(f"its version is {content.get('version')!r}")
        return Project(
            folder,
            LoopOptions(**_known(LoopOptions, content["options"])),
            dict(content["training"]),
            [Round(**_known(Round, one)) for one in content["rounds"]],
            {name: Picture(**_known(Picture, one)) for name, one in content["pictures"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} can't be read ({error}): put its last good state back.") from error


def caption_of(one: Picture) -> str:
    """The caption with which a picture was last trained, "" before."""
    return one.joined[max(one.joined, key=int)] if one.joined else ""


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    plain = {name: value for name, value in values.items() if name in names}
    return (
        {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
        if kind is LoopOptions
        else plain
    )


def _said(picture: Picture) -> dict[str, Any]:
    """Without what is empty, so that a person finds what is there."""
    return {name: value for name, value in asdict(picture).items() if not (value in ("", None, {}) or value is False)}


def named(names: Iterable[str], most: int = 10) -> str:
    """For sentences: the first names, and how many more there are."""
    several = list(names)
    return ", ".join(several[:most]) + (f" and {len(several) - most} more" if len(several) > most else "")
