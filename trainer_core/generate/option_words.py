"""What the words of `reg`, `grid` and `prior` have in common.

Options that came as JSON values become words that the command line's own reader takes: one reader, one set of errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..problems import WordsError

_COMMAND_LINE_ONLY = ("help", "json", "dry_run")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves the ending to the command. Its prog's last word is the command's name."""

    def error(self, message: str) -> NoReturn:
        raise WordsError(f"{self.prog.rpartition(' ')[2]}: {message}.")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def plain_word(word: str) -> str:
    """Hyphens in a flag's name may stand for underscores."""
    name, mark, value = word.partition("=")
    return name.replace("-", "_").replace("__", "--", 1) + mark + value if word.startswith("--") else word


def option_words(options: Any, positional: str = "") -> list[str]:
    """{"steps": 20, "prompt": ["a", "b"], "redo": True} → --steps=20 --prompt=a --prompt=b --redo.

    None, False and empty lists are left out. No value can be taken for a flag: each stands behind its name and `=`, and those
    of `positional` behind `--`. WordsError where it isn't a JSON object of names with texts, numbers, or lists of these.
    """
    if not isinstance(options, Mapping):
        raise WordsError("options must be a JSON object of names and values.")
    words: list[str] = []
    for name, value in options.items():
        if not str(name).isidentifier() or name in _COMMAND_LINE_ONLY:
            raise WordsError(f"{name} is not an option.")
        if value is None or value is False or name == positional:
            continue
        words += [f"--{name}"] if value is True else [f"--{name}={_text(name, one)}" for one in _several(value)]
    own = options.get(positional)
    return [*words, "--", *(_text(positional, one) for one in _several(own))] if own else words


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise WordsError(f"{name} must be text, a number, or a list of these, not {value!r}.")
    return str(value)
