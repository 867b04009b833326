"""How far a loop is, for people and for programs; reads files only, so that it may be asked at any moment."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..events import is_alive
from . import decisions
from .project import ACCEPTED, LEFT_OUT, PLANNED, REJECTED, WAITING, Project, caption_of, read_project

_DECIDED = (ACCEPTED, REJECTED, LEFT_OUT)


def status(folder: Path) -> dict[str, Any]:
    """The loop with what is written in its file of decisions, whether or not a process has taken it in yet."""
    project = read_project(folder)
    notes: list[str] = []
    if project.rounds and not project.rounds[-1].closed:
        _, notes, _ = decisions.taken_in(project)
    return {
        "folder": str(folder),
        "tag": project.options.tag,
        "rounds": project.options.rounds,
        "round": len(project.rounds),
        "phase": phase(project),
        "alive": is_alive(folder),
        "next_pictures": project.members(),
        "by_round": [_round(project, number) for number in range(1, len(project.rounds) + 1)],
        "pictures": [
            {**asdict(one), "name": name, "path": str(project.path(name)), "caption": caption_of(one)}
            for name, one in project.pictures.items()
        ],
        "notes": notes,
    }


def phase(project: Project) -> str:
    """training, drawing, choosing, next (a round is to begin) or done."""
    if not project.rounds:
        return "next"
    current = project.rounds[-1]
    if current.closed:
        return "next"
    if not current.lora:
        return "training"
    if current.number >= project.options.rounds:
        return "done"
    if not current.attempts or project.of_round(current.number, PLANNED):
        return "drawing"
    return "choosing"


def text(told: dict[str, Any]) -> str:
    """For the terminal."""
    words = {
        "training": "trains", "drawing": "draws candidates", "choosing": "waits for decisions",
        "next": "is about to begin the next round", "done": "is done",
    }  # fmt: skip
    lines = [f"{told['folder']}: round {told['round']} of {told['rounds']}, {words[told['phase']]}."]
    lines[0] += "" if told["alive"] or told["phase"] == "done" else " No process works on it: the same command goes on."
    for one in told["by_round"]:
        parts = ["1 picture" if one["pictures"] == 1 else f"{one['pictures']} pictures"]
        parts += [f"{one['lora']}"] if one["lora"] else []
        parts += [f"{one[state]} {state}" for state in (*_DECIDED, WAITING) if one[state]]
        lines.append(f"  round {one['number']}: " + ", ".join(parts))
    waiting = [one["name"] for one in told["pictures"] if one["state"] == WAITING]
    if waiting:
        lines.append("Waiting: " + " ".join(waiting))
    return "\n".join([*lines, *(f"warning: {note}" for note in told["notes"])])


def _round(project: Project, number: int) -> dict[str, Any]:
    one, drawn = project.rounds[number - 1], project.of_round(number)
    counts = {state: sum(picture.state == state for picture in drawn.values()) for state in (*_DECIDED, WAITING, PLANNED)}
    return {
        "number": number,
        "pictures": len(one.pictures),
        "lora": one.lora,
        "steps": one.steps,
        "attempts": one.attempts,
        "closed": one.closed,
        "accepted_names": [name for name, picture in drawn.items() if picture.state == ACCEPTED],
        **counts,
    }
