"""Merges tags that say the same: of `boots, red footwear, red boots` the most direct one stays. Standard library only.

Rules come from three sources: what a tag says besides (grammar.py), the user's own map, and what the pictures suggest
(suggestions.py), which is only ever proposed. What contradicts is never merged: it is left for someone to look at.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..trainer_core.problems import UserError, WordsError
from ..trainer_core.text_files import decode
from .captions import same_tag, split_tags
from .contradictions import exclude_each_other
from .edit import Edit
from .folder import Entry
from .grammar import differ, kinds_of, phrase, reach, says

IMPLICATION, MAP, SUGGESTION = "implication", "map", "suggestion"
_EXAMPLES = 8


@dataclass(frozen=True)
class Rule:
    """The user's own: where the caption has one of `olds` (all of them with `together`), `new` takes their place."""

    olds: tuple[str, ...]
    new: str
    together: bool = False


@dataclass
class Proposal:
    """A merge as it is shown: tags that go away, the one that stays, in how many captions, and some of their pictures."""

    gone: tuple[str, ...]
    kept: str
    source: str
    count: int = 0
    examples: list[Path] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What accepts or rejects it: `red footwear -> red boots`."""
        return f"{' + '.join(same_tag(tag) for tag in self.gone)} -> {same_tag(self.kept)}"


def implied(tags: Sequence[str], protected: Collection[str] = ()) -> list[tuple[str, str]]:
    """(the tag that can go, the one that says it too) of one caption. `protected` tags never go."""
    by_noun: dict[str, list[str]] = {}
    for tag in tags:
        by_noun.setdefault(phrase(tag).noun, []).append(tag)
    said: dict[str, list[str]] = {}
    for tag in tags:
        for noun in reach(tag):
            for other in by_noun.get(noun, ()):
                if other is not tag and says(tag, other):
                    said.setdefault(other, []).append(tag)
    if not said:
        return []
    kept_names = {same_tag(tag) for tag in protected}
    return [
        (tag, _directest(said[tag]))
        for tag in dict.fromkeys(tags)
        if tag in said and same_tag(tag) not in kept_names and not _unclear(tag, tags)
    ]


def _directest(tags: list[str]) -> str:
    """Of several the one that is not said by another."""
    return next((tag for tag in tags if not any(says(other, tag) for other in tags)), tags[0])


def _unclear(tag: str, tags: Sequence[str]) -> bool:
    """Whether it is not clear of which thing the tag tells: there are such things in several colours, or several kinds."""
    own = phrase(tag)
    things = [other for other in tags if own.noun == phrase(other).noun or own.noun in kinds_of(phrase(other).noun)]
    if any(differ(one, other) for number, one in enumerate(things) for other in things[number + 1 :]):
        return True
    if not own.properties:
        return False
    # `red footwear` beside `red boots, sandals`: the sandals may be what is red.
    narrower = {phrase(other).noun for other in things if not says(tag, other) and phrase(other).noun != own.noun}
    roots = {noun for noun in narrower if not any(noun in kinds_of(other) for other in narrower)}
    return len(roots) > 1


def merge_edit(
    rules: Sequence[Rule] = (),
    implications: bool = True,
    protected: Collection[str] = (),
    keep_first: int = 0,
    rejected: Collection[str] = (),
) -> Edit:
    """The edit that merges a caption's tags: the user's map first, then what is implied."""

    def edit(own: list[str]) -> list[str]:
        for rule in rules:
            own = _mapped(own, rule, [*protected, *own[:keep_first]], rejected)
        if not implications:
            return own
        pairs = implied(own, [*protected, *own[:keep_first]])
        gone = {same_tag(tag) for tag, kept in pairs if Proposal((tag,), kept, IMPLICATION).key not in rejected}
        return [tag for tag in own if same_tag(tag) not in gone] if gone else own

    return edit


def _mapped(own: list[str], rule: Rule, protected: Sequence[str], rejected: Collection[str]) -> list[str]:
    """The caption by one rule of the map; as it was where the rule does not apply, or would contradict another tag."""
    found = _applies(own, rule, protected)
    if not found or Proposal(tuple(found), rule.new, MAP).key in rejected:
        return own
    gone = {same_tag(tag) for tag in found}
    at = next(place for place, tag in enumerate(own) if same_tag(tag) in gone)
    rest = [tag for tag in own if same_tag(tag) not in gone]
    if any(same_tag(tag) == same_tag(rule.new) for tag in rest):
        return rest
    at = min(at, len(rest))
    return [*rest[:at], rule.new, *rest[at:]]


def _applies(own: Sequence[str], rule: Rule, protected: Sequence[str]) -> list[str]:
    names = {same_tag(tag) for tag in rule.olds} - {same_tag(rule.new)} - {same_tag(tag) for tag in protected}
    found = [tag for tag in own if same_tag(tag) in names]
    if rule.together and len({same_tag(tag) for tag in found}) < len({same_tag(tag) for tag in rule.olds}):
        return []
    rest = [tag for tag in own if same_tag(tag) not in names and same_tag(tag) != same_tag(rule.new)]
    if any(differ(rule.new, tag) or exclude_each_other(rule.new, tag) for tag in rest):
        return []
    return found


def proposals(
    entries: Iterable[Entry],
    rules: Sequence[Rule] = (),
    implications: bool = True,
    protected: Collection[str] = (),
    keep_first: int = 0,
) -> list[Proposal]:
    """All merges that would be done, the most frequent first, with example pictures."""
    found: dict[str, Proposal] = {}

    def note(gone: tuple[str, ...], kept: str, source: str, picture: Path) -> None:
        new = Proposal(gone, kept, source)
        one = found.setdefault(new.key, new)
        one.count += 1
        if len(one.examples) < _EXAMPLES:
            one.examples.append(picture)

    for entry in entries:
        own = list(entry.tags)
        for rule in rules:
            safe = [*protected, *own[:keep_first]]
            if gone := _applies(own, rule, safe):
                note(tuple(gone), rule.new, MAP, entry.picture)
                own = _mapped(own, rule, safe, ())
        if implications:
            for tag, kept in implied(own, [*protected, *own[:keep_first]]):
                note((tag,), kept, IMPLICATION, entry.picture)
    return sorted(found.values(), key=lambda one: (-one.count, one.key))


def read_rules(path: Path) -> list[Rule]:
    """A map of tags: lines `old, other old -> new` (each old one) or `old + other old -> new` (where all are there), `#` begins
    a remark; or JSON {"new": ["old", …]}. Raises UserError."""
    text, _ = decode(path.read_bytes())
    if text.lstrip().startswith("{"):
        try:
            return [
                Rule(tuple(olds), new) for new, olds in json.loads(text).items() if all(isinstance(old, str) for old in olds)
            ]
        except (ValueError, TypeError) as error:
            raise UserError(f'{path} is no map of tags such as {{"new": ["old", "other old"]}} ({error}): mend it.') from None
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return [rule_of(line) for line in lines if line]


def rule_of(text: str) -> Rule:
    """A rule as it is written; WordsError where it can't be understood."""
    olds, arrow, new = text.partition("->")
    together = "+" in olds
    names = tuple(tag.strip() for tag in olds.split("+") if tag.strip()) if together else tuple(split_tags(olds))
    if not arrow or not names or not new.strip() or "," in new:
        raise WordsError(f"{text!r} is no rule: write `old, other old -> new`, or `old + other old -> new`.")
    return Rule(names, new.strip(), together)
