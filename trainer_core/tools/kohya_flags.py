"""Flags of kohya's scripts that change nothing here, or say what the files say themselves. For the terminal alone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ..models.families import FAMILIES, require_base
from ..models.header import read_header
from ..problems import UserError


def add_idle(parser: argparse.ArgumentParser, flags: Mapping[str, str]) -> None:
    """kohya's flags with a value that change nothing here, {flag: why}: they are taken, and `idle_lines` says so."""
    for name in flags:
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)


def idle_lines(words: argparse.Namespace, flags: Mapping[str, str]) -> list[str]:
    """A line for each of these flags that was given."""
    return [f"note: --{name} changes nothing here: {why}." for name, why in flags.items() if getattr(words, name)]


def require_flags(model: str | Path, v2: bool, sdxl: bool = False) -> None:
    """UserError where kohya's --v2 or --sdxl doesn't fit: the file says it itself, so that would be somebody's mistake."""
    if not (v2 or sdxl):
        return
    family = require_base(read_header(model))
    if family != ("sdxl" if sdxl else "sd2"):
        flag = "--sdxl" if sdxl else "--v2"
        raise UserError(f"{flag} was given, but {model} is {FAMILIES[family].title}: leave it out, the file says it.")
