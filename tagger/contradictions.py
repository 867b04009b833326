"""Tags that can't both be right. Standard library only."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .captions import same_tag
from .grammar import differ, many_coloured, phrase
from .tag_words import COLOURS, EXCLUSIVE, MANY_PEOPLE, UNLIKELY


def exclude_each_other(tag: str, other: str) -> bool:
    """Whether both can't hold of one person in one picture: `short hair, long hair`, `no hat, hat`."""
    first, second = same_tag(tag), same_tag(other)
    if first == f"no {second}" or second == f"no {first}":
        return True
    theirs = dict(_alternatives(second))
    for group, one in _alternatives(first):
        two = theirs.get(group)
        # Of a scene's alternatives some go together (a forest is outdoors): the first alternative excludes the others.
        if two is not None and one != two and (group != _SCENES or 0 in (one, two)):
            return True
    return False


@functools.lru_cache(maxsize=1 << 16)
def _alternatives(name: str) -> tuple[tuple[int, int], ...]:
    """(group, number of the alternative) for each group of EXCLUSIVE that the tag is in."""
    return tuple((number, group[name]) for number, group in enumerate(_groups()) if name in group)


@functools.cache
def _groups() -> tuple[dict[str, int], ...]:
    """Each group: {tag: number of its alternative}; where it begins with `solo`, `bald` or `barefoot` only that excludes."""
    groups = []
    for group in EXCLUSIVE:
        alternatives = [alternative.split("|") for alternative in group]
        if group[0] in ("solo", "bald", "barefoot"):
            alternatives = [alternatives[0], [tag for rest in alternatives[1:] for tag in rest]]
        groups.append({tag: number for number, tags in enumerate(alternatives) for tag in tags})
    return tuple(groups)


_SCENES = next(number for number, group in enumerate(EXCLUSIVE) if group[0] == "simple background")
TWO_COLOURS, ONE_ONLY, SELDOM = "two colours of one thing", "only one of them can be right", "seldom right together"


def contradictions(tags: Sequence[str]) -> list[tuple[str, str, str]]:
    """(tag, other tag, why) of a caption's pairs that can't both be right, or hardly; of several people little is told."""
    marked = [tag for tag in tags if _can_conflict(tag)]
    denied = [tag for tag in tags if same_tag(tag).startswith("no ")]
    if denied:
        absent = {same_tag(tag)[3:] for tag in denied}
        marked = list(dict.fromkeys([*marked, *denied, *(tag for tag in tags if same_tag(tag) in absent)]))
    found = []
    for number, tag in enumerate(marked):
        for other in marked[number + 1 :]:
            why = _conflict(tag, other)
            if why and _holds(why, tag, other, tags):
                found.append((tag, other, why))
    return found


@functools.lru_cache(maxsize=1 << 16)
def _can_conflict(tag: str) -> bool:
    """Whether there is anything that the tag could contradict: most tags are neither coloured nor one of several ways."""
    name = same_tag(tag)
    return bool(phrase(tag).colours or _alternatives(name)) or any(name in pair for pair in UNLIKELY)


def _holds(why: str, tag: str, other: str, tags: Sequence[str]) -> bool:
    """Whether the conflict is one in this caption, whatever else it says."""
    if why == TWO_COLOURS:
        return not many_coloured(tags, phrase(tag).noun)
    return why == SELDOM or _counts_people(tag, other) or not any(same_tag(one) in MANY_PEOPLE for one in tags)


@functools.lru_cache(maxsize=1 << 17)
def _conflict(tag: str, other: str) -> str:
    if differ(tag, other):
        return TWO_COLOURS
    if exclude_each_other(tag, other):
        return ONE_ONLY
    pair = (same_tag(tag), same_tag(other))
    return SELDOM if pair in UNLIKELY or pair[::-1] in UNLIKELY else ""


def _counts_people(tag: str, other: str) -> bool:
    return bool({same_tag(tag), same_tag(other)} & (MANY_PEOPLE | {"solo", "1girl", "1boy"}))


_LASTING = ("hair", "eyes", "skin", "fur", "body", "tail", "ears", "wings")


def colours_by_thing(tags: Sequence[str]) -> dict[str, str]:
    """{thing: colour tag} of what a character has always of one colour, where a caption gives it just one."""
    found: dict[str, list[str]] = {}
    for tag in tags:
        if phrase(tag).noun in _LASTING and phrase(tag).properties & COLOURS:
            found.setdefault(phrase(tag).noun, []).append(tag)
    return {noun: own[0] for noun, own in found.items() if len(own) == 1 and not many_coloured(tags, noun)}
