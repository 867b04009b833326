"""Edits of captions: each is a function from tags to tags, planned on many captions, shown, then written. Stdlib only.

A caption that an edit leaves as it is keeps every byte. One that it changes is written anew in UTF-8, tags joined by ", ";
its lines stay lines (one may be chosen at each step of a training), and each is edited by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..trainer_core.problems import WordsError
from .captions import WIDE_COMMA, Change, join_tags, same_tag, split_tags, without
from .folder import Entry
from .query import tag_test

Edit = Callable[[list[str]], list[str]]


def add(tags: Sequence[str], place: str | int = "last") -> Edit:
    """Tags that the caption lacks, `first`, `last` or before the tag of that number (1: the first, -1: the last)."""

    def edit(own: list[str]) -> list[str]:
        new = without(tags, own)
        if place == "first":
            return [*new, *own]
        if place == "last":
            return [*own, *new]
        at = int(place) - 1 if int(place) > 0 else len(own) + int(place)
        at = min(max(at, 0), len(own))
        return [*own[:at], *new, *own[at:]]

    return edit


def remove(tags: Sequence[str]) -> Edit:
    """Takes tags out; * and ? stand for letters."""
    test = _any_of(tags)
    return lambda own: [tag for tag in own if not test(tag)]


def replace(old: str, new: Sequence[str]) -> Edit:
    """A tag becomes another one, or several, in its place; where the caption has those already, it goes away."""
    test = tag_test(old)

    def edit(own: list[str]) -> list[str]:
        if not any(map(test, own)):
            return own
        there = {same_tag(tag) for tag in own if not test(tag)}
        found: list[str] = []
        for tag in own:
            for one in new if test(tag) else (tag,):
                if not test(tag) or same_tag(one) not in there:
                    found.append(one)
                    there.add(same_tag(one))
        return found

    return edit


def regex(pattern: str, new: str) -> Edit:
    """Replaces within each tag by a regular expression, upper case as lower case; \\1 is its first group."""
    substitute = substitution(pattern, new)
    return lambda own: _changed(own, substitute)


def substitution(pattern: str, new: str) -> Callable[[str], str]:
    """What a regular expression makes of one tag; WordsError where it can't be used."""
    try:
        expression = re.compile(pattern, re.IGNORECASE)
        expression.sub(new, "")
    except (re.error, IndexError) as error:
        raise WordsError(f"The regular expression {pattern!r} with {new!r} can't be used ({error}): mend it.") from None
    return lambda tag: expression.sub(new, tag)


def by_table(table: Mapping[str, str]) -> Edit:
    """Each tag becomes what the table has for it: what `substitution` made of all tags, in a process that may be ended."""
    return lambda own: _changed(own, lambda tag: table.get(tag, tag))


def word(old: str, new: str) -> Edit:
    """Replaces a word, or several, within tags: `red` by `blue` makes `red hat` a `blue hat` and leaves `bored` alone."""
    expression = re.compile(rf"(?<![^\W_])(?<!')({'[ _]+'.join(map(re.escape, old.split()))})(?![^\W_])(?!')", re.IGNORECASE)
    return lambda own: _changed(own, lambda tag: " ".join(expression.sub(lambda _: new, tag).split()))


def move(tags: Sequence[str], place: str | int = "first") -> Edit:
    """Tags that the caption has go to the front (in the order given), to the end or to a place; others stay in order."""

    def edit(own: list[str]) -> list[str]:
        tests = [tag_test(tag) for tag in tags]
        moved = [tag for test in tests for tag in own if test(tag)]
        return add(moved, place)([tag for tag in own if not any(test(tag) for test in tests)]) if moved else own

    return edit


def sort(how: str = "alphabet", counts: Counter[str] | None = None, order: Sequence[str] = (), keep: int = 0) -> Edit:
    """By `alphabet`, by `frequency` (the most frequent first, by `counts`), or by a list `order`, what it lacks following as
    it was. The first `keep` tags stay where they are: the activation tag."""
    places = {same_tag(tag): place for place, tag in enumerate(order)}
    keys: dict[str, Callable[[str], object]] = {
        "alphabet": same_tag,
        "frequency": lambda tag: (-(counts or Counter())[same_tag(tag)], same_tag(tag)),
        "order": lambda tag: places.get(same_tag(tag), len(places)),
    }
    if how not in keys:
        raise WordsError(f"Tags can't be sorted by {how!r}: there are {', '.join(keys)}.")
    return lambda own: [*own[:keep], *sorted(own[keep:], key=keys[how])]


def dedupe(own: list[str]) -> list[str]:
    """The first of equal tags stays, in whatever spelling."""
    return without(own, ())


def unescape(own: list[str]) -> list[str]:
    """Backslashes before brackets belong to prompts, not to captions."""
    return _changed(own, lambda tag: re.sub(r"\\([()\[\]\\])", r"\1", tag))


def separate(own: list[str]) -> list[str]:
    """Commas of Chinese and Japanese keyboards separate no tags in a training: they become plain ones."""
    return _changed(own, lambda tag: WIDE_COMMA.sub(",", tag))


def _changed(own: list[str], change: Callable[[str], str]) -> list[str]:
    """Each tag changed; those that became equal to another or empty by it go away, but nothing else does."""
    found: list[str] = []
    untouched = {same_tag(tag) for tag in own if change(tag) == tag}
    seen: set[str] = set()
    for tag in own:
        new = change(tag).strip(" ,")
        if new == tag:
            found.append(tag)
            continue
        for part in split_tags(new):
            if same_tag(part) not in untouched and same_tag(part) not in seen:
                seen.add(same_tag(part))
                found.append(part)
    return found


def _any_of(tags: Sequence[str]) -> Callable[[str], bool]:
    plain = {same_tag(tag) for tag in tags if not re.search(r"[*?]", tag)}
    tests = [tag_test(tag) for tag in tags if re.search(r"[*?]", tag)]
    return lambda tag: same_tag(tag) in plain or any(test(tag) for test in tests)


@dataclass
class Planned:
    """Changes of captions before they are written: (entry, old tags, new tags) of each, and tags added and taken away."""

    changes: list[Change] = field(default_factory=list)
    entries: list[tuple[Entry, list[str], list[str]]] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    emptied: list[Entry] = field(default_factory=list)


def plan(entries: Iterable[Entry], edits: Sequence[Edit]) -> Planned:
    """What the edits, one after the other, make of the captions. None is ever emptied: such are listed and left alone."""
    planned = Planned()
    for entry in entries:
        text = edited_text(entry.caption.text, edits, entry.tags)
        if text is None:
            continue
        new = split_tags(text)
        if not new:
            planned.emptied.append(entry)
            continue
        planned.changes.append(Change(entry.caption.path, entry.caption.content, text.encode("utf-8")))
        planned.entries.append((entry, entry.tags, new))
        before, after = Counter(entry.tags), Counter(new)
        planned.added.update(after - before)
        planned.removed.update(before - after)
    return planned


def edited_text(text: str, edits: Sequence[Edit], tags: list[str] | None = None) -> str | None:
    """The caption's new text, None where the edits leave it as it is. `tags`: the text's, where they are known."""
    several = "\n" in text.rstrip()
    lines = [split_tags(line) for line in text.splitlines()] if several else [split_tags(text) if tags is None else tags]
    lines = [line for line in lines if line] or [[]]
    changed = False
    for number, line in enumerate(lines):
        new = line
        for edit in edits:
            new = edit(new)
        changed = changed or new != line
        lines[number] = new
    if not changed:
        return None
    return "\n".join(join_tags(line) for line in lines if line) + ("\n" if text.endswith("\n") else "")
