"""Advice as a settings file with a reason above each value, and as tables for the terminal."""

from __future__ import annotations

import itertools
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from ..export import plain_values
from ..guide.facts import Reasoned
from ..planning.text import table
from ..settings import ALL
from ..settings.convert import convert

_WIDTH = 118  # of the file's lines, and of tables that no terminal shows
_VALUE, _NARROWEST = 32, 36  # columns of values; of reasons beside them


def settings_text(values: Sequence[Reasoned], head: str) -> str:
    """A TOML file that --config_file reads; None and False that are defaults are left out with their reasons."""
    import tomli_w

    lines = [f"# {line}" for line in textwrap.wrap(head, _WIDTH)]
    for one in values:
        value = None if one.value is None else convert(ALL[one.name], one.value)
        written = dict(plain_values({one.name: value}))
        if written:
            why = [f"# {line}" for line in textwrap.wrap(sentence(one), _WIDTH)]
            lines += ["", *why, tomli_w.dumps(written).rstrip()]
    return "\n".join(lines) + "\n"


def sentence(one: Reasoned) -> str:
    """The reason with its source: "class B, 42 pictures (guide l. 276)"."""
    return f"{one.reason} ({one.source})" if one.source else one.reason


def advice_table(values: Sequence[Reasoned]) -> str:
    """Setting, value, reason and source in the terminal's columns; each reason below its value where these are few."""
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    left = width - max((len(one.name) for one in values), default=0) - _VALUE - 4
    if left < _NARROWEST:
        return "\n".join(line for one in values for line in _one_below_the_other(one, width))
    rows = [("setting", "value", "why")]
    for one in values:
        columns = ([one.name], _wrapped(shown(one.value), _VALUE), _wrapped(sentence(one), left))
        rows += itertools.zip_longest(*columns, fillvalue="")
    return "\n".join(table(rows))


def _one_below_the_other(one: Reasoned, width: int) -> list[str]:
    value = _wrapped(f"{one.name} = {shown(one.value)}", width)
    return [*value, *(f"    {line}" for line in _wrapped(sentence(one), width - 4))]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False)


def shown(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "(take it out)"
    if isinstance(value, (list, tuple)):
        return " ".join(shown(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
