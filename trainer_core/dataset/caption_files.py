"""Reads caption files in whatever encoding they are, and says what was done to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..text_files import decode

_ESCAPE = re.compile(r"\\([()\[\]\\])")


@dataclass(frozen=True)
class CaptionText:
    """A caption file's text and what is to be told: its encoding (empty for UTF-8), several lines, escapes taken off."""

    text: str
    encoding: str = ""
    lines: int = 1
    unescaped: bool = False


def read_caption(path: Path, separator: str, keep_lines: bool, keep_escapes: bool = False) -> CaptionText:
    """The caption of a file. Lines are joined by the separator, or with `keep_lines` kept for wildcards to choose from.

    Escapes such as `\\(` belong to prompts and are taken off, unless weights are read too. Raises OSError.
    """
    text, encoding = decode(path.read_bytes())
    return plain_caption(text, encoding, separator=separator, keep_lines=keep_lines, keep_escapes=keep_escapes)


def plain_caption(
    text: str, encoding: str = "", *, separator: str, keep_lines: bool, keep_escapes: bool = False
) -> CaptionText:
    """The same of a text that is known already."""
    lines = [line.strip() for line in text.replace("\0", "").splitlines() if line.strip()]
    if keep_lines:
        joined = "\n".join(lines)
    else:
        joint = separator if separator.isspace() else separator.strip() + " "
        joined = joint.join(line.removesuffix(separator.strip()).rstrip() if separator.strip() else line for line in lines)
    plain = joined if keep_escapes else _ESCAPE.sub(r"\1", joined)
    return CaptionText(plain, encoding, len(lines), plain != joined)
