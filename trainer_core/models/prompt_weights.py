"""Prompts and captions as webui reads them: which words get which weight. Without torch, so that tools without it can ask."""

from __future__ import annotations

import re

MORE, LESS = 1.1, 1 / 1.1  # what a pair of round or square brackets multiplies by
_TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")


def weighted_parts(prompt: str) -> list[tuple[str, float]]:
    """Text and its weight: (a) 1.1, [a] 1/1.1, (a:1.5) 1.5, nested brackets multiply; a backslash takes a bracket as text.

    Round and square brackets know nothing of each other, and a lone backslash is no text: so webui reads them.
    """
    parts: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def multiply(start: int, factor: float) -> None:
        parts[start:] = [(text, weight * factor) for text, weight in parts[start:]]

    for match in _TOKEN.finditer(prompt):
        text, given = match[0], match[1]
        if text in opened:
            opened[text].append(len(parts))
        elif given is not None and opened["("] and is_number(given):
            multiply(opened["("].pop(), float(given))
        elif text == ")" and opened["("]:
            multiply(opened["("].pop(), MORE)
        elif text == "]" and opened["["]:
            multiply(opened["["].pop(), LESS)
        elif text != "\\":
            parts.append((text[1:] if text[0] == "\\" else text, 1.0))
    for bracket, factor in (("(", MORE), ("[", LESS)):  # never closed: read as closed at the end
        for start in opened[bracket]:
            multiply(start, factor)
    return _joined(parts)


def without_weights(text: str) -> str:
    """The words alone: no brackets but those that a backslash takes as text, no weights."""
    return "".join(part for part, _ in weighted_parts(text))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _joined(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of the same weight as one text, so that words are not cut where an escape was."""
    joined: list[tuple[str, float]] = []
    for text, weight in parts:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + text, weight)
        else:
            joined.append((text, weight))
    return joined
