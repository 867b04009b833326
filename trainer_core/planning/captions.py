"""Tags and tokens of the captions: counts, what is cut off, and whether the activation tag is where it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...tagger.captions import WIDE_COMMA
from ...tagger.check import is_class_word, most_first
from ...tagger.contradictions import SELDOM, contradictions
from ..dataset.caption_text import split_tags, tags_as_trained, whole_caption
from ..dataset.items import Item, SubsetOptions
from ..dataset.scan_report import count_of, names
from ..problems import Problem
from ..settings import Settings
from .caption_weights import weight_problems

# Mirrored pictures of these teach the wrong side.
_ONE_SIDED = (
    "asymmetrical", "asymmetric", "eyepatch", "hair over one eye", "one eye covered", "side ponytail", "heterochromia", "text",
    "english text", "chinese text", "japanese text", "single horn", "one eye closed", "single shoe", "single glove",
    "watermark", "logo", "holding sword", "left-handed", "mole under eye", "scar on face",
)  # fmt: skip


@dataclass(frozen=True)
class LongCaption:
    """A caption with more tokens than are read (`limit`), of a subset with these options."""

    path: Path
    tokens: int
    caption: str
    options: SubsetOptions
    limit: int

    @property
    def cut(self) -> tuple[str, ...]:
        """The tags that are cut off: found when they are asked for, since thousands of captions may be too long."""
        return _cut_tags(self.caption, self.options, self.limit)


@dataclass(frozen=True)
class Tokens:
    """Tokens of the training captions: how many are read (`limit`), the most that one has, and those that have more."""

    limit: int
    longest: int
    too_long: tuple[LongCaption, ...]


def count_tags(items: Iterable[Item]) -> dict[str, int]:
    """{tag: training pictures that have it}, the most frequent first; regularization pictures don't count."""
    counts = Counter(tag for item in items if not item.subset.is_reg for tag in dict.fromkeys(tags_as_trained(item)))
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def count_tokens_of(items: Sequence[Item], limit: int) -> Tokens:
    """Tokens of every item's whole caption; raises UserError where the vocabulary isn't installed."""
    found: dict[str, int] = {}
    too_long: dict[tuple[Path, str], LongCaption] = {}
    for item in items:
        caption = whole_caption(item)
        if caption not in found:
            found[caption] = _counter(item.subset.options)(caption)
        if found[caption] > limit:
            path = item.caption_file or item.path
            too_long[path, caption] = LongCaption(path, found[caption], caption, item.subset.options, limit)
    return Tokens(limit, max(found.values(), default=0), tuple(too_long.values()))


def _cut_tags(caption: str, options: SubsetOptions, limit: int) -> tuple[str, ...]:
    """The tags from the first one on that doesn't fit whole."""
    count, before = _counter(options), 0
    tags = split_tags(caption, options)
    for number, tag in enumerate(tags):
        if before + count(tag) > limit:
            return tuple(tags[number:])
        before += count(f"{tag},")
    return ()


def _counter(options: SubsetOptions) -> Callable[[str], int]:
    from ..models.tokenizer import count_tokens, count_weighted_tokens

    return count_weighted_tokens if options.weighted_captions else count_tokens


def caption_problems(settings: Settings, items: Sequence[Item], tokens: Tokens | None) -> list[Problem]:
    found = [
        *_activation_problems(items),
        *_contradiction_problems(items),
        *_flip_problems(items),
        *_comma_problems(items),
        *weight_problems(items),
    ]
    if tokens and tokens.too_long:
        longest = max(tokens.too_long, key=lambda one: one.tokens)
        cut = _some(longest.cut) or "its end"
        fix = "Shorten them." if tokens.limit == 225 else f"Set max_token_length to {next_length(longest.tokens)}."
        if tokens.limit < 225 < longest.tokens:
            fix = "Set max_token_length to 225, the most that is read, and shorten what is longer."
        found.append(
            Problem(
                "warning",
                "caption-too-long",
                f"{count_of(tokens.too_long, 'caption')} with more than {tokens.limit} tokens, cut there: "
                f"{names([one.path for one in tokens.too_long])}. {longest.path.name} has {longest.tokens} and loses: {cut}.",
                fix,
            )
        )
    shuffled = [item for item in items if item.subset.options.shuffle_caption and item.subset.options.caption_dropout_rate == 1]
    if shuffled:
        found.append(Problem("warning", "captions-unused", "caption_dropout_rate 1 trains without any caption.", "Lower it."))
    return found


def _some(tags: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(tags[:limit])
    return shown if len(tags) <= limit else f"{shown} and {len(tags) - limit} more"


def wide_commas(items: Sequence[Item]) -> dict[Path, str]:
    """{caption file: its text} of captions with commas of Chinese and Japanese keyboards, where plain ones separate."""
    return {
        item.caption_file: item.caption
        for item in items
        if item.caption_file is not None
        and not item.subset.is_reg
        and item.subset.options.caption_separator == ","
        and not item.caption.isascii()
        and WIDE_COMMA.search(item.caption)
    }


def _comma_problems(items: Sequence[Item]) -> list[Problem]:
    found = wide_commas(items)
    if not found:
        return []
    message = (
        "Wide commas (， 、) separate no tags, so that what they stand between is one tag: "
        f"{count_of(found, 'caption')}, {names(list(found))}."
    )
    return [Problem("warning", "wide-commas", message, "Make them plain commas.")]


def next_length(tokens: int) -> int:
    """The smallest max_token_length that holds that many tokens, or the largest there is."""
    return next((length for length in (75, 150, 225) if length >= tokens), 225)


def _activation_problems(items: Sequence[Item]) -> list[Problem]:
    """A folder whose captions mostly begin with the same tag should have it first in all, and keep it there."""
    found = []
    by_subset: dict[int, list[Item]] = {}
    for item in items:
        if item.caption_file is not None and not item.subset.is_reg:
            by_subset.setdefault(item.subset.index, []).append(item)
    for group in by_subset.values():
        subset = group[0].subset
        firsts = {item.caption_file: (tags_as_trained(item) or [""])[0] for item in group}
        known = most_first(firsts)
        if known is None:
            found += _no_activation(subset.folder, list(firsts.values()))
            continue
        tag, others = known[0], [file for file in known[1] if file is not None]
        if others:
            found.append(
                Problem(
                    "warning",
                    "activation-tag",
                    f"{len(firsts) - len(others)} of {len(firsts)} captions in {subset.folder} begin with “{tag}”, "
                    f"but not {names(others, 20)}.",
                    f"Put “{tag}” first in them, if it is the activation tag.",
                )
            )
        elif subset.options.shuffle_caption and not subset.options.keep_tokens and not subset.options.keep_tokens_separator:
            message = f"shuffle_caption moves the activation tag “{tag}” of {subset.folder} away from the start."
            found.append(Problem("warning", "activation-tag-shuffled", message, "Set keep_tokens to 1."))
    return found


def _no_activation(folder: Path, firsts: Sequence[str]) -> list[Problem]:
    """Captions as a tagger left them begin with a class word: then no word calls what is trained."""
    tag, count = Counter(firsts).most_common(1)[0]
    if 2 * count <= len(firsts) or len(firsts) < 2 or not is_class_word(tag):
        return []
    message = f"No activation tag calls what is trained in {folder}: its captions begin with “{tag}”, which the base knows."
    return [Problem("warning", "no-activation", message, "Put a word of its own first in all of them, unless it is a style.")]


def _contradiction_problems(items: Sequence[Item]) -> list[Problem]:
    """Tags of one caption that can't both be right, such as two hair colours of one character."""
    found = {}
    for item in items:
        if item.caption_file is not None and not item.subset.is_reg:
            pairs = [pair[:2] for pair in contradictions(tags_as_trained(item)) if pair[2] != SELDOM]
            if pairs:
                found[item.caption_file] = pairs[0]
    if not found:
        return []
    file, (tag, other) = next(iter(found.items()))
    message = (
        f"{count_of(found, 'caption')} with tags that can't both be right: {names(list(found))}. "
        f"{file.name} has {tag} and {other}."
    )
    return [Problem("warning", "tag-contradiction", message, "Look at the pictures, and remove the tag that is wrong.")]


def _flip_problems(items: Sequence[Item]) -> list[Problem]:
    flipped = [item for item in items if item.subset.options.flip_aug and not item.subset.is_reg]
    one_sided = [tag for tag in count_tags(flipped) if tag in _ONE_SIDED]
    if not one_sided:
        return []
    message = f"flip_aug mirrors pictures with {', '.join(one_sided)}, which differ left and right."
    return [Problem("warning", "flip-one-sided", message, "Turn flip_aug off, or take such pictures away.")]
