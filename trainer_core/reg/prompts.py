"""Which regularization pictures belong to a training: their names, prompts, captions and sizes. Without torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...tagger.captions import join_tags, read_caption, same_tag, without
from ...tagger.check import most_first
from ..dataset.caption_text import whole_caption
from ..dataset.items import Item, TrainingSet

_MARKS = re.compile(r"([()\[\]\\])")


@dataclass(frozen=True)
class Matched:
    """A training picture and the name, without its extension, of the regularization picture that belongs to it."""

    stem: str
    item: Item


def matched_items(training_set: TrainingSet) -> list[Matched]:
    """Every training picture once, in the order of the scan; a stem that an earlier one has gets a number."""
    firsts: dict[Path, Item] = {}
    for item in training_set.items:
        if not item.subset.is_reg:
            firsts.setdefault(item.path, item)
    items = list(firsts.values())
    taken = {item.path.stem.lower() for item in items}
    used: set[str] = set()
    found = []
    for item in items:
        stem, number = item.path.stem, 1
        while stem.lower() in used or (number > 1 and stem.lower() in taken):
            number += 1
            stem = f"{item.path.stem}_{number}"
        used.add(stem.lower())
        found.append(Matched(stem, item))
    return found


def is_captioned(item: Item) -> bool:
    """Whether the picture has a caption of its own, not only its folder's class tokens."""
    return item.caption_file is not None and not read_caption(item.caption_file).empty


def caption_tags(item: Item) -> list[str]:
    """The tags of the whole caption, in their order, without repetitions."""
    tags = [tag.strip() for tag in whole_caption(item).split(item.subset.options.caption_separator)]
    return without([tag for tag in tags if tag], ())


def activation_of(items: Sequence[Item]) -> str:
    """The tag that most captions begin with; empty where there is none."""
    firsts = {item.path: same_tag(tags[0]) for item in items if (tags := caption_tags(item))}
    if len(firsts) == 1:
        return next(iter(firsts.values()))
    known = most_first(firsts)
    return known[0] if known else ""


def reg_caption(tags: Sequence[str], activation: str, class_word: str) -> str:
    """The caption with the class word in the activation tag's place, or without it where the class word is empty."""
    wanted = same_tag(activation)
    replaced = [class_word if wanted and same_tag(tag) == wanted else tag for tag in tags]
    return join_tags(without([tag for tag in replaced if tag], ()))


def as_prompt(caption: str) -> str:
    """The caption with backslashes before what a prompt would take for weights."""
    return _MARKS.sub(r"\\\1", caption)


def folder_name(class_word: str) -> str:
    """kohya's `<repeats>_<class>` for the folder of the pictures."""
    plain = re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", class_word).strip(" .")
    return f"1_{plain or 'reg'}"


def reg_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.png"
