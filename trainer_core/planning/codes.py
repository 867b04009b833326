"""All codes of problems, from `codes.json`: scripts, translations and buttons hold on to them, so none changes its meaning."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from ..files import read_json


@dataclass(frozen=True)
class Code:
    """One code: its group, the severities that it may have, what it means and what mends it."""

    group: str
    code: str
    severity: str
    meaning: str
    mend: str


@functools.cache
def codes() -> dict[str, Code]:
    """{code: what it is}, in the order of the page."""
    content = read_json(Path(__file__).with_name("codes.json"))
    return {row["code"]: Code(group, **row) for group, rows in content.items() for row in rows}
