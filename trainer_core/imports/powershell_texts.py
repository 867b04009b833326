"""PowerShell's blanks, comments, brackets, texts in quotes and variables: what every statement of it is made of."""

from __future__ import annotations

import re

from .scripts import UNKNOWN, Scanner, Script, calculated, never_closed

SINGLE, DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "", "a": "", "b": ""}
_OWN_CONSTANTS = {"true": "true", "false": "false", "null": ""}


class PowerShellTexts(Scanner):
    """A script and a place in it; `script` takes what is found."""

    def __init__(self, text: str) -> None:
        super().__init__(text.replace("\r\n", "\n").removeprefix("\ufeff"))
        self.script = Script("PowerShell")
        self.inside = 0  # the line of the outermost `if` or loop around
        self.last_comment = 0

    def _space(self, lines: bool) -> None:
        """Steps over blanks, comments and continued lines; with `lines` over the ends of lines too."""
        while True:
            if self.take(r"[ \t]+") or (lines and self.take(r"\n")):
                continue
            if self.at("`") and (gap := self.take(r"`[ \t]*\n")):
                if len(gap) > 2:
                    self._tell_of_backtick(gap, "")
                continue
            if self.at("<#"):
                self.place += 2
                self.until("#>", "a comment")
            elif self.sign == "#":
                self.last_comment = self.line
                self.take(r"[^\n]*")
            else:
                return

    def _tell_of_backtick(self, gap: str, word: str) -> None:
        """`gap`: the backtick up to the line's end; `word`: what it is glued to."""
        line = self.line - 1
        if len(gap) > 2:
            self.script.note(f"Line {line}: blanks stand behind the backtick, so PowerShell ends the command there.")
        else:
            self.script.note(f"Line {line}: the backtick needs a blank before it; {short(word)} is read as if it had one.")

    def _rest(self) -> str:
        return self.take(r"(?:[^\n`]|`[\s\S])*")

    def _brackets(self, opening: str, closing: str) -> str:
        begun, end = self.place, self._end_of(opening, closing)
        self.place = end + 1
        return self.text[begun:end]

    def _end_of(self, opening: str, closing: str) -> int:
        """The place of the bracket that closes the one before; those in quotes and comments don't count."""
        depth, begun = 1, self.place
        pattern = re.compile(rf"'[^']*'|\"(?:[^\"`]|`[\s\S])*\"|#[^\n]*|[{re.escape(opening + closing)}]")
        while found := pattern.search(self.text, begun):
            depth += {opening: 1, closing: -1}.get(found[0], 0)
            if not depth:
                return found.start()
            begun = found.end()
        raise never_closed(self.line, "a bracket")

    def _quoted(self) -> str:
        """A text in quotes of either kind; doubled marks stand for themselves."""
        begun, marks = self.line, SINGLE if self.sign in SINGLE else DOUBLE
        self.place += 1
        pieces: list[str] = []
        while self.sign:
            sign = self.sign
            if sign in marks:
                self.place += 1
                if not self.sign or self.sign not in marks:
                    return "".join(pieces)
                pieces.append(self.sign)
                self.place += 1
            elif marks is DOUBLE and sign == "`":
                pieces.append(self._escape())
            elif marks is DOUBLE and sign == "$":
                pieces.append(self._inserted())
            else:
                plain = self.take(r"[^'\"`$\u2018-\u201e]+")
                pieces.append(plain or sign)
                self.place += 0 if plain else 1
        raise never_closed(begun, "a quotation mark")

    def _escape(self) -> str:
        self.place += 1
        sign = self.sign
        self.place += 1
        return "" if sign == "\n" else _ESCAPES.get(sign, sign)

    def _inserted(self) -> str:
        """What stands for $name, ${name} and $(…) inside a text."""
        begun = self.place
        if self.take(r"\$\("):
            inner = self._brackets("(", ")")
            value = calculated(inner.lower(), self.script.variables, shown_number)
            if value is not None:
                return value
            if found := re.fullmatch(r"\s*\$(\w+)\s*", inner):
                value = self._variable(found[1])
                return value if isinstance(value, str) else " ".join(value)
            return UNKNOWN + self.text[begun : self.place]
        name = self.take(r"\$\{\w+\}|\$\w+")
        if not name:
            self.place += 1
            return "$"
        value = self._variable(name.strip("${}"))
        return value if isinstance(value, str) else " ".join(value)

    def _variable(self, name: str) -> str | list[str]:
        lowered = name.lower()
        if lowered in self.script.variables:
            return self.script.variables[lowered]
        if lowered in _OWN_CONSTANTS:
            return _OWN_CONSTANTS[lowered]
        if lowered == "args":
            return []
        if lowered == "home":
            return "~"
        return f"{UNKNOWN}${name}"


def shown_number(value: float) -> str:
    """A number as PowerShell writes it in a text: 0.00005 is 5E-05, 0.0 is 0."""
    return f"{value:.15G}" if isinstance(value, float) else str(value)


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"
