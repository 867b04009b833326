"""Reads a tag as a thing with properties, so that rules hold for things that nobody listed. Standard library only.

`dark red boots` is the thing `boots` with the properties dark and red. What has more properties, or is of a narrower kind, says
all that the other one says: it is the more direct description.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from .captions import same_tag
from .tag_words import (
    COLOURS,
    IMPLIES,
    JOINTS,
    KINDS,
    MANY_COLOURS,
    MANY_PEOPLE,
    NAMES,
    PART_ENDINGS,
    PROPERTIES,
    SHADES,
)


@dataclass(frozen=True)
class Phrase:
    """A tag's thing and its properties; `colours`: those that are colours or shades of them."""

    noun: str
    properties: frozenset[str]

    @property
    def colours(self) -> frozenset[str]:
        return self.properties & (COLOURS | SHADES) if self.properties & COLOURS else frozenset()


@functools.lru_cache(maxsize=1 << 16)
def phrase(tag: str) -> Phrase:
    """The tag as a phrase; what is a name, a face or a sentence in small is a thing without properties."""
    name = same_tag(tag)
    words = name.split()
    if name in NAMES or name in KIND_NAMES or len(words) < 2 or any(w in JOINTS for w in words) or "(" in name or ":" in name:
        return Phrase(name, frozenset())
    properties: set[str] = set()
    while len(words) > 1 and (found := _property(words)):
        used, meant = found
        properties |= meant
        words = words[used:]
        if " ".join(words) in KIND_NAMES or " ".join(words) in NAMES:
            break
    if properties & SHADES and not properties & COLOURS and words[0] in ("of", "and"):
        return Phrase(name, frozenset())
    return Phrase(" ".join(words), frozenset(properties))


def _property(words: list[str]) -> tuple[int, set[str]] | None:
    """(words used, properties meant) of a property at the front; None where there is none."""
    word = words[0]
    if word == "polka" and len(words) > 2 and words[1] == "dot":
        return 2, {"polka dot"}
    if word in COLOURS:
        return 1, {{"gray": "grey", "blond": "blonde", "golden": "gold"}.get(word, word)}
    if word in SHADES or word in PROPERTIES:
        return 1, {word}
    if word.endswith(PART_ENDINGS):
        return 1, {word, "striped"} if word.endswith("-striped") else {word}
    return None


def _kind_names() -> frozenset[str]:
    return frozenset(KINDS) | {name.replace("_", " ") for names in KINDS.values() for name in names.split()}


KIND_NAMES = _kind_names()


@functools.lru_cache(maxsize=1 << 16)
def kinds_of(noun: str) -> frozenset[str]:
    """All kinds that a thing belongs to, without itself: ankle boots are boots and footwear."""
    found: set[str] = set()
    for kind, names in KINDS.items():
        if noun != kind and noun.replace(" ", "_") in names.split():
            found |= {kind, *kinds_of(kind)}
    return frozenset(found)


@functools.lru_cache(maxsize=1 << 16)
def reach(tag: str) -> tuple[str, ...]:
    """The things that another tag may be of for this one to say it too."""
    noun = phrase(tag).noun
    return (noun, *kinds_of(noun), *(phrase(other).noun for other in IMPLIES.get(same_tag(tag), ())))


def says(tag: str, other: str) -> bool:
    """Whether a caption with `tag` loses nothing without `other`: the same thing or its kind, with no property of its own."""
    if same_tag(tag) == same_tag(other):
        return False
    if same_tag(other) in IMPLIES.get(same_tag(tag), ()):
        return True
    more, less = phrase(tag), phrase(other)
    if not less.properties <= more.properties:
        return False
    if more.noun == less.noun:
        return less.properties < more.properties
    return less.noun in kinds_of(more.noun)


def differ(tag: str, other: str) -> bool:
    """Whether two tags give one thing different colours, so that they can't both be of the same one."""
    first, second = phrase(tag), phrase(other)
    if first.noun != second.noun and first.noun not in kinds_of(second.noun) and second.noun not in kinds_of(first.noun):
        return False
    return bool(first.colours and second.colours) and not (first.colours <= second.colours or second.colours <= first.colours)


def many_coloured(tags: Iterable[str], noun: str) -> bool:
    """Whether the caption says that the thing has several colours, or shows several people."""
    for tag in tags:
        name = same_tag(tag)
        if name in MANY_PEOPLE or (noun == "eyes" and name in ("heterochromia", "mismatched pupils")):
            return True
        if name.endswith(noun) and any(name.startswith(word) for word in MANY_COLOURS):
            return True
    return False
