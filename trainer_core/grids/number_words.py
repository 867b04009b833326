"""The numbers beside a grid's pictures, in words."""

from __future__ import annotations

from collections.abc import Mapping

NOTICE = "Numbers are help for the eye, not judges."


def numbers_text(numbers: Mapping[str, float]) -> str:
    """One line for the page."""
    words = {
        "agreement": "prompt's tags seen {:.0%}",
        "likeness": "like a training picture {:.2f}",
        "likeness_among": "(they among each other {:.2f})",
        "drift": "drift from base {:.1%}",
    }
    text = " · ".join(word.format(numbers[name]) for name, word in words.items() if name in numbers).replace(" · (", " (")
    return f"{text} · perhaps a copy" if numbers.get("likeness", 0) > numbers.get("likeness_among", 1) else text
