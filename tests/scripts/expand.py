"""Expands the guide's PowerShell script to the words of its commands, where PowerShell itself is not to be had.

It knows what such scripts use: variables holding text and numbers, products, comments, backticks at line ends, quotes.
"""

from __future__ import annotations

import re

_ASSIGNMENT = re.compile(r"\$(\w+)\s*=\s*(.+)$")
_VARIABLE = re.compile(r"\$(\w+)")


def powershell_commands(text: str) -> list[list[str]]:
    """The words of each command in order; assignments are carried out. Raises ValueError for what it doesn't know."""
    variables: dict[str, str | float | int] = {}
    commands = []
    for line in _joined_lines(text):
        assigned = _ASSIGNMENT.match(line)
        if assigned:
            variables[assigned[1]] = _value(assigned[2].rstrip("; "), variables)
        else:
            commands.append(_words(line, variables))
    return commands


def _joined_lines(text: str) -> list[str]:
    joined, pending = [], ""
    for raw in text.splitlines():
        line = _without_comment(raw).strip()
        if line.endswith("`"):
            if not line[:-1].endswith((" ", "\t")) and line != "`":
                raise ValueError(f"a backtick needs a space before it: {raw!r}")
            pending += line[:-1]
            continue
        if pending + line:
            joined.append(pending + line)
        pending = ""
    return joined


def _without_comment(line: str) -> str:
    quoted = False
    for position, sign in enumerate(line):
        if sign == '"':
            quoted = not quoted
        elif sign == "#" and not quoted:
            return line[:position]
    return line


def _value(text: str, variables: dict[str, str | float | int]) -> str | float | int:
    if text.startswith('"') and text.endswith('"'):
        return _replaced(text[1:-1], variables)
    if "*" in text:
        left, right = (_value(part.strip(), variables) for part in text.split("*"))
        return left * right  # type: ignore[operator]
    if text.startswith("$"):
        return variables[text[1:]]
    return float(text) if "." in text else int(text)


def _replaced(text: str, variables: dict[str, str | float | int]) -> str:
    return _VARIABLE.sub(lambda found: _shown(variables[found[1]]), text)


def _shown(value: str | float | int) -> str:
    """A value as PowerShell writes it in text: 0.00005 is 5E-05, 0.0 is 0."""
    return f"{value:.15G}" if isinstance(value, float) else str(value)


def _words(line: str, variables: dict[str, str | float | int]) -> list[str]:
    words = re.findall(r'(?:[^\s"]|"[^"]*")+', line)
    return [_replaced(word.replace('"', ""), variables) for word in words]
