"""Captions of pictures that were cut out of others: what is in sight changes, the rest is as it was. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

from .captions import join_tags, same_tag, split_tags

# Tags that say how much of a figure is in sight; of a part they are mostly no longer so.
FRAMING = frozenset((
    "full body", "cowboy shot", "upper body", "lower body", "portrait", "close-up", "wide shot", "very wide shot", "bust",
    "face", "head out of frame", "feet out of frame", "out of frame", "cropped legs", "cropped torso", "letterboxed",
    "pillarboxed", "border",
))  # fmt: skip


def reframed(text: str, new: Sequence[str], part: bool = True) -> str:
    """The caption with the new tags behind its first, which is mostly the activation tag; of a part without the old framing.

    Each line of a caption of several lines is treated so. The first tag stays first whatever it is.
    """
    return "\n".join(_line(line, new, part) for line in text.splitlines() if split_tags(line)) or join_tags(new)


def _line(line: str, new: Sequence[str], part: bool) -> str:
    tags = split_tags(line)
    rest = [tag for tag in tags[1:] if not (part and same_tag(tag) in FRAMING)]
    there = {same_tag(tag) for tag in [tags[0], *rest]}
    return join_tags([tags[0], *(tag for tag in new if same_tag(tag) not in there), *rest])
