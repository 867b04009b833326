"""Merges that the pictures themselves suggest: tags that hardly come without another one. Standard library only.

Only proposed, with their numbers: whether `jacket` says anything beside `open jacket` is for someone to decide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from itertools import combinations
from pathlib import Path

from .captions import same_tag
from .contradictions import exclude_each_other
from .folder import Entry
from .grammar import differ, kinds_of, phrase, says
from .merge import SUGGESTION, Proposal
from .tag_words import COLOURS, SHADES

_EXAMPLES = 8
_OFTEN, _LIKELY, _LIFT, _CONSTANT = 5, 0.95, 1.5, 0.95


def suggested(entries: Iterable[Entry], protected: Collection[str] = (), everything: bool = False) -> list[Proposal]:
    """Pairs of which the one hardly ever comes without the other, and which speak of the same thing; most frequent first.

    numbers: captions with the tag that would go (`gone`), with the one that would stay (`kept`), with both, the share of
    `gone` that has `kept` too (`with_kept`), and how much oftener they meet than by chance (`lift`). everything: also pairs
    of different things, of which merging would lose one. Pairs that contradict, or are implied anyway, are left out.
    """
    sets = [(entry.picture, dict.fromkeys(same_tag(tag) for tag in entry.tags)) for entry in entries]
    counts = Counter(tag for _, tags in sets for tag in tags)
    safe = {same_tag(tag) for tag in protected}
    often = {tag for tag, count in counts.items() if count >= _OFTEN and count <= _CONSTANT * len(sets) and tag not in safe}
    pairs: Counter[tuple[str, str]] = Counter()
    for _, tags in sets:
        pairs.update(combinations(sorted(often.intersection(tags)), 2))
    found = []
    for (first, second), both in pairs.items():
        for gone, kept in ((first, second), (second, first)):
            lift = both * len(sets) / (counts[gone] * counts[kept])
            if both < _LIKELY * counts[gone] or lift < _LIFT or (counts[gone] == counts[kept] and gone > kept):
                continue
            if (everything or _same_thing(gone, kept)) and _allowed(gone, kept):
                numbers = {"gone": counts[gone], "kept": counts[kept], "both": both}
                shares = {"with_kept": round(both / counts[gone], 3), "lift": round(lift, 2)}
                found.append(Proposal((gone,), kept, SUGGESTION, both, [], {**numbers, **shares}))
    found.sort(key=lambda one: (-one.count, one.key))
    _add_examples(found, sets)
    return found


def _same_thing(gone: str, kept: str) -> bool:
    """Whether the tag that stays names the same thing, more closely: `jacket` of `open jacket`, `footwear` of `red boots`."""
    less, more = phrase(gone), phrase(kept)
    return set(gone.split()) < set(kept.split()) or less.noun == more.noun or less.noun in kinds_of(more.noun)


def _allowed(gone: str, kept: str) -> bool:
    """Neither contradictory nor a colour that the other one lacks, nor what is merged without asking."""
    lost = phrase(gone).properties & (COLOURS | SHADES) - phrase(kept).properties
    return not (lost or differ(gone, kept) or exclude_each_other(gone, kept) or says(kept, gone) or f"no {gone}" == kept)


def _add_examples(found: list[Proposal], sets: list[tuple[Path, dict[str, None]]]) -> None:
    by_tag: dict[str, list[Proposal]] = defaultdict(list)
    for one in found:
        by_tag[one.gone[0]].append(one)
    for picture, tags in sets:
        for tag in by_tag.keys() & tags.keys():
            for one in by_tag[tag]:
                if one.kept in tags and len(one.examples) < _EXAMPLES:
                    one.examples.append(picture)
