"""Pictures in formats that aren't trained, saved as PNG; the originals are put away where no scan looks, and can come back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..files import atomic_path
from ..picture_files import upright
from ..problems import UserError
from .moves import move_all

ORIGINALS = Path(".lora_workbench") / "originals"
Pairs = Sequence[tuple[Path, Path]]


def convert(root: Path, pairs: Pairs) -> list[Path]:
    """Writes each picture as its PNG and puts the original away; returns those that can't be read, which stay as they are.

    Of several pictures in a file the first is taken.
    UserError where none can be read, or the originals can't be put away: then nothing is changed.
    """
    made: list[tuple[Path, Path]] = []
    failed = []
    for source, target in pairs:
        try:
            _save(source, target)
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError):  # each decoder fails in its own way
            failed.append(source)
        else:
            made.append((source, target))
    if not made:
        raise UserError(
            f"None of these pictures can be read, the first is {failed[0]}: save them as .png with another program."
        )
    try:
        move_all(root, [(source, root / ORIGINALS / source.relative_to(root)) for source, _ in made], [png for _, png in made])
    except UserError:
        for _, target in made:
            target.unlink(missing_ok=True)
        raise
    return failed


def _save(source: Path, target: Path) -> None:
    Image.init()
    with Image.open(source) as image:
        plain = upright(image)
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        plain.save(file, "PNG")
