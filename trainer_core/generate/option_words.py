"""Options that came as JSON values, as the words that the command line's own reader takes: one reader, one set of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..problems import WordsError

_COMMAND_LINE_ONLY = ("help", "json", "dry_run")


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
