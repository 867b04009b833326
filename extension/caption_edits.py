"""Edits of captions as a request names them: JSON in, the tagger's functions and a sentence for the journal out.

{"do": "add", "tags": ["hat"], "place": "first"}   first, last, or a number     {"do": "remove", "tags": ["hat"]}
{"do": "replace", "old": "boots", "new": ["red boots"]}    {"do": "word", "old": "red", "new": "blue"}
{"do": "regex", "pattern": "^red (.+)", "new": "\\1"}      {"do": "move", "tags": ["penny"], "place": "first"}
{"do": "sort", "how": "alphabet", "keep": 1}   {"do": "dedupe"}   {"do": "unescape"}   {"do": "rule", "rule": "a + b -> c"}
{"do": "merge", "merges": [{"gone": "boots", "kept": "red boots", "source": "implication"}], "protect": ["penny"]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tagger import edit
from ..tagger.captions import join_tags, same_tag, split_tags
from ..tagger.folder import Entry
from ..tagger.merge import IMPLICATION, SUGGESTION, implied, merge_edit, rule_of
from .errors import Refused
from .rights import shown

_MOST_EDITS, _MOST_TAGS, _MOST_MERGES, _LONGEST, _TOLD = 20, 200, 500, 2000, 4
# Asks for what a regular expression makes of tags: some take years, so it is done in a process that can be ended.
Substitute = Callable[[str, str, list[str]], dict[str, str]]


@dataclass(frozen=True)
class Edits:
    """`what`: for the journal, in English; `fills`: whether captions that hold nothing get something."""

    functions: tuple[edit.Edit, ...]
    what: str
    fills: bool


def read_edits(asked: Any, entries: Sequence[Entry], substitute: Substitute) -> Edits:
    """The edits of a request for these captions; Refused where they can't be understood."""
    if not isinstance(asked, list) or not asked or len(asked) > _MOST_EDITS:
        raise Refused(f"edits must be a list of 1 to {_MOST_EDITS} edits.")
    functions: list[edit.Edit] = []
    told, fills = [], False
    for one in asked:
        spec = _Spec(one)
        if spec.do == "regex":
            functions.append(_regex(spec, entries, functions, substitute))
        elif spec.do == "sort":
            functions.append(_sort(spec, entries))
        else:
            functions.append(_READERS[spec.do](spec))
        told.append(_WORDS[spec.do](spec))
        fills = fills or spec.do == "add"
    return Edits(tuple(functions), "; ".join(told)[:300], fills)


class _Spec:
    """One edit's JSON, read value by value."""

    def __init__(self, given: Any) -> None:
        self._given = given if isinstance(given, Mapping) else {}
        self.do = str(self._given.get("do"))
        if self.do not in _WORDS:
            raise Refused(f"There is no edit {shown(self.do)}; there are {', '.join(_WORDS)}.")

    def text(self, name: str, empty: bool = False) -> str:
        value = self._given.get(name, "" if empty else None)
        if not isinstance(value, str) or len(value) > _LONGEST or not (value.strip() or empty):
            raise Refused(f"{name} must be a text of up to {_LONGEST} letters.")
        return value

    def tags(self, name: str, empty: bool = False) -> list[str]:
        """A list of tags, or their text; a comma within one makes it two."""
        value = self._given.get(name, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(tag, str) and len(tag) <= _LONGEST for tag in value):
            raise Refused(f"{name} must be tags.")
        tags = [tag for text in value for tag in split_tags(text.replace("\r", "\n"))]
        if len(tags) > _MOST_TAGS or not (tags or empty):
            raise Refused(f"{name} must be 1 to {_MOST_TAGS} tags.")
        return tags

    def place(self) -> str | int:
        value = self._given.get("place", "last")
        if value in ("first", "last"):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 < abs(value) <= _LONGEST:
            return value
        raise Refused("place must be first, last or a number: 1 for the first, -1 for before the last.")

    def number(self, name: str) -> int:
        value = self._given.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TAGS:
            raise Refused(f"{name} must be a whole number from 0 to {_MOST_TAGS}.")
        return value

    def choice(self, name: str, *choices: str) -> str:
        value = self._given.get(name, choices[0])
        if value not in choices:
            raise Refused(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
        return value

    def merges(self) -> list[tuple[str, str, str]]:
        """(the tag that goes, the one that stays, where it is from) of each."""
        value = self._given.get("merges")
        if not isinstance(value, list) or not 0 < len(value) <= _MOST_MERGES:
            raise Refused(f"merges must be 1 to {_MOST_MERGES} merges.")
        found = []
        for one in value:
            parts = [one.get(name) for name in ("gone", "kept", "source")] if isinstance(one, Mapping) else [None]
            if not all(isinstance(part, str) and part for part in parts) or parts[2] not in (IMPLICATION, SUGGESTION):
                raise Refused(f"merges must be of gone, kept and source ({IMPLICATION} or {SUGGESTION}).")
            found.append((same_tag(parts[0]), same_tag(parts[1]), parts[2]))
        return found


def _regex(spec: _Spec, entries: Sequence[Entry], before: Sequence[edit.Edit], substitute: Substitute) -> edit.Edit:
    """By a table of what the expression makes of every tag that the edits before it leave."""
    pattern, new = spec.text("pattern"), spec.text("new", empty=True)
    tags: dict[str, None] = {}
    for entry in entries:
        text = edit.edited_text(entry.caption.text, before) if before else None
        tags.update(dict.fromkeys(entry.tags if text is None else split_tags(text)))
    return edit.by_table(substitute(pattern, new, list(tags)))


def _sort(spec: _Spec, entries: Sequence[Entry]) -> edit.Edit:
    how = spec.choice("how", "alphabet", "frequency")
    counts = Counter(tag for entry in entries for tag in set(map(same_tag, entry.tags)))
    return edit.sort(how, counts, keep=spec.number("keep"))


def accepted(merges: Sequence[tuple[str, str, str]], protect: Sequence[str]) -> edit.Edit:
    """Only the merges named: those that are implied where they are, suggested ones wherever both tags stand."""
    safe = {same_tag(tag) for tag in protect}
    by_source = {source: {(gone, kept) for gone, kept, own in merges if own == source} for source in (IMPLICATION, SUGGESTION)}
    all_gone = {gone for gone, _, _ in merges}

    def change(own: list[str]) -> list[str]:
        names = {same_tag(tag) for tag in own}
        if not names & all_gone:
            return own
        found = {(same_tag(gone), same_tag(kept)) for gone, kept in implied(own, protect)} & by_source[IMPLICATION]
        found |= {(gone, kept) for gone, kept in by_source[SUGGESTION] if gone in names and kept in names}
        leaving = {gone for gone, _ in found} - safe
        return [tag for tag in own if same_tag(tag) not in leaving] if leaving else own

    return change


def _told(tags: Sequence[str]) -> str:
    """Tags as the journal names them: the first few."""
    return join_tags(tags[:_TOLD]) + (" …" if len(tags) > _TOLD else "")


def _told_merges(spec: _Spec) -> str:
    merges = spec.merges()
    return f"merged {merges[0][0]} into {merges[0][1]}" if len(merges) == 1 else f"merged {len(merges)} pairs of tags"


def _added(spec: _Spec) -> str:
    tags, place = _told(spec.tags("tags")), spec.place()
    if place == "first":
        return f"added {tags} in front"
    return f"added {tags}" if place == "last" else f"added {tags} at place {place}"


def _moved(spec: _Spec) -> str:
    tags, place = _told(spec.tags("tags")), spec.place()
    if place == "first":
        return f"moved {tags} to the front"
    return f"moved {tags} to the end" if place == "last" else f"moved {tags} to place {place}"


_READERS: dict[str, Callable[[_Spec], edit.Edit]] = {
    "add": lambda spec: edit.add(spec.tags("tags"), spec.place()),
    "remove": lambda spec: edit.remove(spec.tags("tags")),
    "replace": lambda spec: edit.replace(spec.text("old"), spec.tags("new")),
    "word": lambda spec: edit.word(spec.text("old"), spec.text("new", empty=True)),
    "move": lambda spec: edit.move(spec.tags("tags"), spec.place()),
    "dedupe": lambda spec: edit.dedupe,
    "unescape": lambda spec: edit.unescape,
    "rule": lambda spec: merge_edit(
        [rule_of(spec.text("rule"))], implications=False, protected=spec.tags("protect", empty=True)
    ),
    "merge": lambda spec: accepted(spec.merges(), spec.tags("protect", empty=True)),
}
_WORDS: dict[str, Callable[[_Spec], str]] = {
    "add": _added,
    "remove": lambda spec: f"removed {_told(spec.tags('tags'))}",
    "replace": lambda spec: f"replaced {spec.text('old')} by {_told(spec.tags('new'))}",
    "word": lambda spec: f"replaced the word {spec.text('old')} by {spec.text('new', empty=True) or '–'}",
    "regex": lambda spec: f"replaced what fits {spec.text('pattern')} by {spec.text('new', empty=True) or '–'}",
    "move": _moved,
    "sort": lambda spec: "sorted tags",
    "dedupe": lambda spec: "took repeated tags out",
    "unescape": lambda spec: "took backslashes before brackets out",
    "rule": lambda spec: f"merged by the rule {spec.text('rule')}",
    "merge": _told_merges,
}
