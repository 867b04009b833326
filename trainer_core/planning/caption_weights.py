"""Weights of words in captions: brackets that weigh what they shouldn't, or that are read as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..dataset.caption_text import split_tags, whole_caption
from ..dataset.items import Item
from ..dataset.scan_report import count_of, names
from ..problems import Problem

_WEIGHED = re.compile(r"(?<!\\)\([^()]+:\s*[+-]?\d*\.?\d+\s*\)")  # (red hat:1.2)
_NAMED = re.compile(r"[^\s,()\[\]][^,()\[\]]*[^\\,()\[\]]\([^,():]+\)")  # saber (fate): a name with its series
_MARKS = re.compile(r"\\.|[()\[\]]")
_CLOSES = {")": "(", "]": "["}


def weight_problems(items: Iterable[Item]) -> list[Problem]:
    """Of the training captions in files; regularization pictures' captions are made by us."""
    with_files = [item for item in items if item.caption_file is not None and not item.subset.is_reg]
    weighed = [item for item in with_files if item.subset.options.weighted_captions]
    plain = [item for item in with_files if not item.subset.options.weighted_captions]
    return [*_read_as_text(plain), *_names_weighed(weighed), *_torn(weighed)]


def _read_as_text(items: Sequence[Item]) -> Iterator[Problem]:
    found = _first_matches(items, _WEIGHED)
    if found:
        file, text = next(iter(found.items()))
        message = (
            f"Weights of words are trained as text in {count_of(found, 'caption')}: {names(list(found))}. "
            f"{file.name} has “{text}”."
        )
        yield Problem("warning", "weights-as-text", message, "Set weighted_captions, or take the brackets out.")


def _names_weighed(items: Sequence[Item]) -> Iterator[Problem]:
    """A tagger that writes saber (fate) without backslashes means no weight of 1.1."""
    found = _first_matches(items, _NAMED)
    if found:
        file, text = next(iter(found.items()))
        escaped = text.replace("(", r"\(").replace(")", r"\)")
        message = (
            f"Brackets without a backslash weigh a part of a name in {count_of(found, 'caption')}: {names(list(found))}. "
            f"{file.name} has “{text}”, which would be “{escaped}”."
        )
        yield Problem(
            "warning", "name-weighed", message, "Put a backslash before such brackets, or turn weighted_captions off."
        )


def _torn(items: Sequence[Item]) -> Iterator[Problem]:
    """Tags that are moved or dropped one by one take half of a bracket along."""
    found: dict[Path, str] = {}
    for item in items:
        options = item.subset.options
        if item.caption_file and (options.shuffle_caption or options.caption_tag_dropout_rate or options.token_warmup_step):
            torn = next((tag for tag in split_tags(whole_caption(item), options) if not _is_closed(tag)), None)
            if torn is not None:
                found[item.caption_file] = torn
    if found:
        file, tag = next(iter(found.items()))
        message = (
            f"Brackets go around several tags in {count_of(found, 'caption')}, and are torn apart when tags are moved or "
            f"dropped: {names(list(found))}. {file.name} has “{tag}”."
        )
        yield Problem("warning", "weights-torn", message, "Write a weight for each tag, such as (red hat:1.2), (smile:1.2).")


def _first_matches(items: Sequence[Item], pattern: re.Pattern[str]) -> dict[Path, str]:
    """{caption file: the first place where it matches}."""
    matches = ((item.caption_file, pattern.search(item.caption)) for item in items if "(" in item.caption)
    return {file: match[0] for file, match in matches if file is not None and match}


def _is_closed(tag: str) -> bool:
    """Whether every bracket that opens is closed; one that closes nothing is text, as in :)."""
    open_brackets: list[str] = []
    for mark in _MARKS.findall(tag):
        if mark in "([":
            open_brackets.append(mark)
        elif open_brackets and mark in _CLOSES and open_brackets[-1] == _CLOSES[mark]:
            open_brackets.pop()
    return not open_brackets
