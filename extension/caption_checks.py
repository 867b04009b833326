"""What the check found, as the page shows it: by picture, with what can be mended by one press."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..tagger import edit
from ..tagger.captions import same_tag
from ..tagger.check import Finding, check, most_first, too_long
from .caption_shelf import View

_MOST_DETAILS, _MOST_NAMES = 200, 50
# Of these the words about each file say what it is; of the others the headline says all.
_DETAILED = ("contradiction", "minority-colour", "once")
_OF_FOLDERS = ("everywhere", "nearly-everywhere")  # of these each is a tag of a whole folder
MENDS: dict[str, Callable[[Sequence[str]], list[edit.Edit]]] = {
    "activation-tag": lambda first: [edit.add(first, "first"), edit.move(first)],
    "escapes": lambda first: [edit.unescape],
    "repeated": lambda first: [edit.dedupe],
    "wide-commas": lambda first: [edit.separate],
}


@dataclass(frozen=True)
class Activation:
    """The tags that every caption should begin with; `given`: the project names them, else most captions do."""

    tags: list[str]
    given: bool


def activation_of(view: View, first: Sequence[str]) -> Activation:
    if first:
        return Activation(list(first), given=True)
    firsts = {name: same_tag(entry.tags[0]) for name, entry in zip(view.names, view.entries, strict=True) if entry.tags}
    known = most_first(firsts)
    return Activation([known[0]] if known else [], given=False)


def findings(view: View, activation: Activation, limit: int, count: Callable[[list[str]], list[int]]) -> list[dict[str, Any]]:
    """All findings. `count`: tokens of texts, asked for those that may be over the limit; a limit of 0 asks for none."""
    found = check(view.dataset(), activation.tags)
    if limit:
        filled = [entry for entry in view.entries if len(entry.caption.text) > limit]
        texts = [entry.caption.text for entry in filled]
        counts = dict(zip(texts, count(texts), strict=True)) if texts else {}
        found += too_long(filled, limit, lambda text: counts[text])
    numbers = {}
    for number, entry in enumerate(view.entries):
        numbers[entry.caption.path] = numbers[entry.picture] = number
    told = [_as_dict(one, view.folder, numbers, activation) for one in found]
    for one, content in zip(found, told, strict=True):
        if one.code in _OF_FOLDERS:
            content |= {"details": [_tag_of_folder(view, place, what) for place, what in one.files], "names": []}
    return told


def _tag_of_folder(view: View, place: Path, what: str) -> dict[str, Any]:
    """A tag of nearly all captions of a folder, and the pictures that have it."""
    tag = what if place == view.folder else what.partition(": ")[2]
    having = (
        number
        for number, entry in enumerate(view.entries)
        if entry.picture.parent == place and tag in map(same_tag, entry.tags)
    )
    return {"what": what, "tag": tag, "numbers": list(having)}


def _as_dict(one: Finding, folder: Path, numbers: dict[Path, int], activation: Activation) -> dict[str, Any]:
    pictures = sorted({numbers[path] for path, _ in one.files if path in numbers})
    return {
        "code": one.code,
        "severity": one.severity,
        "count": len(one.files),
        "message": one.message,
        "numbers": pictures,
        "details": _grouped(one, numbers) if one.code in _DETAILED else [],
        "names": [path.relative_to(folder).as_posix() for path, _ in one.files[:_MOST_NAMES] if path not in numbers],
        "mend": one.code in MENDS and (one.code != "activation-tag" or bool(activation.tags)),
    }


def _grouped(one: Finding, numbers: dict[Path, int]) -> list[dict[str, Any]]:
    """What is said of files, each with its pictures, the most frequent first."""
    groups: dict[str, list[int]] = {}
    for path, what in one.files:
        own = groups.setdefault(what, [])
        if path in numbers:
            own.append(numbers[path])
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [{"what": what, "numbers": own} for what, own in ordered[:_MOST_DETAILS]]
