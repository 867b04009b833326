"""What is trained, in the user's words: the plan measures the other settings against it, and the training itself ignores it."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Subject"
KINDS = ("character", "style", "concept", "vehicle")
CLASSES = ("A", "B", "C", "D", "E", "F", "G", "H", "I")
_setting = partial(Setting, group=GROUP, own=True)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "subject_kind",
        "str",
        None,
        "What the pictures teach; the plan measures steps, rank and regularization against it, the training doesn't change.",
        label="What is trained",
        choices=KINDS,
    ),
    _setting(
        "subject_difficulty",
        "str",
        None,
        "How hard a character is, from A (a plain person) over D (furry, realistic people) and G (mecha) "
        "to I (no shape at all).",
        label="How hard it is",
        choices=CLASSES,
    ),
)
