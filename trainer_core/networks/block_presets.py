"""Presets of block weights: those that come with the program, and lora-block-weight's `lbwpresets.txt`, kept byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..files import write_atomically
from ..problems import UserError
from .blocks import BASE, FOREIGN_LENGTHS, MID, NAMES, WITHOUT_BASE

FILE_NAME = "lbwpresets.txt"
_MARK = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_WITH_X = re.compile(r"X([+-](\d+(\.\d*)?|\.\d+))?")
_FORBIDDEN_IN_NAMES = ":#,=<>\r\n"

Role = Literal["preset", "foreign", "without-base", "wrong-length", "comment"]


def built_in(length: int) -> dict[str, str]:
    """{name: list} of the program's own presets for lists of 12, 17, 20 or 26.

    With 17 they are lora-block-weight's own and the guide's; for the other lengths the same meanings.
    """
    names = NAMES[length]
    presets = {name: _list(names, rule) for name, rule in _EVERY.items()}
    if length in (17, 26):
        presets |= {name: _list(names, rule) for name, rule in _HALVES.items()}
    if length == 26:
        presets |= {f"L{name}": _list(names, {**_EVERY[name], BASE: "1"}) for name in ("OUTX", "INX")}
    return presets


def _list(names: Sequence[str], rule: Mapping[str, str]) -> str:
    return ",".join(_value(block, rule) for block in names)


def _value(block: str, rule: Mapping[str, str]) -> str:
    """`rule`: {block or side ("IN", "OUT"), or "first-last" within the order of NAMES[26]: value}; else its "" or 0."""
    if block in rule:
        return rule[block]
    order = NAMES[26]
    for span, value in rule.items():
        first, dash, last = span.partition("-")
        if dash and order.index(first) <= order.index(block) <= order.index(last):
            return value
    side = "IN" if block.startswith("IN") else "OUT" if block.startswith("OUT") else ""
    return rule.get(side, rule.get("", "0"))


_EVERY: dict[str, dict[str, str]] = {
    "NONE": {},
    "ALL": {"": "1"},
    "INALL": {BASE: "1", "IN": "1"},
    "OUTALL": {BASE: "1", "OUT": "1"},
    "ALL0.5": {"": "0.5"},
    "OUTX": {BASE: "X", "IN": "X", MID: "X", "OUT": "1"},
    "INX": {BASE: "1", "IN": "1", MID: "1", "OUT": "X"},
}
# These name halves of a UNet with four sizes; SDXL's has three.
_HALVES: dict[str, dict[str, str]] = {
    "INS": {BASE: "1", "IN00-IN04": "1"},
    "IND": {BASE: "1", "IN05-IN11": "1"},
    "MIDD": {BASE: "1", "IN05-OUT06": "1"},
    "OUTD": {BASE: "1", "OUT00-OUT06": "1"},
    "OUTS": {BASE: "1", "OUT07-OUT11": "1"},
    "FACE": {BASE: "1", "OUT04-OUT06": "1"},
}


@dataclass(frozen=True)
class Preset:
    """A line of a presets file that means something: `values` as written, trimmed; `line` counted from 0."""

    name: str
    values: tuple[str, ...]
    line: int
    role: Role


@dataclass
class PresetFile:
    """`lbwpresets.txt`: every line as it was read, so that what isn't changed is written back byte for byte.

    A line is a preset where it has a ":", no "#" and 12, 17, 20 or 26 numbers ("foreign": 61, for Flux). Lists of 25 lack
    BASE ("without-base"), others have a "wrong-length"; the extension takes both for comments. Names are case-sensitive; of
    two lines with one name the last counts.
    """

    lines: list[bytes] = field(default_factory=list)
    mark: bytes = b""

    @classmethod
    def parse(cls, content: bytes) -> PresetFile:
        mark = _MARK if content.startswith(_MARK) else b""
        return cls(content[len(mark) :].splitlines(keepends=True), mark)

    @classmethod
    def read(cls, path: Path) -> PresetFile:
        """The file; UserError where it can't be read. A file that isn't there is an empty one."""
        try:
            return cls.parse(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise UserError(f"The presets file {path} can't be read ({error.strerror or error}): check its rights.") from error

    def content(self) -> bytes:
        return self.mark + b"".join(self.lines)

    def write(self, path: Path) -> None:
        """Atomically; UserError where the folder refuses it."""
        try:
            write_atomically(path, self.content())
        except OSError as error:
            raise UserError(
                f"The presets file {path} can't be written ({error.strerror or error}): it is as it was."
            ) from error

    def entries(self) -> Iterator[Preset]:
        """Every line but comments and empty ones, in order."""
        for number, line in enumerate(self.lines):
            text = _text(line)
            if ":" not in text or "#" in text:
                continue
            name, values = text.split(":")[:2]
            yield Preset(name.strip(), _split(values), number, _role(text, values))

    def presets(self) -> dict[str, str]:
        """{name: list} of the presets that the extension takes and this program understands."""
        return {one.name: ",".join(one.values) for one in self.entries() if one.role == "preset"}

    def notices(self) -> list[str]:
        """A sentence for each line that the extension silently passes over."""
        found = []
        if self.mark and self.lines and ":" in _text(self.lines[0]):
            found.append("The file begins with a byte order mark, so that the extension doesn't find its first preset.")
        for one in self.entries():
            if one.role == "without-base":
                found.append(f"{one.name} has 25 numbers: BASE is missing, and the extension takes the line for a comment.")
            elif one.role == "wrong-length":
                found.append(
                    f"{one.name} has {len(one.values)} numbers: the extension takes lists of 12, 17, 20 or 26 and passes over "
                    "it."
                )
        return found

    def set(self, name: str, values: Sequence[str]) -> None:
        """Changes that preset's numbers and nothing else, or adds the preset at the end. UserError for bad names or values."""
        words = checked_values(values, name)
        found = next((one for one in reversed(list(self.entries())) if one.name == name), None)
        if found is not None:
            head, _, tail = self.lines[found.line].partition(b":")
            old, end = _without_end(tail)
            _, colon, rest = old.partition(b":")
            space = old[: len(old) - len(old.lstrip(b" \t"))]
            self.lines[found.line] = head + b":" + space + ",".join(words).encode() + colon + rest + end
            return
        _check_name(name)
        end = self._line_end()
        if self.lines and not self.lines[-1].endswith((b"\n", b"\r")):
            self.lines[-1] += end
        self.lines.append(f"{name}:{','.join(words)}".encode() + end)

    def rename(self, name: str, new: str) -> None:
        """Gives all lines of one preset another name. UserError where there is none, or the new name is taken."""
        _check_name(new)
        own = [one for one in self.entries() if one.name == name]
        if not own:
            raise UserError(f"There is no preset {name} in the file.")
        if new != name and any(one.name == new for one in self.entries()):
            raise UserError(f"There is a preset {new} already: choose another name.")
        for one in own:
            _, colon, rest = self.lines[one.line].partition(b":")
            self.lines[one.line] = new.encode() + colon + rest

    def remove(self, name: str) -> None:
        """Takes out all lines of one preset. UserError where there is none."""
        own = {one.line for one in self.entries() if one.name == name}
        if not own:
            raise UserError(f"There is no preset {name} in the file.")
        self.lines = [line for number, line in enumerate(self.lines) if number not in own]

    def insert_base(self, name: str, base: str = "1") -> None:
        """Makes a list of 25 one of 26. UserError where that preset isn't one of 25."""
        found = next((one for one in self.entries() if one.name == name and one.role == "without-base"), None)
        if found is None:
            raise UserError(f"There is no preset {name} with 25 numbers in the file.")
        self.set(name, (base, *found.values))

    def _line_end(self) -> bytes:
        """The end that the file's lines have."""
        return next((end for line in self.lines if (end := _without_end(line)[1])), b"\n")


def checked_values(values: Sequence[str], name: str = "The list") -> tuple[str, ...]:
    """The values, trimmed; UserError with one sentence where their number or one of them is wrong."""
    words = tuple(value.strip() for value in values)
    if len(words) not in NAMES:
        raise UserError(f"{name} has {len(words)} numbers: lists have 12, 17, 20 or 26.")
    wrong = next((word for word in words if not is_value(word)), None)
    if wrong is not None:
        raise UserError(f"{name}: {wrong!r} isn't a block's weight; write a number, X, X+0.2, X-0.2, R or U.")
    return words


def is_value(word: str) -> bool:
    """A number, X with or without an offset, R (random, 0 to 1) or U (random, -0.5 to 1.5)."""
    return word in ("R", "U") or bool(_NUMBER.fullmatch(word) or _WITH_X.fullmatch(word))


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip() or any(letter in _FORBIDDEN_IN_NAMES for letter in name):
        raise UserError(
            f"{name!r} can't be a preset's name: it must not be empty, begin or end in a space, or hold : # , = < >."
        )


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="surrogateescape").rstrip("\r\n")


def _split(values: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in values.split(","))


def _without_end(line: bytes) -> tuple[bytes, bytes]:
    text = line.rstrip(b"\r\n")
    return text, line[len(text) :]


def _role(line: str, values: str) -> Role:
    """The extension counts the whole line's commas."""
    count = line.count(",") + 1
    if count in NAMES:
        return "preset" if all(is_value(value) for value in _split(values)) and len(_split(values)) == count else "comment"
    if count in FOREIGN_LENGTHS:
        return "foreign"
    if count == WITHOUT_BASE:
        return "without-base"
    return "wrong-length" if count > 1 and all(is_value(value) for value in _split(values)) else "comment"
