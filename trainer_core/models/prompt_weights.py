"""Prompts and captions as webui reads them: which words get which weight. Without torch, so that tools without it can ask."""

from __future__ import annotations

import re

MORE, LESS = 1.1, 1 / 1.1  # what a pair of round or square brackets multiplies by
_TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")


def weighted_parts(prompt: str) -> list[tuple[str, float]]:
    """Text and its weight: (a) 1.1, [a] 1/1.1, (a:1.5) 1.5, nested brackets multiply; a backslash takes a bracket as text."""
    parts: list[tuple[str, float]] = []
    open_brackets: list[tuple[str, int]] = []

    def multiply(start: int, factor: float) -> None:
        parts[start:] = [(text, weight * factor) for text, weight in parts[start:]]

    for match in _TOKEN.finditer(prompt):
        text, given = match[0], match[1]
        if text in "([":
            open_brackets.append((text, len(parts)))
        elif given is not None and open_brackets and open_brackets[-1][0] == "(" and _is_number(given):
            multiply(open_brackets.pop()[1], float(given))
        elif text == ")" and open_brackets and open_brackets[-1][0] == "(":
            multiply(open_brackets.pop()[1], MORE)
        elif text == "]" and open_brackets and open_brackets[-1][0] == "[":
            multiply(open_brackets.pop()[1], LESS)
        else:
            parts.append((text[1:] if len(text) == 2 and text[0] == "\\" else text, 1.0))
    for bracket, start in reversed(open_brackets):  # never closed: webui reads them as closed at the end
        multiply(start, MORE if bracket == "(" else LESS)
    return _joined(parts)


def without_weights(text: str) -> str:
    """The words alone: no brackets but those that a backslash takes as text, no weights."""
    return "".join(part for part, _ in weighted_parts(text))


def _is_number(text: str) -> bool:
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
