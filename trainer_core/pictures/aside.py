"""Pictures that are not to be trained, set aside with what belongs to them, and put back: nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..picture_names import READABLE, is_picture
from ..problems import UserError

# Hidden, so that no scan takes it for pictures. Each file keeps its place below it: the folder itself says what is aside.
FOLDER = Path(".lora_workbench") / "aside"


@dataclass
class Moved:
    """Names (from the dataset's folder) that were moved, and those that stay: (name, why)."""

    moved: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def set_aside(root: Path, names: Sequence[str]) -> Moved:
    """Moves pictures with their captions and masks out of the training; UserError for one that isn't there."""
    for name in names:
        if not (root / name).is_file() or not (root / name).parent.resolve().is_relative_to(root.resolve()):
            raise UserError(f"There is no picture {name} in {root}: nothing was set aside.")
    return _move(names, root, root / FOLDER)


def put_back(root: Path, names: Sequence[str] | None = None) -> Moved:
    """Moves pictures back to where they were; None: all that are aside. UserError for one that isn't."""
    there = aside_in(root)
    for name in names or ():
        if name not in there:
            raise UserError(f"{name} was not set aside in {root}: nothing was put back.")
    return _move(there if names is None else names, root / FOLDER, root)


def aside_in(root: Path) -> list[str]:
    """The pictures that are aside, by name."""
    folder = root / FOLDER
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_any_picture(path.name))
    return sorted(names, key=str.lower)


def _move(names: Sequence[str], source: Path, target: Path) -> Moved:
    done = Moved()
    for name in names:
        taken = next((path for path, to in _files(source / name, source, target) if to.exists()), None)
        if taken is not None:
            done.left.append((name, f"another {taken.name} is there already"))
            continue
        try:
            for path, to in _files(source / name, source, target):  # the picture first: a caption alone trains nothing
                to.parent.mkdir(parents=True, exist_ok=True)
                path.rename(to)
        except OSError as error:
            done.left.append((name, error.strerror or str(error)))
            continue
        done.moved.append(name)
    return done


def _files(picture: Path, source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """The picture, then what has its name and another ending, unless a second picture of that name needs it; with where to."""
    beside = sorted(
        path for path in picture.parent.iterdir() if path.stem == picture.stem and path != picture and path.is_file()
    )
    shared = any(_is_any_picture(path.name) for path in beside)
    for path in [picture] if shared else [picture, *beside]:
        yield path, target / path.relative_to(source)


def _is_any_picture(name: str) -> bool:
    return is_picture(name) or (name.lower().endswith(READABLE) and not name.startswith("."))
