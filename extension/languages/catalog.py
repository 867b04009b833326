"""A language's file as it is searched: texts word for word, and templates by a word that every text of theirs has."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...trainer_core.files import read_json

FOLDER = Path(__file__).parent
SOURCE = "en"
PLACEHOLDER = re.compile(r"\{\w*\}")
WORD = re.compile(r"[A-Za-z]+")
ANY, NUMBER, OUR_WORD = "{}", "{n}", "{w}"
_DIGITS = re.compile(r"[\d.,]+")


@dataclass(frozen=True)
class Template:
    """A key in pieces: `between[i]` stands before value i, whose placeholder is `names[i]`."""

    between: tuple[str, ...]
    names: tuple[str, ...]
    target: str
    order: tuple[int, ...]
    letters: int

    def values(self, text: str) -> list[str] | None:
        """The values of a text that the template fits, each as short as can be; else as long as can be; else None."""
        first, last = self.between[0], self.between[-1]
        if not text.startswith(first) or not text.endswith(last) or len(text) < self.letters:
            return None
        return self._shortest(text) or (self._longest(text) if NUMBER in self.names else None)

    def _shortest(self, text: str) -> list[str] | None:
        first, *middle, last = self.between
        at, end, found = len(first), len(text) - len(last), []
        for piece in middle:
            following = text.find(piece, at, end)
            if following < 0:
                return None
            found.append(text[at:following])
            at = following + len(piece)
        return self._checked([*found, text[at:end]])

    def _longest(self, text: str) -> list[str] | None:
        first, *middle, last = self.between
        start, end, found = len(first), len(text) - len(last), []
        for piece in reversed(middle):
            before = text.rfind(piece, start, end)
            if before < 0:
                return None
            found.append(text[before + len(piece) : end])
            end = before
        return self._checked([*reversed([*found, text[start:end]])])

    def _checked(self, values: list[str]) -> list[str] | None:
        fits = all(name != NUMBER or _DIGITS.fullmatch(value) for name, value in zip(self.names, values, strict=True))
        return values if fits else None

    def filled(self, values: list[str]) -> str:
        parts = PLACEHOLDER.split(self.target)
        return parts[0] + "".join(values[place] + part for place, part in zip(self.order, parts[1:], strict=True))


@dataclass(frozen=True)
class Catalog:
    """A language's texts, and its templates by a word that every text of theirs has."""

    texts: Mapping[str, str]
    by_word: Mapping[str, tuple[Template, ...]]


@functools.cache
def read_catalog(language: str) -> Catalog:
    """The language's catalog; an empty one for English and for what isn't one of our languages."""
    files = {path.stem: path for path in FOLDER.glob("*.json")}
    texts: dict[str, str] = read_json(files[language]) if language in files else {}
    templates = [(key, _template(key, target)) for key, target in texts.items() if is_template(key)]
    words = {key: _whole_words(template) for key, template in templates}
    counts: dict[str, int] = {}
    for found in words.values():
        for word in found:
            counts[word] = counts.get(word, 0) + 1
    by_word: dict[str, list[Template]] = {}
    for key, template in templates:
        rarest = min(words[key], key=lambda word: (counts[word], word), default="")
        by_word.setdefault(rarest, []).append(template)
    return Catalog(texts, {word: tuple(found) for word, found in by_word.items()})


def is_template(key: str) -> bool:
    """Whether texts are searched for by this key: it has values, and none with a name as the page's sentences have."""
    names = PLACEHOLDER.findall(key)
    return bool(names) and set(names) <= {ANY, NUMBER, OUR_WORD}


def _template(key: str, target: str) -> Template:
    names = PLACEHOLDER.findall(key)
    order, following = [], 0
    for name in PLACEHOLDER.findall(target):
        if name[1:-1].isdigit():
            order.append(int(name[1:-1]))
        else:
            order.append(following)
            following += 1
    between = tuple(PLACEHOLDER.split(key))
    return Template(between, tuple(names), target, tuple(order), sum(map(len, between)))


def _whole_words(template: Template) -> set[str]:
    """Words of the template that no value can run into."""
    found: set[str] = set()
    for number, piece in enumerate(template.between):
        for match in WORD.finditer(piece):
            open_left = match.start() == 0 and number > 0
            open_right = match.end() == len(piece) and number < len(template.between) - 1
            if not open_left and not open_right:
                found.add(match[0])
    return found
