"""Who decides needs no running loop: decisions are lines of a plain file, written by hand, by a command or by the tab.

    accept r01-003.png r01-007.png
    reject r01-001.png
    add added/mended.png from r01-002.png
    next

undo takes back what was decided of a picture while its round is open; drop takes an accepted picture out of later rounds;
next ends the round's choosing. Lines are only ever added; what is decided later goes before what was decided earlier.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..problems import UserError
from ..text_files import decode
from .project import ACCEPTED, ADDED, LEFT_OUT, REJECTED, WAITING, Picture, Project, now

FILE = "decisions.txt"
VERBS = ("accept", "reject", "undo", "drop")
_STATES = {"accept": ACCEPTED, "reject": REJECTED, "undo": WAITING}
_DECIDABLE = (WAITING, ACCEPTED, REJECTED, LEFT_OUT)


@dataclass(frozen=True)
class Decision:
    """One line. `names`: the pictures; for `add` the file, and the picture that it was made from where one is given."""

    what: str
    names: tuple[str, ...]
    line: int


def write(folder: Path, lines: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Adds lines at the file's end in one go; they are on the disk when this returns."""
    path = folder / FILE
    text = "".join(" ".join([what, *names]) + "\n" for what, names in lines)
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # an editor's or a killed process's last line must not swallow ours
                text = "\n" + text
        file.write(text.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> tuple[list[Decision], list[str]]:
    """All lines, and a sentence for each that can't be understood."""
    try:
        text = decode((folder / FILE).read_bytes())[0]
    except FileNotFoundError:
        return [], []
    found, wrong = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        what, names = words[0].lower(), tuple(word for word in words[1:] if word != "from" or words[0].lower() != "add")
        if (what in VERBS and names) or (what == "next" and not names) or (what == "add" and 1 <= len(names) <= 2):
            found.append(Decision(what, names, number))
        else:
            wrong.append(f"{folder / FILE}, line {number}: {line.strip()!r} is no decision, such as: accept r01-003.png.")
    return found, wrong


def taken_in(project: Project) -> tuple[bool, list[str], int]:
    """Brings the file's decisions about the open round into the project, in memory.

    Whether they end the round's choosing by `next`, a sentence for each that can't be carried out, and how many lines there
    are. What was decided in closed rounds stands; only `drop` reaches back.
    """
    decisions, wrong = read(project.folder)
    begin = project.rounds[-1].decisions_before if project.rounds else 0
    ended, last = False, {}
    for decision in decisions[begin if begin <= len(decisions) else 0 :]:
        if decision.what == "next":
            ended = True
        elif decision.what == "add":
            wrong += _add(project, decision)
        else:
            for name in decision.names:
                last[name, decision.what == "drop"] = decision
    for (name, _), decision in last.items():
        wrong += _decide(project, decision, name)
    return ended, wrong, len(decisions)


def _decide(project: Project, decision: Decision, name: str) -> list[str]:
    one = project.pictures.get(name)
    if one is None:
        return [f"{project.folder / FILE}, line {decision.line}: there is no picture {name}."]
    if decision.what == "drop":
        one.dropped = True
        return []
    current = project.rounds[-1] if project.rounds else None
    if not (current and not current.closed and one.round == current.number and one.state in _DECIDABLE and one.kind == "drawn"):
        if one.state == ACCEPTED:
            return [
                f"{project.folder / FILE}, line {decision.line}: the round of {name} is closed; "
                "drop takes it out of later rounds."
            ]
        return [f"{project.folder / FILE}, line {decision.line}: the round of {name} is closed."]
    if decision.what == "undo" and one.decided:
        one.state, one.decided = WAITING, {}
    elif decision.what != "undo" and (one.state, one.decided.get("by")) != (_STATES[decision.what], "person"):
        one.state, one.decided = _STATES[decision.what], {"by": "person", "how": decision.what, "time": now()}
    return []


def _add(project: Project, decision: Decision) -> list[str]:
    file, source = decision.names[0], (*decision.names, "")[1]
    path = project.folder / file
    name = path.name
    if name in project.pictures:
        return []
    if path.parent != project.folder / ADDED or not path.is_file():
        return [f"{project.folder / FILE}, line {decision.line}: {file} is not in {project.folder / ADDED}: use --add."]
    project.pictures[name] = Picture(
        kind="added", state=ACCEPTED, file=file, round=len(project.rounds), source=source,
        decided={"by": "person", "how": "add", "time": now()},
    )  # fmt: skip
    return []


def require_known(project: Project, lines: Sequence[tuple[str, Sequence[str]]]) -> None:
    """UserError for a picture that the loop has not; before anything is written."""
    for _, names in lines:
        for name in names:
            if name not in project.pictures:
                raise UserError(f"There is no picture {name} in {project.folder}: --status names those that wait.")
