"""Caption files: read in any encoding, written as UTF-8, changed in batches that can be undone byte for byte.

Standard library only. A batch first writes one journal with every file's bytes before and after, synced to the disk, and
only then the files. Journals lie in the hidden folder `.lora_workbench` of the folder that was worked on.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..trainer_core.files import read_json, write_atomically, write_json
from ..trainer_core.problems import UserError
from ..trainer_core.text_files import decode

# What happens to captions that are there already.
MODES = ("if-empty", "skip", "append", "prepend", "overwrite")
JOURNALS = Path(".lora_workbench") / "captions"
_UNDONE = ".undone.json"


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
    """One file's bytes before (None: there was none) and after."""

    path: Path
    before: bytes | None
    after: bytes


@dataclass
class Undone:
    """What an undo did: the batch's description, the files restored, and those left alone since they were edited later."""

    what: str
    restored: list[Path] = field(default_factory=list)
    edited: list[Path] = field(default_factory=list)


def caption_file(picture: Path, extension: str = ".txt") -> Path:
    """Where the picture's caption lies."""
    return picture.with_name(picture.stem + extension)


def read_caption(path: Path) -> Caption:
    """The caption in whatever encoding it is; an empty one where there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Caption(path)
    text, encoding = decode(content)
    return Caption(path, text, content, encoding)


def split_tags(text: str) -> list[str]:
    """Tags between commas and lines, trimmed, without empty ones."""
    parts = text.replace("\ufeff", "").replace("\0", "").replace("\n", ",").split(",")
    return [tag for part in parts if (tag := part.strip())]


def join_tags(tags: Sequence[str]) -> str:
    return ", ".join(tags)


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


def planned(caption: Caption, tags: Sequence[str], mode: str, first: Sequence[str] = ()) -> Change | None:
    """The change that brings the found tags in, `first` before all others; None where nothing changes.

    if-empty: only captions that hold nothing · skip: only pictures without a caption file · overwrite: the found tags alone ·
    append, prepend: the found tags that the caption lacks, after or before its own, which stay word for word.
    """
    if is_kept(caption, mode):
        return None
    first = without(first, ())
    own = "" if mode == "overwrite" or caption.empty else caption.text.replace("\0", "").strip(" \t\r\n,")
    own_tags = split_tags(own)
    new = without(tags, [*first, *own_tags])
    named = {same_tag(tag) for tag in first}
    begins = [same_tag(tag) for tag in own_tags[: len(first)]] == [same_tag(tag) for tag in first]
    if own and begins and not new:
        return None
    if named & {same_tag(tag) for tag in own_tags}:
        own = join_tags(without(own_tags, first))  # it names them in another place: only then is it put together anew
    parts = [join_tags(new), own] if mode == "prepend" else [own, join_tags(new)]
    after = ", ".join(part for part in (join_tags(first), *parts) if part).encode("utf-8")
    return None if after == caption.content else Change(caption.path, caption.content, after)


def apply_changes(folder: Path, changes: Sequence[Change], what: str) -> Path | None:
    """Writes the journal, then every file; returns the journal. `what`: the batch in words, for its undo."""
    if not changes:
        return None
    numbers = [int(path.name.split(".")[0]) for path in _journals(folder, undone=True)]
    journal = folder / JOURNALS / f"{max(numbers, default=0) + 1:06d}.json"
    entries = [
        {"path": _relative(change.path, folder), "before": _packed(change.before), "after": _packed(change.after)}
        for change in changes
    ]
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    write_json(journal, {"what": what, "time": made, "changes": entries})
    for change in changes:
        write_atomically(change.path, change.after)
    return journal


def undo(folder: Path) -> Undone:
    """Takes back the last batch in the folder; files that were edited after it are left alone. UserError where none is."""
    journals = _journals(folder)
    if not journals:
        raise UserError(f"There is nothing to undo in {folder}: no batch of captions was written there.")
    journal = journals[-1]
    try:
        content = read_json(journal)
        changes = [_read_change(folder, entry) for entry in content["changes"]]
        done = Undone(str(content["what"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{journal} is damaged ({error}), so that batch can't be undone; no caption was changed.") from None
    for change in changes:
        now = read_caption(change.path).content
        if now == change.before:
            continue  # the batch was interrupted before this file, or it is undone already
        if now != change.after:
            done.edited.append(change.path)
        elif change.before is None:
            change.path.unlink()
            done.restored.append(change.path)
        else:
            write_atomically(change.path, change.before)
            done.restored.append(change.path)
    journal.rename(journal.with_name(journal.name.split(".")[0] + _UNDONE))
    return done


def _journals(folder: Path, undone: bool = False) -> list[Path]:
    """Oldest first."""
    found = sorted((folder / JOURNALS).glob("[0-9]*.json"))
    return [path for path in found if undone or not path.name.endswith(_UNDONE)]


def _relative(path: Path, folder: Path) -> str:
    """Within the folder, so that a folder that was moved can still be undone."""
    return path.absolute().relative_to(folder.absolute()).as_posix()


def _packed(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _read_change(folder: Path, entry: dict[str, Any]) -> Change:
    path = Path(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{path} lies outside")
    before = entry["before"]
    return Change(
        folder / path,
        None if before is None else base64.b64decode(before, validate=True),
        base64.b64decode(entry["after"], validate=True),
    )
