"""Translates what a user sees: labels and helps word for word, and sentences with values in them by templates.

A language is a JSON file {English: translation}. A key's `{}` stands for any value, `{n}` for a number, `{w}` for a single
word of ours (other single words are a user's names and tags, and stay); its translation holds the same placeholders, with
`{0}` `{1}` where their order is another. So "a.gif is not trained: it is animated (3
pictures)" is found by its template, and the reason in it by one of its own. Of several templates that fit, the one that
says most in plain letters is taken. What no template fits stays English.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from .catalog import ANY, OUR_WORD, PLACEHOLDER, SOURCE, WORD, Catalog, read_catalog
from .page_words import for_the_page, without_dashes

# A setting's name before what its value must be, as converting words says it.
_NAME = re.compile(r"[\w-]+ (?=must )")
# How English joins sentences, and how the translation does.
_JOINTS = ((". ", ""), ("? ", ""), ("; ", "；"), (": ", "："))
_TRADITIONAL = ("tw", "hk", "mo", "hant", "traditional", "繁")
_LONGEST, _MOST_JOINTS, _DEEPEST = 4000, 8, 5


def language_of(name: str | None) -> str:
    """The language for a name of webui's ("zh_CN", "zh-Hant (Stable)", "None") or the browser's ("zh-TW", "ja")."""
    lowered = (name or "").lower()
    if lowered.startswith(("ja", "日本")):
        return "ja"
    if not (lowered.startswith("zh") or "chinese" in lowered or "中文" in lowered):
        return SOURCE
    return "zh_TW" if any(one in lowered for one in _TRADITIONAL) else "zh_CN"


def strings(language: str) -> dict[str, str]:
    """{English: translation} for the page: what has no values, or values with names; empty where the language is English."""
    texts = read_catalog(language).texts
    return {key: text for key, text in texts.items() if not {ANY, OUR_WORD} & set(PLACEHOLDER.findall(key))}


def translate(text: str, language: str) -> str:
    """The text as the page says it, in the language; what isn't known stays as it is."""
    text = for_the_page(text)
    return without_dashes(text if language == SOURCE or not text else _translated(text, language))


def translate_fields(value: Any, names: frozenset[str] | set[str], language: str) -> Any:
    """JSON values with the texts under `names` translated, at whatever depth they are; a new value."""
    if isinstance(value, Mapping):
        return {
            key: _field(one, language) if key in names else translate_fields(one, names, language) for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [translate_fields(one, names, language) for one in value]
    return value


def _field(value: Any, language: str) -> Any:
    if isinstance(value, str):
        return translate(value, language)
    return [_field(one, language) for one in value] if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=4096)
def _translated(text: str, language: str) -> str:
    return _Reading(read_catalog(language)).best(text, 0)[1]


class _Reading:
    """Reads one text: how many letters of it are known, and its translation; (0, text) where none are."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[tuple[str, int], tuple[int, str]] = {}

    def best(self, text: str, depth: int) -> tuple[int, str]:
        """Remembered, since the same parts come up again and again."""
        if (text, depth) not in self._known:
            self._known[text, depth] = self._best(text, depth)
        return self._known[text, depth]

    def _best(self, text: str, depth: int) -> tuple[int, str]:
        plain = text.strip()
        if text in self.catalog.texts:
            return len(text), self.catalog.texts[text]
        if len(text) > _LONGEST or depth > _DEEPEST or not plain:
            return 0, text
        if plain != text:
            start = text.index(plain)
            score, inner = self.best(plain, depth)
            return score, text[:start] + inner + text[start + len(plain) :]
        # Of equal ones the first is taken: a period belongs to the sentence before it belongs to its last value.
        ways = (self._without_period, self._by_template, self._as_lines, self._joined, self._after_name)
        return max((way(text, depth) for way in ways), key=lambda one: one[0])

    def _without_period(self, text: str, depth: int) -> tuple[int, str]:
        """Reasons become sentences by a period that their keys haven't."""
        if not text.endswith("."):
            return 0, text
        score, inner = self.best(text[:-1], depth + 1)
        if not score:
            return 0, text
        return score, inner if inner.endswith("？") else inner + "。"

    def _after_name(self, text: str, depth: int) -> tuple[int, str]:
        name = _NAME.match(text)
        if not name:
            return 0, text
        score, inner = self.best(text[name.end() :], depth + 1)
        return score, name[0] + inner

    def _value(self, text: str, name: str, depth: int) -> tuple[int, str]:
        """A value in a template. A single word is a name or a tag of the user's and stays, but where it must be ours."""
        return self.best(text, depth + 1) if " " in text.strip() or name == OUR_WORD else (0, text)

    def _by_template(self, text: str, depth: int) -> tuple[int, str]:
        best = (0, 0, text)
        candidates = [*self.catalog.by_word.get("", ())]
        for word in set(WORD.findall(text)):
            candidates += self.catalog.by_word.get(word, ())
        for template in candidates:
            values = template.values(text)
            if values is None:
                continue
            inner = [self._value(value, name, depth) for value, name in zip(values, template.names, strict=True)]
            score = template.letters + sum(one[0] for one in inner)
            if (score, template.letters) > best[:2]:
                best = (score, template.letters, template.filled([one[1] for one in inner]))
        return best[0], best[2]

    def _as_lines(self, text: str, depth: int) -> tuple[int, str]:
        if "\n" not in text:
            return 0, text
        lines = [self.best(line, depth + 1) for line in text.split("\n")]
        return sum(one[0] for one in lines), "\n".join(one[1] for one in lines)

    def _joined(self, text: str, depth: int) -> tuple[int, str]:
        """Sentences one after another, and a place before what is wrong there: "run.toml: dataset 1: …"."""
        best = (0, text)
        for joint, target in _JOINTS:
            ends_sentence = joint in (". ", "? ")
            at = -1
            for _ in range(_MOST_JOINTS):
                at = text.find(joint, at + 1)
                if at < 0:
                    break
                after = self.best(text[at + 2 :], depth + 1)
                if not after[0]:
                    continue
                before = self.best(text[: at + ends_sentence], depth + 1)
                score = before[0] + after[0]
                if (before[0] or joint == ": ") and score > best[0]:
                    best = (score, before[1] + ("" if ends_sentence else target) + after[1])
        return best
