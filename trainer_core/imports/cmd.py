"""Reads a batch file of Windows' cmd without running it: set, %names%, lines continued with ^, rem."""

from __future__ import annotations

import re

from .scripts import UNKNOWN, Command, Script

_SET = re.compile(r"set\s+(?:(/\w)\s+)?\"?([A-Za-z_][\w-]*)\s*=(.*)", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"(?:rem\b|::|:[\w-]+\s*$)", re.IGNORECASE)
_UNDECIDED = re.compile(r"(?:if|for|else)\b", re.IGNORECASE)


def read_cmd(text: str) -> Script:
    """All commands of the file, in the order in which they stand."""
    script = Script("cmd")
    for number, line in _joined(text):
        line = line.strip().lstrip("@").strip()
        if not line or _COMMENT.match(line) or line in ("(", ")"):
            continue
        if _UNDECIDED.match(line):
            script.note(f"Line {number}: `{line.split()[0].lower()}` is not decided here, so what it would do is left out.")
            continue
        for part in re.findall(r"(?:[^&\"]|\"[^\"]*\"?)+", line):
            _take(script, number, part.strip())
    return script


def _joined(text: str) -> list[tuple[int, str]]:
    """The lines with the number of their first, joined where they end with ^."""
    joined: list[tuple[int, str]] = []
    pending, begun = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        begun = begun or number
        if line.rstrip().endswith("^"):
            pending += line.rstrip()[:-1] + " "
            continue
        joined.append((begun, pending + line))
        pending, begun = "", 0
    return [*joined, (begun, pending)] if pending else joined


def _take(script: Script, number: int, part: str) -> None:
    found = _SET.match(part)
    if found:
        if found[1]:
            script.note(f"Line {number}: set {found[1]} is not read.")
        value = found[3].rstrip()
        value = value.removesuffix('"') if '"' in part[: found.start(2)] else value
        script.set(found[2].lower(), _filled(script, value) if not found[1] else UNKNOWN + value)
        return
    words = [word.replace('"', "") for word in re.findall(r"(?:[^\s\"]|\"[^\"]*\"?)+", _filled(script, part))]
    if words and words[0].lower() == "call":
        words = words[1:]
    if words:
        script.add(Command(number, tuple(words)))


def _filled(script: Script, text: str) -> str:
    """The text with %names% put in; %1 and %~dp0 are the script's own."""

    def value(found: re.Match[str]) -> str:
        name = found[1].lower()
        if name == "userprofile":
            return "~"
        if name not in script.variables:
            return UNKNOWN + found[0]
        return " ".join(script.words_of(name))

    text = re.sub(r"%~\w*\d|%\d|%\*", lambda found: UNKNOWN + found[0], text)
    return re.sub(r"%([A-Za-z_][\w-]*)%", value, text).replace("%%", "%")
