"""What a handler gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..rights import shown
from ..workbench import Workbench

PREFIX = "/lora_workbench/api/v1"


@dataclass(frozen=True)
class Call:
    """One request: its path's variables, its query, its JSON body, and the page's language."""

    workbench: Workbench
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    known: str = ""  # the mark of what the browser has already
    content: bytes = b""  # the body of a route that takes bytes

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of the query within its limits."""
        text = self.query.get(name, "")
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            raise Refused(f"{name} must be a whole number, not {shown(text)}.") from None
        return min(max(value, low), high)

    def only(self, *names: str) -> None:
        """Refuses a body with anything else in it: what is not understood is not passed over."""
        for name in self.body:
            if name not in names:
                raise Refused(f"{shown(name)} is not understood here; there are {', '.join(names) or 'no values'}.")


@dataclass(frozen=True)
class Reply:
    """An answer that is not JSON: bytes or a file. `mark`: changes with the content, so that browsers may keep it."""

    content: bytes | Path = b""
    kind: str = "application/octet-stream"
    mark: str = ""


@dataclass(frozen=True)
class Stream:
    """An answer that goes on: `look` gives what is to be sent whenever it differs from the last."""

    look: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Download:
    """An answer that browsers save as a file: one on the disk, or a zip of several that is made while it is sent."""

    name: str
    path: Path | None = None
    files: Sequence[tuple[Path, str]] = ()


Answer = dict[str, Any] | list[Any] | Reply | Stream | Download


@dataclass(frozen=True)
class Route:
    """One entry of the table. `largest`: bytes of the body; `outside`: other people's scripts call it, without our header.

    `raw`: the body is bytes and no JSON.
    """

    method: str
    path: str
    handle: Callable[[Call], Answer]
    what: str
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    largest: int = 4 << 20
    outside: bool = False
    raw: bool = False


def routes_of(*tables: tuple[Route, ...]) -> Iterator[Route]:
    for table in tables:
        yield from table
