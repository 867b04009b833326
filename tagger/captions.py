"""Caption files: found, read in any encoding, put together. Standard library only; nothing else writes captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..trainer_core.text_files import decode

EXTENSION = ".txt"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
Existing = Literal["empty", "overwrite", "append", "prepend"]
POLICIES: tuple[Existing, ...] = ("empty", "overwrite", "append", "prepend")


@dataclass(frozen=True)
class Caption:
    """A caption file's text and the name of its encoding, empty for UTF-8. A file that isn't there has no text."""

    text: str = ""
    encoding: str = ""
    exists: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.text.strip()

    @property
    def tags(self) -> list[str]:
        return split_tags(self.text)


def pictures_in(folder: Path, recursive: bool = False) -> list[Path]:
    """The folder's pictures, sorted; hidden files and folders are passed over."""
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.suffix.lower() in PICTURES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def caption_path(picture: Path, extension: str = EXTENSION) -> Path:
    return picture.with_suffix(extension)


def sharing(pictures: Iterable[Path], extension: str = EXTENSION) -> dict[Path, list[Path]]:
    """{caption file: its pictures} where several pictures (a.png and a.jpg) have the same one."""
    by_caption: dict[Path, list[Path]] = {}
    for picture in pictures:
        by_caption.setdefault(caption_path(picture, extension), []).append(picture)
    return {caption: shared for caption, shared in by_caption.items() if len(shared) > 1}


def read_caption(path: Path) -> Caption:
    """A caption file in whatever encoding; raises OSError where it is there and can't be read."""
    try:
        text, encoding = decode(path.read_bytes())
    except FileNotFoundError:
        return Caption()
    return Caption(text.replace("\0", ""), encoding, True)


def split_tags(text: str) -> list[str]:
    """Tags stand between commas or on lines of their own."""
    return [tag for part in text.splitlines() for tag in (piece.strip() for piece in part.split(",")) if tag]


def join_tags(tags: Sequence[str]) -> str:
    return ", ".join(tags)


def combined(caption: Caption, tags: Sequence[str], existing: Existing) -> str | None:
    """The new text of a caption, or None where it stays as it is. A caption's own text is never split or reordered."""
    if caption.is_empty or existing == "overwrite":
        return join_tags(tags)
    if existing == "empty":
        return None
    there = {tag.lower() for tag in caption.tags}
    new = join_tags([tag for tag in tags if tag.lower() not in there])
    text = caption.text.strip().strip(",").strip()
    if not new:
        return None
    return f"{text}, {new}" if existing == "append" else f"{new}, {text}"
