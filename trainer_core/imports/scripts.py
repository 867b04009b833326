"""What the readers of bash, PowerShell and cmd have in common: commands with their words, variables, simple sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..problems import WordsError

# Stands in a word before what can't be known without running the script; no text that is imported holds it.
UNKNOWN = "\0"
MOST_NOTES = 40
_LONGEST = 64 << 10  # letters of a variable
_LONGEST_SUM = 200


@dataclass(frozen=True)
class Command:
    """A program's words. `inside`: the line of the `if` or loop around it, or 0."""

    line: int
    words: tuple[str, ...]
    inside: int = 0


@dataclass
class Script:
    """What a reader found: commands in order, the variables at the end, and sentences about what it couldn't read."""

    kind: str
    commands: list[Command] = field(default_factory=list)
    variables: dict[str, str | list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    _letters: int = 0  # of all commands

    def note(self, sentence: str) -> None:
        if len(self.notes) < MOST_NOTES and sentence not in self.notes:
            self.notes.append(sentence)

    def set(self, name: str, value: str | list[str]) -> None:
        """Sets a variable; raises WordsError for a script that makes one grow without an end."""
        if sum(map(len, value)) + len(value) > _LONGEST:
            raise WordsError(f"The script can't be read: it makes {name} longer than any setting is.")
        self.variables[name] = value

    def add(self, command: Command) -> None:
        """Takes a command; raises WordsError where all together are longer than any training's."""
        self._letters += sum(map(len, command.words)) + len(command.words)
        if self._letters > 8 * _LONGEST:
            raise WordsError("The script can't be read: its commands are longer than any training's.")
        self.commands.append(command)

    def words_of(self, name: str) -> list[str]:
        """A variable's words: an array's, or a text as one; none where it isn't set."""
        value = self.variables.get(name, [])
        return [value] if isinstance(value, str) else list(value)


class Scanner:
    """A text and a place in it, with what every reader does: looking, stepping, counting lines."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self._counted = (0, 1)  # a place and its line, so that no line is counted twice

    def at(self, *beginnings: str) -> bool:
        return self.text.startswith(beginnings, self.place)

    @property
    def sign(self) -> str:
        """The sign at the place, or an empty text at the end."""
        return self.text[self.place : self.place + 1]

    @property
    def line(self) -> int:
        place, line = self._counted if self._counted[0] <= self.place else (0, 1)
        self._counted = (self.place, line + self.text.count("\n", place, self.place))
        return self._counted[1]

    def take(self, pattern: str) -> str:
        """Steps over what the pattern matches here, and gives it."""
        found = re.compile(pattern).match(self.text, self.place)
        if found is None:
            return ""
        self.place = found.end()
        return found[0]

    def until(self, end: str, what: str) -> str:
        """What stands before `end`; steps over both. `what`: how the sentence names what is never closed."""
        stop = self.text.find(end, self.place)
        if stop < 0:
            raise never_closed(self.line, what)
        found, self.place = self.text[self.place : stop], stop + len(end)
        return found


def never_closed(line: int, what: str) -> WordsError:
    return WordsError(f"The script can't be read: line {line} opens {what} that is never closed.")


def is_unknown(text: str) -> bool:
    return UNKNOWN in text


def known_text(text: str) -> str:
    """The word as the script has it."""
    return text.replace(UNKNOWN, "")


_SUM = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)|\$?\{?([A-Za-z_]\w*)\}?|([-+*/()]))")


def calculated(text: str, variables: Mapping[str, str | list[str]], shown: Callable[[float], str]) -> str | None:
    """The value of a simple sum of numbers and variables; None for everything else."""
    parts: list[str] = []
    place, text = 0, text.rstrip()
    if len(text) > _LONGEST_SUM:
        return None
    while place < len(text):
        found = _SUM.match(text, place)
        if found is None or len(parts) > 60:
            return None
        number, name, operator = found.groups()
        if name:
            value = variables.get(name)
            if not isinstance(value, str) or not re.fullmatch(r"-?[\d.]+(?:[eE][-+]?\d+)?", value):
                return None
            number = value
        parts.append(operator or number)
        place = found.end()
    try:
        value, rest = _sum(parts)
    except (ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None
    return None if rest else shown(value)


def _sum(parts: list[str]) -> tuple[float, list[str]]:
    value, parts = _product(parts)
    while parts and parts[0] in "+-":
        other, rest = _product(parts[1:])
        value, parts = (value + other, rest) if parts[0] == "+" else (value - other, rest)
    return value, parts


def _product(parts: list[str]) -> tuple[float, list[str]]:
    value, parts = _factor(parts)
    while parts and parts[0] in "*/":
        other, rest = _factor(parts[1:])
        value, parts = (value * other, rest) if parts[0] == "*" else (value / other, rest)
    return value, parts


def _factor(parts: list[str]) -> tuple[float, list[str]]:
    if parts[0] == "-":
        value, rest = _factor(parts[1:])
        return -value, rest
    if parts[0] == "(":
        value, rest = _sum(parts[1:])
        if rest[0] != ")":
            raise ValueError("a bracket is not closed")
        return value, rest[1:]
    text = parts[0]
    return (float(text) if any(sign in text for sign in ".eE") else int(text)), parts[1:]


def plain_number(value: float) -> str:
    """A number as a flag has it: 4, 0.0001, 5e-05."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.15g}"
