"""Begins a loop: the first pictures and the project's suite of prompts are copied in, then loop.json says that it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import file_sha256, free_name, write_atomically
from ..generate.prompts_file import read_sample_prompts
from ..generate.request import Request
from ..grids.suites import SUBJECT, suites
from ..problems import UserError, WordsError
from ..text_files import decode
from .options import LoopOptions
from .project import ACCEPTED, ADDED, PROMPTS, START, Picture, Project, now
from .words import Actions

_SUITES = ("first_look", "other_clothes", "other_background")


def begin(actions: Actions, options: LoopOptions, training: dict[str, Any]) -> Project:
    """The new project, saved; nothing counts as begun before loop.json is there."""
    project, text = Project(actions.folder, options, training), _prompts_text(actions)
    for path in actions.start:
        name = _copied(project, path, START)
        project.pictures[name] = Picture(
            kind="start", state=ACCEPTED, file=f"{START}/{name}", source=str(path.absolute()),
            sha256=file_sha256(path), decided={"by": "person", "how": "start", "time": now()},
        )  # fmt: skip
    write_atomically(actions.folder / PROMPTS, text)
    prompts(project, Request(""))
    project.save()
    return project


def require_beginning(actions: Actions, training: dict[str, Any]) -> None:
    """Raises UserError where something is missing to begin with, before anything is written."""
    if not actions.start:
        raise UserError(f"There is no loop in {actions.folder}: begin one with --start and a picture, one is enough.")
    if not training.get("pretrained_model_name_or_path"):
        raise WordsError("loop needs the base model: give --pretrained_model_name_or_path or a --config_file that names it.")
    for path in actions.start:
        _read(path)
    _prompts_text(actions)


def require_same_start(project: Project, start: Sequence[Path]) -> None:
    """The command that began the loop goes on with it too; other pictures come in with --add."""
    known = {one.sha256 for one in project.pictures.values() if one.kind == "start"}
    other = [path for path in start if not path.is_file() or file_sha256(path) not in known]
    if other:
        raise UserError(f"The loop in {project.folder} has begun without {other[0]}: take that picture in with --add.")


def prepare_added(project: Project, path: Path) -> str:
    """Copies a picture of the user's own into the loop's folder; its name there."""
    _read(path)
    return f"{ADDED}/{_copied(project, path, ADDED)}"


def prompts(project: Project, defaults: Request) -> list[Request]:
    """The project's suite with the activation tag in its place; UserError where it can't be read."""
    subject = project.options.tag
    for mark in "()[]":
        subject = subject.replace(mark, f"\\{mark}")
    found = read_sample_prompts(project.folder / PROMPTS, defaults).requests
    return [replace(one, prompt=one.prompt.replace(SUBJECT, subject)) for one in found]


def other_prompts(actions: Actions) -> bool:
    """Whether the words name other prompts than the project's suite has; that one counts."""
    if not (actions.prompt or actions.prompts or actions.suite):
        return False
    path = actions.folder / PROMPTS
    return not path.is_file() or decode(path.read_bytes())[0] != _prompts_text(actions)


def _copied(project: Project, path: Path, folder: str) -> str:
    """Copies the picture's bytes and its caption; the name that it has there."""
    target = project.folder / folder / f"{project.free_stem(path.stem)}{path.suffix.lower()}"
    if folder == ADDED:
        target = free_name(target)
    write_atomically(target, path.read_bytes())
    caption = path.with_suffix(".txt")
    if caption.is_file():
        write_atomically(target.with_suffix(".txt"), caption.read_bytes())
    return target.name


def _read(path: Path) -> None:
    from ...tagger.pictures import load_picture

    if not path.is_file():
        raise UserError(f"The picture {path} is missing: give a file that is there.")
    image = load_picture(path)
    if isinstance(image, str):
        raise UserError(f"{path} can't be taken as a picture: {image}.")


def _prompts_text(actions: Actions) -> str:
    """What prompts.txt begins with: given prompts, a given file and named suites, or the usual suites."""
    parts = ["# One prompt a line; SUBJECT stands for the activation tag. Changes count from the next candidates on.\n"]
    parts += [f"{prompt}\n" for prompt in actions.prompt]
    if actions.prompts:
        path = Path(actions.prompts).expanduser()
        if path.suffix.lower() != ".txt" or not path.is_file():
            raise WordsError(f"--prompts {path}: give a text file (.txt) with one prompt a line.")
        parts.append(decode(path.read_bytes())[0].rstrip("\n") + "\n")
    known = suites()
    for name in actions.suite or (() if len(parts) > 1 else _SUITES):
        if name not in known:
            raise WordsError(f"there is no suite {name}; there are {', '.join(sorted(known))}.")
        parts.append(decode(known[name].read_bytes())[0].rstrip("\n") + "\n")
    return "".join(parts)
