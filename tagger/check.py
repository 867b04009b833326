"""What is wrong with a folder's captions, or needs a look before they are trained on. Standard library only.

The trainer's plan asks the same functions. Counting tokens needs the environment's tokenizer, and confidence the store of what
taggers saw: both only where they are asked for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .captions import WIDE_COMMA, join_tags, same_tag
from .contradictions import colours_by_thing, contradictions
from .folder import Dataset, Entry
from .tag_words import ASPECTS

ERROR, WARNING, NOTE = "error", "warning", "note"
K = TypeVar("K", bound=Hashable)
_MAJORITY, _ENOUGH = 0.8, 5  # a character's colour is known where so many of at least so many captions say the same
# `1girl`, `2boys`, `6+girls`, `1other`: how many of what are shown. They call what the base knows.
_CLASS_WORD = re.compile(r"\d\+?[a-z]{3,}")
_CLASS_WORDS = frozenset(("solo", "no humans", "multiple girls", "multiple boys", "male focus"))
_ESCAPE = re.compile(r"\\[()\[\]\\]")


@dataclass(frozen=True)
class Finding:
    """One kind of thing found; `files`: (file, what of it); `mend`: the words of `edit` that mend it, if any do.

    Codes are stable, so that programs and translations can hold on to them. Notes are no faults.
    """

    code: str
    severity: str
    message: str
    files: list[tuple[Path, str]] = field(default_factory=list)
    mend: str = ""


def check(dataset: Dataset, first: Sequence[str] = (), aspects: bool = True) -> list[Finding]:
    """All findings that the captions alone can tell. `first`: tags that every caption should begin with."""
    filled = [entry for entry in dataset.entries if not entry.caption.empty]
    found = [
        *_files(dataset),
        *_spelling(filled),
        *activation(filled, first),
        *no_activation(filled, first),
        *contradicting(filled),
        *minority_colours(filled),
    ]
    return [*found, *everywhere(filled, first), *seldom(filled), *(missing_aspects(filled) if aspects else [])]


def _files(dataset: Dataset) -> list[Finding]:
    none = [(entry.picture, "has no caption") for entry in dataset.entries if entry.caption.content is None]
    empty = [
        (entry.caption.path, "is empty")
        for entry in dataset.entries
        if entry.caption.content is not None and entry.caption.empty
    ]
    shared = [(picture, f"shares its caption with {other.name}") for picture, other in dataset.shared]
    orphans = [(path, "has no picture") for path in dataset.orphans]
    return _all(
        (none, "no-caption", WARNING, "{} without a caption", ""),
        (empty, "empty", ERROR, "{} without any text in the caption", ""),
        (shared, "shared", WARNING, "{} with another one's caption: rename one of the two", ""),
        (orphans, "orphan", NOTE, "{} without a picture", ""),
    )


def _spelling(entries: Sequence[Entry]) -> list[Finding]:
    encodings, escapes, repeated, wide = [], [], [], []
    for entry in entries:
        if entry.caption.encoding:
            encodings.append((entry.caption.path, f"is in {entry.caption.encoding}, not in UTF-8"))
        if "\\" in entry.caption.text and _ESCAPE.search(entry.caption.text):
            escapes.append((entry.caption.path, "has backslashes before brackets, which belong to prompts"))
        if not entry.caption.text.isascii() and WIDE_COMMA.search(entry.caption.text):
            wide.append((entry.caption.path, "has commas that separate no tags in a training"))
        if len(set(map(same_tag, entry.tags))) < len(entry.tags):
            counts = Counter(map(same_tag, entry.tags))
            twice = [tag for tag, count in counts.items() if count > 1]
            repeated.append((entry.caption.path, f"has {', '.join(twice)} more than once"))
    return _all(
        (encodings, "encoding", WARNING, "{} in another encoding than UTF-8: look whether their letters are right", ""),
        (escapes, "escapes", WARNING, "{} with escapes", "--unescape"),
        (wide, "wide-commas", WARNING, "{} with wide commas (， 、), which separate no tags", "--separate"),
        (repeated, "repeated", WARNING, "{} with tags more than once", "--dedupe"),
    )


def is_class_word(tag: str) -> bool:
    """Whether a tag only says what a picture is of, such as `1girl`, which every base model knows."""
    same = same_tag(tag)
    return same in _CLASS_WORDS or _CLASS_WORD.fullmatch(same) is not None


def most_first(firsts: Mapping[K, str]) -> tuple[str, list[K]] | None:
    """The activation tag, as far as captions tell: what more than half begin with, and those that don't.

    None where there is no such tag, where it is a class word such as `1girl`, or where there is only one caption.
    """
    if len(firsts) < 2:
        return None
    tag, count = Counter(firsts.values()).most_common(1)[0]
    if not tag or 2 * count <= len(firsts) or is_class_word(tag):
        return None
    return tag, [key for key, first in firsts.items() if first != tag]


def activation(entries: Sequence[Entry], first: Sequence[str] = ()) -> list[Finding]:
    """Captions that don't begin with the activation tag: the one given, else what most captions of their folder begin with."""
    breaking = []
    wanted = [same_tag(tag) for tag in first]
    if wanted:
        for entry in entries:
            if [same_tag(tag) for tag in entry.tags[: len(wanted)]] != wanted:
                breaking.append((entry.caption.path, f"begins with {entry.tags[0]!r}, not {join_tags(first)!r}"))
        words, mend = join_tags(first), f'--add_first "{join_tags(first)}" --move_first "{join_tags(first)}"'
    else:
        words, mend = "the tag that most of their folder begin with", ""
        for group in by_place(entries).values():
            known = most_first({entry: same_tag(entry.tags[0]) for entry in _Hashed.of(group)})
            if known:
                tag = known[0]
                breaking += [(one.entry.caption.path, f"begins with {one.entry.tags[0]!r}, not {tag!r}") for one in known[1]]
    return _all((breaking, "activation-tag", WARNING, f"{{}} that don't begin with {words}", mend))


def no_activation(entries: Sequence[Entry], first: Sequence[str] = ()) -> list[Finding]:
    """Folders whose captions begin with no word of their own, where none is given: nothing calls what they teach."""
    told = []
    for place, group in by_place(entries).items() if not first else ():
        firsts = {entry: same_tag(entry.tags[0]) for entry in _Hashed.of(group)}
        if len(group) >= _ENOUGH and not most_first(firsts):
            often, count = Counter(firsts.values()).most_common(1)[0]
            told.append((group[0].picture.parent, f"{place or 'all'}: {count} of {len(group)} begin with {often!r}"))
    message = "{} without an activation tag first in the captions, so that no word calls what it teaches (a style needs none)"
    return _all((told, "no-activation", WARNING, message, ""), noun="folder")


@dataclass(frozen=True, eq=False)
class _Hashed:
    """An entry as a key: by itself, not by what is in it."""

    entry: Entry

    @property
    def tags(self) -> list[str]:
        return self.entry.tags

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> list[_Hashed]:
        return [cls(entry) for entry in entries]


def contradicting(entries: Iterable[Entry]) -> list[Finding]:
    found = [
        (entry.caption.path, f"{tag} and {other}: {why}") for entry in entries for tag, other, why in contradictions(entry.tags)
    ]
    return _all((found, "contradiction", WARNING, "{} of tags that can't both be right", ""), noun="pair")


def minority_colours(entries: Iterable[Entry]) -> list[Finding]:
    """Where nearly all captions of a folder give a thing one colour, those that give it another: `brown hair` in the dark."""
    found = []
    for group in by_place(entries).values():
        things = [(entry, colours_by_thing(entry.tags)) for entry in group]
        for noun, counts in _counted_colours(things).items():
            tag, count = counts.most_common(1)[0]
            total = sum(counts.values())
            if total < _ENOUGH or count < _MAJORITY * total or count == total:
                continue
            for entry, own in things:
                if noun in own and same_tag(own[noun]) != tag:
                    found.append((entry.caption.path, f"{own[noun]}, where {count} of {total} have {tag}"))
    return _all((found, "minority-colour", WARNING, "{} with another colour than nearly all of their folder", ""))


def _counted_colours(things: Sequence[tuple[Entry, dict[str, str]]]) -> dict[str, Counter[str]]:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for _, own in things:
        for noun, tag in own.items():
            counted[noun][same_tag(tag)] += 1
    return counted


def everywhere(entries: Sequence[Entry], first: Sequence[str] = ()) -> list[Finding]:
    """Tags of every caption of a folder, or of nearly every one, but the first and class words.

    What they name is hardly ever seen without them, so it can't be switched off; and where it is what makes the subject, such
    as its hair, the activation tag comes to stand for it only once they are taken out.
    """
    always, nearly = [], []
    for place, group in by_place(entries).items():
        if len(group) < _ENOUGH:
            continue
        counts = Counter(tag for entry in group for tag in dict.fromkeys(map(same_tag, entry.tags)))
        leading = Counter(same_tag(entry.tags[0]) for entry in group).most_common(1)[0][0]
        own = {leading, *map(same_tag, first)}
        for tag, count in counts.most_common():
            if count < _MAJORITY * len(group) or tag in own or is_class_word(tag):
                continue
            told = always if count == len(group) else nearly
            told.append((group[0].picture.parent, f"{place}: {tag}" if place else tag))
    all_have = (
        "{} in every caption, which can't be switched off: what makes the subject itself is better taken out, "
        "so that the activation tag stands for it"
    )
    most_have = (
        "{} in nearly every caption: what makes the subject itself is better taken out, "
        "so that the activation tag stands for it"
    )
    return _all((always, "everywhere", NOTE, all_have, ""), (nearly, "nearly-everywhere", NOTE, most_have, ""), noun="tag")


def seldom(entries: Sequence[Entry]) -> list[Finding]:
    """Tags that a single caption has: too few to learn anything, and often a mistake."""
    where: dict[str, Path | None] = {}
    for entry in entries:
        for tag in dict.fromkeys(map(same_tag, entry.tags)):
            where[tag] = None if tag in where else entry.caption.path
    once = [(path, tag) for tag, path in where.items() if path]
    return _all((once, "once", NOTE, "{} in one caption only", ""), noun="tag")


def missing_aspects(entries: Sequence[Entry]) -> list[Finding]:
    """Captions that say nothing of the pose, the view, the expression or the background."""
    found = []
    for name, (tags, endings) in ASPECTS.items():
        known = _Known(tags, endings)
        lacking = [(entry.caption.path, f"no {name}") for entry in entries if not any(map(known, entry.tags))]
        found += _all((lacking, f"no-{name}", NOTE, f"{{}} that say nothing of the {name}", ""))
    return found


class _Known:
    """Whether a tag is one of those, or ends with one of the words; each spelling is looked at once."""

    def __init__(self, tags: Collection[str], endings: Collection[str]) -> None:
        self._tags, self._endings = tags, endings
        self._seen: dict[str, bool] = {}

    def __call__(self, tag: str) -> bool:
        if tag not in self._seen:
            name = same_tag(tag)
            self._seen[tag] = name in self._tags or name.split()[-1:] and name.split()[-1] in self._endings or False
        return self._seen[tag]


def too_long(entries: Iterable[Entry], limit: int, count: Callable[[str], int]) -> list[Finding]:
    """Captions with more tokens than the training reads; `count` is the tokenizer's."""
    found = []
    for entry in entries:
        tokens = count(entry.caption.text) if len(entry.caption.text) > limit else 0  # no token is shorter than a letter
        if tokens > limit:
            found.append((entry.caption.path, f"has {tokens} tokens, of which {limit} are read"))
    return _all((found, "too-long", WARNING, f"{{}} with more than {limit} tokens", ""))


def by_place(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Entries by folder: each is a concept of its own."""
    places: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        places[entry.place].append(entry)
    return places


def _all(*found: tuple[list[tuple[Path, str]], str, str, str, str], noun: str = "file") -> list[Finding]:
    """Findings of those kinds that there are any of."""
    told = []
    for files, code, severity, message, mend in found:
        if files:
            count = f"{len(files)} {noun}" + ("" if len(files) == 1 else "s")
            told.append(Finding(code, severity, message.format(count) + ".", files, mend))
    return told
