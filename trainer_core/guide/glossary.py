"""The words of the trade in English and Chinese, each with one sentence. Light: standard library only."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from . import tables


@dataclass(frozen=True)
class Term:
    """`term` and `term_zh` name it, `en` and `zh` explain it; `also`: other words for it, by which it may be found."""

    term: str
    term_zh: str
    en: str
    zh: str
    line: str
    also: tuple[str, ...] = ()
    truth: str = ""


@functools.cache
def entries() -> tuple[Term, ...]:
    """All terms, in the guide's order."""
    return tables.rows("glossary", "terms", Term)
