"""Caption files: read in any encoding, planned anew as UTF-8. What writes them is journal.py. Standard library only."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.text_files import decode

# What happens to captions that are there already.
MODES = ("if-empty", "skip", "append", "prepend", "overwrite")
WIDE_COMMA = re.compile("[，、]")  # of Chinese and Japanese keyboards; in captions they separate nothing


@dataclass(frozen=True)
class Caption:
    """A caption file's text, its bytes (None where there is no file), and its encoding where that is not UTF-8."""

    path: Path
    text: str = ""
    content: bytes | None = None
    encoding: str = ""

    @property
    def empty(self) -> bool:
        return not self.text.strip(" \t\r\n\0\ufeff,")

    @property
    def tags(self) -> list[str]:
        return split_tags(self.text)


@dataclass(frozen=True)
class Change:
    """One file's bytes before and after; None: there was, or will be, no file."""

    path: Path
    before: bytes | None
    after: bytes | None


def caption_file(picture: Path, extension: str = ".txt") -> Path:
    """Where the picture's caption lies."""
    return picture.with_name(picture.stem + extension)


def read_caption(path: Path) -> Caption:
    """The caption in whatever encoding it is; an empty one where there is no file."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  twice as fast, which thousands of files feel
            content = file.readall()
    except FileNotFoundError:
        return Caption(path)
    text, encoding = decode(content)
    return Caption(path, text, content, encoding)


def split_tags(text: str) -> list[str]:
    """Tags between commas and lines, trimmed, without empty ones."""
    parts = text.replace("\ufeff", "").replace("\0", "").replace("\n", ",").split(",")
    return [tag for part in parts if (tag := part.strip())]


def typed_tags(text: str) -> list[str]:
    """Tags as people type them: between commas, also those of Chinese and Japanese keyboards."""
    return split_tags(WIDE_COMMA.sub(",", text))


def join_tags(tags: Sequence[str]) -> str:
    return ", ".join(tags)


@functools.lru_cache(maxsize=1 << 17)
def same_tag(tag: str) -> str:
    """What is equal for spellings of one tag: case, underscores and the escapes of prompts don't count."""
    return " ".join(tag.replace("\\", "").replace("_", " ").lower().split())


def without(tags: Sequence[str], left_out: Sequence[str]) -> list[str]:
    """The tags without those left out and without repetitions, in their order."""
    seen = {same_tag(tag) for tag in left_out}
    kept = []
    for tag in tags:
        if same_tag(tag) not in seen:
            seen.add(same_tag(tag))
            kept.append(tag)
    return kept


def is_kept(caption: Caption, mode: str) -> bool:
    """Whether the mode leaves the caption as it is, whatever tags are found."""
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r}")
    if mode == "skip":
        return caption.content is not None
    return mode == "if-empty" and not caption.empty


def planned(
    caption: Caption, tags: Sequence[str], mode: str, first: Sequence[str] = (), last: Sequence[str] = ()
) -> Change | None:
    """The change that brings the found tags in, `first` before all others and `last` after them; None where nothing changes.

    if-empty: only captions that hold nothing · skip: only pictures without a caption file · overwrite: the found tags alone ·
    append, prepend: the found tags that the caption lacks, after or before its own, which stay word for word. No caption is
    ever emptied.
    """
    if is_kept(caption, mode):
        return None
    first = without(first, ())
    own = "" if mode == "overwrite" or caption.empty else caption.text.replace("\0", "").strip(" \t\r\n,")
    own_tags = split_tags(own)
    new = without(tags, [*first, *own_tags, *last])
    if mode == "prepend":
        end = without(last, [*first, *own_tags])
    else:
        new, end = [*new, *without(last, [*first, *own_tags])], []
    named = {same_tag(tag) for tag in first}
    begins = [same_tag(tag) for tag in own_tags[: len(first)]] == [same_tag(tag) for tag in first]
    if own and begins and not new and not end:
        return None
    if named & {same_tag(tag) for tag in own_tags}:
        own = join_tags(without(own_tags, first))  # it names them in another place: only then is it put together anew
    parts = [join_tags(new), own, join_tags(end)] if mode == "prepend" else [own, join_tags(new)]
    after = ", ".join(part for part in (join_tags(first), *parts) if part).encode("utf-8")
    return None if not after or after == caption.content else Change(caption.path, caption.content, after)
