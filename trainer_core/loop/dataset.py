"""A round's own training folder: copies of the pictures so far with their captions, there as a whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ...tagger.batch import Plan, tag_folder
from ...tagger.captions import Change, caption_file, planned, read_caption, split_tags
from ...tagger.hub import find_or_download
from ...tagger.journal import apply_changes
from ...tagger.results import Choice
from ..files import data_folder, write_atomically
from ..problems import UserError
from .project import Project, Round

PICTURES = "pictures"


def pictures_folder(project: Project, number: int) -> Path:
    """What is given to the training as train_data_dir."""
    return project.round_folder(number) / PICTURES


def subset(project: Project, number: int) -> Path | None:
    """The folder within that holds the round's pictures; None before it is made."""
    whole = pictures_folder(project, number)
    return next((path for path in sorted(whole.iterdir()) if path.is_dir()), None) if whole.is_dir() else None


def gather(project: Project, current: Round, stop: Callable[[], bool]) -> bool:
    """Makes the round's folder where it isn't there and notes the captions; False where `stop` came first.

    A picture that the round before had is taken from there, with the caption as the user may have changed it.
    """
    whole = pictures_folder(project, current.number)
    if not whole.is_dir() and not _made(project, current, whole, stop):
        return False
    folder = subset(project, current.number)
    for name in current.pictures if folder else ():
        project.pictures[name].joined[str(current.number)] = read_caption(caption_file(folder / name)).text
    return True


def _made(project: Project, current: Round, whole: Path, stop: Callable[[], bool]) -> bool:
    """The folder under another name first; nothing is left of it where it was stopped."""
    making = whole.with_name(f"{PICTURES}.making")
    shutil.rmtree(making, ignore_errors=True)
    folder = making / _folder_name(project, len(current.pictures))
    folder.mkdir(parents=True)
    before = subset(project, current.number - 1)
    for name in current.pictures:
        _copy(before / name if before and (before / name).is_file() else project.path(name), folder / name)
    if not _captioned(project, folder, stop):
        shutil.rmtree(making)
        return False
    making.rename(whole)
    return True


def _folder_name(project: Project, count: int) -> str:
    """kohya's `<repeats>_<name>`: few pictures are repeated until an epoch is worth its while."""
    plain = re.sub(r"[^\w -]+", "_", project.options.tag).strip() or "subject"
    return f"{max(1, round(project.options.per_epoch / count))}_{plain}"


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise UserError(f"{source} is missing: put it back, or take it out of the loop with --drop {source.name}.")
    write_atomically(target, source.read_bytes())
    if caption_file(source).is_file():
        write_atomically(caption_file(target), caption_file(source).read_bytes())


def _captioned(project: Project, folder: Path, stop: Callable[[], bool]) -> bool:
    """Tags what has no caption, and puts the activation tag first in all; False where it was stopped."""
    options = project.options
    model = find_or_download(options.tagger, data_folder() / "models" / "taggers")
    summary = tag_folder(
        folder,
        model,
        plan=Plan(first=[options.tag]),
        choice=Choice(threshold=options.threshold, exclude=[options.tag, *options.leave_out]),
        stop=stop,
    )
    if summary.skipped:
        path, reason = summary.skipped[0]
        raise UserError(f"{path.name} got no caption: {reason}.")
    if not summary.stopped:
        apply_changes(folder, _activations(project, folder), "the activation tag first")
    return not summary.stopped


def _activations(project: Project, folder: Path) -> list[Change]:
    changes = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".txt" and split_tags(read_caption(path).text)[:1] != [project.options.tag]:
            change = planned(read_caption(path), [], "append", [project.options.tag])
            changes += [change] if change else []
    return changes
