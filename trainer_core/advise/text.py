"""Advice as a settings file with a reason above each value, and as tables for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from ..export import plain_values
from ..guide.facts import Reasoned
from ..planning.text import table
from ..settings import ALL
from ..settings.convert import convert

_WIDTH = 118


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
    """A row a value: setting, value, reason and source."""
    rows = [["setting", "value", "why"], *([one.name, shown(one.value), sentence(one)] for one in values)]
    return "\n".join(table(rows))


def shown(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "(take it out)"
    if isinstance(value, (list, tuple)):
        return " ".join(shown(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
