"""Which captions are meant: `has:red hat and not:smile`, `count>20 or name:penny_*`. Standard library only.

Words:   has:TAG  not:TAG  (* and ? stand for letters)   count>20  length<=200  (tags, letters; also = < >= and 5-10)
         folder:NAME  rating:NAME  name:PART-OF-THE-FILE'S-NAME
Between: and (also where nothing stands)  or  not  ( )      "…" around what has such words in it
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..trainer_core.problems import WordsError
from .captions import same_tag
from .folder import Entry

Test = Callable[[Entry], bool]
_TOKEN = re.compile(r'\s*(?:([()])|((?:[A-Za-z]+:)?"[^"]*")|([^\s()"]+(?:\([^()\s]*\)[^\s()"]*)*))')
_NUMBER = re.compile(r"(count|length)(<=|>=|=|<|>|:)(\d+)(?:-(\d+))?", re.IGNORECASE)
_KEY = re.compile(r"(has|not|folder|rating|name):(.*)", re.IGNORECASE | re.DOTALL)
_BETWEEN = ("and", "or", "not", "(", ")")


def compiled(text: str) -> Test:
    """The test that a query means; an empty one holds for all. WordsError says what can't be understood."""
    tokens = _tokens(text)
    if not tokens:
        return lambda entry: True
    reader = _Reader(tokens, text)
    test = reader.either()
    if reader.at < len(tokens):
        raise WordsError(f"The filter {text!r} can't be understood at {tokens[reader.at]!r}: a bracket is open or too many.")
    return test


def matching(entries: Iterable[Entry], text: str) -> list[Entry]:
    test = compiled(text)
    return [entry for entry in entries if test(entry)]


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise WordsError(
                f"The filter {text!r} can't be understood from {text[at : at + 20]!r} on: a quotation mark is open."
            )
        tokens.append(next(group for group in found.groups() if group is not None))
        at = found.end()
    return tokens


@dataclass
class _Reader:
    """Goes through the tokens once."""

    tokens: Sequence[str]
    text: str
    at: int = 0

    def either(self) -> Test:
        tests = [self.both()]
        while self._is("or"):
            self.at += 1
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda entry: any(test(entry) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.at < len(self.tokens) and not self._is("or") and not self._is(")"):
            if self._is("and"):
                self.at += 1
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda entry: all(test(entry) for test in tests)

    def one(self) -> Test:
        if self.at >= len(self.tokens):
            raise WordsError(f"The filter {self.text!r} ends too early: something must follow its last word.")
        token = self.tokens[self.at]
        self.at += 1
        if token.lower() == "not":
            test = self.one()
            return lambda entry: not test(entry)
        if token == "(":
            test = self.either()
            if not self._is(")"):
                raise WordsError(f"The filter {self.text!r} lacks a closing bracket.")
            self.at += 1
            return test
        if token.lower() in _BETWEEN:
            raise WordsError(f"The filter {self.text!r} can't be understood at {token!r}: something must stand before it.")
        return self._word(token)

    def _word(self, token: str) -> Test:
        if number := _NUMBER.fullmatch(token):
            return _measure(*number.groups())
        key = _KEY.fullmatch(token)
        kind, value = (key[1].lower(), key[2]) if key else ("has", token)
        value = self._rest(value)
        if not value:
            raise WordsError(f"The filter {self.text!r} can't be understood at {token!r}: a word must follow the colon.")
        return _KINDS[kind](value)

    def _rest(self, value: str) -> str:
        """The value with the words after it that begin nothing new: `has:red hat` needs no quotation marks."""
        if value.startswith('"'):
            return value.strip('"').strip()
        words = [value] if value else []
        while self.at < len(self.tokens) and _is_plain(self.tokens[self.at]):
            words.append(self.tokens[self.at])
            self.at += 1
        return " ".join(words)

    def _is(self, word: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].lower() == word


def _is_plain(token: str) -> bool:
    return not (token.lower() in _BETWEEN or _KEY.fullmatch(token) or _NUMBER.fullmatch(token) or token.startswith('"'))


def tag_test(pattern: str) -> Callable[[str], bool]:
    """Whether a tag is the one meant, in any spelling; * and ? stand for letters, unless the pattern has none."""
    wanted = same_tag(pattern)
    if not re.search(r"[*?]", wanted) or not re.search(r"\w", wanted):
        return lambda tag: same_tag(tag) == wanted
    match = re.compile(fnmatch.translate(wanted.replace("[", "[[]"))).match
    return lambda tag: match(same_tag(tag)) is not None


def _has(value: str) -> Test:
    test = tag_test(value)
    return lambda entry: any(map(test, entry.tags))


def _has_not(value: str) -> Test:
    test = tag_test(value)
    return lambda entry: not any(map(test, entry.tags))


def _folder(value: str) -> Test:
    wanted = value.replace("\\", "/").strip("/").lower()

    def test(entry: Entry) -> bool:
        place = (entry.place or entry.picture.parent.name).lower()
        return fnmatch.fnmatchcase(place, wanted) or fnmatch.fnmatchcase(place.rpartition("/")[2], wanted)

    return test


def _rating(value: str) -> Test:
    wanted = value.lower().removeprefix("rating:")
    return lambda entry: entry.rating == wanted


def _name(value: str) -> Test:
    wanted = value.lower()
    if re.search(r"[*?]", wanted):
        return lambda entry: fnmatch.fnmatchcase(entry.name.lower(), wanted)
    return lambda entry: wanted in entry.name.lower()


_KINDS: dict[str, Callable[[str], Test]] = {
    "has": _has,
    "not": _has_not,
    "folder": _folder,
    "rating": _rating,
    "name": _name,
}


def _measure(what: str, sign: str, first: str, last: str | None) -> Test:
    low = int(first)
    high = int(last) if last else low
    bounds = {"<": (0, low - 1), "<=": (0, low), ">": (low + 1, None), ">=": (low, None)}
    least, most = bounds.get(sign, (low, high))
    size: Callable[[Entry], int] = (
        (lambda e: len(e.tags)) if what.lower() == "count" else (lambda e: len(e.caption.text.strip()))
    )
    return lambda entry: least <= size(entry) and (most is None or size(entry) <= most)
