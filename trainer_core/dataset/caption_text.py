"""What is done to a caption at each step. Every draw is keyed by (epoch, item, copy), so that nothing depends on order.

Line (with wildcards), prefix and suffix, dropout, wildcards, tags, warm-up, shuffle, tag dropout, secondary separator.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable

from ..models.prompt_weights import without_weights
from ..randomness import generator, permutation, uniform
from .items import Item, SubsetOptions

_REMEMBERED = 20_000  # captions whose tags are kept: a plan asks for them several times, and the next plan again
_WILDCARD = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def caption_at(item: Item, seed: int, epoch: int, copy: int, step: int, total_steps: int) -> str:
    """The caption of the item's `copy`-th time in `epoch` at the optimizer step `step`, all counted from 0."""
    options, key = item.subset.options, (epoch, item.index, copy)
    if _is_dropped(options, seed, key):
        return ""
    text = _one_line(item.caption, options, lambda count: int(uniform(seed, "caption line", *key) * count))
    if options.enable_wildcard:
        choose = generator(seed, "caption wildcard", *key)
        text = _without_wildcards(text, lambda count: int(choose.integers(count)))
    start, middle, end = _parts(text, options)
    middle = middle[: _warm_tags(len(middle), options, step, total_steps)]
    if options.shuffle_caption:
        middle = [middle[number] for number in permutation(len(middle), seed, "caption shuffle", *key)]
    if options.caption_tag_dropout_rate > 0:
        kept = generator(seed, "caption tag dropout", *key).random(len(middle)) >= options.caption_tag_dropout_rate
        middle = [tag for tag, keep in zip(middle, kept, strict=True) if keep]
    return _joined([*start, *middle, *end], options)


def whole_caption(item: Item) -> str:
    """The caption with all its tags in the order of the file; of lines and wildcards the first choice."""
    return _whole_caption(item.caption, item.subset.options)


def tags_as_trained(item: Item) -> list[str]:
    """All tags that the item can be trained with, in lower case as the text encoder reads them, without marks and weights."""
    return list(_tags_as_trained(item.caption, item.subset.options))


@functools.lru_cache(maxsize=_REMEMBERED)
def _whole_caption(caption: str, options: SubsetOptions) -> str:
    text = _one_line(caption, options, lambda count: 0)
    if options.enable_wildcard:
        text = _without_wildcards(text, lambda count: 0)
    return _rejoined(text, options)


@functools.lru_cache(maxsize=_REMEMBERED)
def _tags_as_trained(caption: str, options: SubsetOptions) -> tuple[str, ...]:
    if not options.enable_wildcard:
        return tuple(split_tags(_unweighted(_whole_caption(caption, options), options), options))
    lines = [_with_affixes(line, options) for line in caption.split("\n")]
    texts = [_unweighted(_rejoined(choice, options), options) for line in lines for choice in _all_choices(line)]
    return tuple(dict.fromkeys(tag for text in texts for tag in split_tags(text, options)))


def _unweighted(text: str, options: SubsetOptions) -> str:
    return without_weights(text) if options.weighted_captions else text


def split_tags(text: str, options: SubsetOptions) -> list[str]:
    """The tags between separators, in lower case, without empty ones."""
    return [tag for tag in map(str.strip, map(str.lower, text.split(options.caption_separator))) if tag]


def _is_dropped(options: SubsetOptions, seed: int, key: tuple[int, int, int]) -> bool:
    every = options.caption_dropout_every_n_epochs
    if every and (key[0] + 1) % every == 0:
        return True
    rate = options.caption_dropout_rate
    return rate > 0 and uniform(seed, "caption dropout", *key) < rate


def _one_line(caption: str, options: SubsetOptions, choose: Callable[[int], int]) -> str:
    """One of several lines, where wildcards are on, between prefix and suffix."""
    if options.enable_wildcard and "\n" in caption:
        lines = caption.split("\n")
        caption = lines[choose(len(lines))]
    return _with_affixes(caption, options)


def _with_affixes(line: str, options: SubsetOptions) -> str:
    return " ".join(part for part in (options.caption_prefix, line, options.caption_suffix) if part)


def _without_wildcards(text: str, choose: Callable[[int], int]) -> str:
    """{one|another} becomes one of them, {{ and }} become single braces."""

    def replaced(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        choices = found[1].split("|")
        return choices[choose(len(choices))]

    return _WILDCARD.sub(replaced, text)


def _all_choices(text: str) -> list[str]:
    """As many texts as the longest wildcard has choices, so that each choice is in one of them."""
    longest = max((len(found[1].split("|")) for found in _WILDCARD.finditer(text) if found[1] is not None), default=1)
    return [_without_wildcards(text, lambda count, number=number: number % count) for number in range(longest)]


def _parts(text: str, options: SubsetOptions) -> tuple[list[str], list[str], list[str]]:
    """The tags that stay at the start, those that may move or be dropped, and those that stay at the end."""
    mark = options.keep_tokens_separator
    if mark and mark in text:
        start, _, rest = text.partition(mark)
        middle, _, end = rest.partition(mark)
        return _tags(start, options), _tags(middle, options), _tags(end, options)
    tags = _tags(text, options)
    return tags[: options.keep_tokens], tags[options.keep_tokens :], []


def _tags(text: str, options: SubsetOptions) -> list[str]:
    return [tag for tag in map(str.strip, text.split(options.caption_separator)) if tag]


def _warm_tags(count: int, options: SubsetOptions, step: int, total_steps: int) -> int:
    """How many of `count` movable tags are in use at this step of the token warm-up."""
    length = options.token_warmup_step
    if length < 1:
        length = math.floor(length * total_steps)
    if step >= length:
        return count
    return math.floor(step * (count - options.token_warmup_min) / length) + options.token_warmup_min


def _rejoined(text: str, options: SubsetOptions) -> str:
    return _joined([tag for part in _parts(text, options) for tag in part], options)


def _joined(tags: list[str], options: SubsetOptions) -> str:
    separator = options.caption_separator
    joint = separator if separator.isspace() else separator.strip() + " "
    text = joint.join(tags)
    if not options.secondary_separator:
        return text
    return joint.join(part.strip() for part in text.split(options.secondary_separator) if part.strip())
