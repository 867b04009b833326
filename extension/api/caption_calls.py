"""What the caption routes share: the captions a request means, the activation tag, and writing a plan as one change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...tagger.edit import Planned, plan
from ...tagger.folder import Entry
from ...tagger.journal import apply_changes
from ...tagger.query import compiled
from ..caption_checks import Activation, activation_of
from ..caption_edits import Edits
from ..caption_shelf import View
from ..errors import NOT_NOW, Refused
from ..projects import TAG_DEFAULTS
from .calls import Call
from .pictures import caption_extension, opened_folder

TARGET = ("folder", "filter", "numbers", "names", "listing")
_LONGEST_FILTER, _TOLD = 1000, 20
PATIENCE = 20.0


def view_of(call: Call, values: Mapping[str, Any]) -> View:
    """The captions of the folder that the request names, where a project has opened it."""
    folder = opened_folder(call, values.get("folder"))
    return call.workbench.captions.look(folder, caption_extension(call), not call.workbench.rights.restricted)


def filtered(view: View, text: Any) -> list[int]:
    """Numbers of the captions for which the filter holds; WordsError or Refused say what can't be understood."""
    if text is not None and (not isinstance(text, str) or len(text) > _LONGEST_FILTER):
        raise Refused(f"The filter must be a text of up to {_LONGEST_FILTER} letters.")
    if not (text or "").strip():
        return list(range(len(view.entries)))
    try:
        test = compiled(text)
        return [number for number, entry in enumerate(view.entries) if test(entry)]
    except RecursionError:
        raise Refused("The filter has too many brackets or nots within each other.") from None


def meant(call: Call, view: View) -> list[int]:
    """Numbers of the captions that the body names: by `numbers` of a listing, by `names`, else by `filter`."""
    numbers, names = call.body.get("numbers"), call.body.get("names")
    if numbers is not None:
        if call.body.get("listing") != view.listing:
            raise Refused("Pictures were added or taken away meanwhile: choose them again.", NOT_NOW)
        if not isinstance(numbers, list) or not all(_is_number(one, len(view.entries)) for one in numbers):
            raise Refused("numbers must be numbers of pictures in the listing.")
        return sorted(set(numbers))
    if names is not None:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Refused("names must be names of pictures.")
        places = {name: number for number, name in enumerate(view.names)}
        return sorted({places[name] if name in places else view.number_of(name) for name in names})
    return filtered(view, call.body.get("filter"))


def _is_number(value: Any, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


def planned(view: View, numbers: list[int], edits: Edits) -> Planned:
    """What the edits would make of those captions, but for those that can't be read."""
    return plan(editable(view, numbers, edits.fills), edits.functions)


def editable(view: View, numbers: list[int], fills: bool = False) -> list[Entry]:
    """The captions that an edit is for: none that can't be read, and empty ones only where something is put in."""
    entries = [view.entries[number] for number in numbers if number not in view.locked]
    return entries if fills else [entry for entry in entries if not entry.caption.empty]


def mark_of(plan_: Planned) -> str:
    """Differs with what would be written: who applies a preview must get what was seen."""
    digest = hashlib.blake2b(digest_size=12)
    for change in plan_.changes:
        digest.update(str(change.path).encode("utf-8", "replace") + b"\0" + (change.after or b"") + b"\0")
    return digest.hexdigest()


def write(call: Call, view: View, plan_: Planned, what: str) -> dict[str, Any]:
    """The plan as one numbered change that can be undone, and what the page needs to go on."""
    batch = apply_changes(view.folder, plan_.changes, what)
    return {
        "change": batch.number,
        "what": batch.what,
        "written": batch.written,
        "failed": [{"name": _inner(path, view.folder), "reason": reason} for path, reason in batch.failed[:_TOLD]],
        "failed_count": len(batch.failed),
        "left_alone": len(plan_.emptied),
    }


def _inner(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def activation(call: Call, view: View) -> Activation:
    """The activation tags: the body's `first`, else the project's, else what most captions begin with."""
    first = call.body.get("first")
    if first is not None and (not isinstance(first, list) or not all(isinstance(tag, str) for tag in first)):
        raise Refused("first must be a list of tags.")
    project = call.workbench.projects.current() or {"tag": TAG_DEFAULTS}
    return activation_of(view, [tag.strip() for tag in (project["tag"]["first"] if first is None else first) if tag.strip()])


def substitute(call: Call, pattern: str, new: str, tags: list[str]) -> dict[str, str]:
    """What a regular expression makes of tags, in the helper, which is ended where it takes too long."""
    call.workbench.setup.must_be_ready()
    asked = {"pattern": pattern, "new": new, "tags": tags}
    return call.workbench.words.ask("substitute", patience=PATIENCE, **asked)["tags"]


def counted(call: Call, texts: list[str]) -> list[int]:
    """Tokens of texts."""
    call.workbench.setup.must_be_ready()
    return call.workbench.words.ask("tokens", patience=6 * PATIENCE, texts=texts)["counts"]
