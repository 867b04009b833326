"""Reads a PowerShell script without running it: assignments, arrays, sums, splatting, backticks, quotes, comments.

`if` and loops are not decided: commands in them are kept apart, and assignments in them are not carried out.
"""

from __future__ import annotations

import re

from .scripts import UNKNOWN, Command, Scanner, Script, calculated, never_closed

_SINGLE, _DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'
_ASSIGNMENT = re.compile(
    r"(?:\[[\w.\[\]]+\][ \t]*)?\$(?:(?:script|global|local|private):)?(\w+)[ \t]*(\+?)=(?!=)", re.IGNORECASE
)
_DECIDES = re.compile(r"(?:if|elseif|else|foreach|for|while|switch|do|catch)\b", re.IGNORECASE)
_BODY = re.compile(r"(?:function[ \t]+[\w-]+|try|finally)\b", re.IGNORECASE)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "", "a": "", "b": ""}
_OWN_CONSTANTS = {"true": "true", "false": "false", "null": ""}


def read_powershell(text: str) -> Script:
    """All commands of the script, in the order in which they stand; raises WordsError where quotes are never closed."""
    return _PowerShell(text).read()


class _PowerShell(Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text.replace("\r\n", "\n").removeprefix("\ufeff"))
        self.script = Script("PowerShell")
        self.inside = 0  # the line of the outermost `if` or loop around
        self.last_comment = 0

    def read(self) -> Script:
        while self.place < len(self.text):
            self._statement()
        return self.script

    def _statement(self) -> None:
        self._space(lines=True)
        if self.take(r"[;{})\]&|]"):
            return
        line = self.line
        if self.at("$Env:", "$env:", "$ENV:"):
            self._rest()
        elif found := _ASSIGNMENT.match(self.text, self.place):
            self.place = found.end()
            self._assign(found[1].lower(), add=bool(found[2]))
        elif _DECIDES.match(self.text, self.place):
            self._undecided(line)
        elif found := _BODY.match(self.text, self.place):
            self.place = found.end()
            self.script.functions.add(found[0].split()[-1])
        elif self.at("param") and self.take(r"param\s*\("):
            self._brackets("(", ")")
            self.script.note(f"Line {line}: param(…) is not read.")
        elif self.sign in ("$", "["):
            self.script.note(f"Line {line}: {_short(self._rest())} is not read.")
        elif self.sign:
            self._command(line)

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
            self.script.note(f"Line {line}: the backtick needs a blank before it; {_short(word)} is read as if it had one.")

    def _rest(self) -> str:
        return self.take(r"(?:[^\n`]|`[\s\S])*")

    def _assign(self, name: str, add: bool) -> None:
        begun = self.place
        value = self._expression()
        if value is None:
            self.place = begun
            line = self.line
            raw = self._rest().partition("#")[0].strip().rstrip(";")
            self.script.note(f"Line {line}: what ${name} is can't be read.")
            value = UNKNOWN + raw
        if self.inside:
            return
        before = self.script.variables.get(name)
        if add and isinstance(before, list):
            value = [*before, *([value] if isinstance(value, str) else value)]
        elif add and isinstance(before, str) and isinstance(value, str):
            value = before + value
        self.script.set(name, value)

    def _expression(self) -> str | list[str] | None:
        """A value up to the end of the statement, or None where it can't be read."""
        values: list[str] = []
        is_list = False
        while True:
            self._space(lines=is_list)
            if self.at("@("):
                self.place += 2
                values += self._array()
                is_list = True
            else:
                one = self._single()
                if one is None:
                    return None
                values.append(one)
            self._space(lines=False)
            if self.sign != ",":
                break
            is_list = True
            self.place += 1
        if self.sign and self.sign not in "\n;})":
            return None
        return values if is_list else values[0]

    def _single(self) -> str | None:
        """One text, number or sum."""
        self.take(r"\[\w+\][ \t]*")
        if self.sign and self.sign in _SINGLE + _DOUBLE:
            return self._quoted()
        begun = self.place
        text = self.take(r"(?:\$\w+|[\d.]+(?:[eE][-+]?\d+)?|[-+*/() \t])+")
        while text.count(")") > text.count("("):  # the bracket of the array around
            text = text[: text.rindex(")")]
            self.place = begun + len(text)
        if re.fullmatch(r"\s*\$\w+\s*", text):
            found = self._variable(text.strip()[1:])
            return found if isinstance(found, str) else " ".join(found)
        value = calculated(text.lower(), self.script.variables, _shown) if text.strip() else None
        if value is None:
            self.place = begun
        return value

    def _array(self) -> list[str]:
        """The elements up to the closing bracket."""
        begun, found = self.line, []
        while True:
            self._space(lines=True)
            if self.sign == ",":
                self.place += 1
            elif self.sign == ")":
                self.place += 1
                return found
            elif not self.sign:
                raise never_closed(begun, "a bracket")
            elif (one := self._single()) is not None:
                found.append(one)
            else:
                raw = self.take(r"[^\s,)]+")
                found.append(UNKNOWN + raw)

    def _undecided(self, line: int) -> None:
        """An `if` or a loop: its condition is stepped over, its body read with everything in it kept apart."""
        what = self.take(r"\w+").lower()
        self._space(lines=True)
        condition = ""
        if self.at("("):
            self.place += 1
            condition = self._brackets("(", ")")
        self._space(lines=True)
        if not self.at("{"):
            return
        self.place += 1
        end = self._end_of("{", "}")
        outer, self.inside = self.inside, self.inside or line
        while self.place < end:
            self._statement()
        self.inside = outer
        if "PSVersionTable" not in condition and not outer and what not in ("else", "elseif", "catch"):
            self.script.note(f"Lines {line} to {self.line}: `{what}` is not decided here, so what it would do is left out.")

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

    def _command(self, line: int) -> None:
        words: list[str] = []
        comment = self.last_comment
        while True:
            self._space(lines=False)
            if not self.sign or self.sign in "\n;|&})":
                if self.sign == "&" and not words:
                    self.place += 1
                    continue
                break
            if self.sign == "{":
                self.place += 1
                break
            words += self._words(line)
        if words:
            self._take_command(line, words, comment)
        elif self.sign:
            self.place += 1

    def _take_command(self, line: int, words: list[str], comment: int) -> None:
        if comment and not words[0].isascii() and len(words) < 4 and self._is_empty_between(comment, line):
            self.script.note(
                f"Line {line}: {_short(' '.join(words))} is the comment of line {comment} going on; it is left out."
            )
            return
        self.script.add(Command(line, tuple(words), self.inside))

    def _is_empty_between(self, first: int, last: int) -> bool:
        return not "".join(self.text.split("\n")[first : last - 1]).strip()

    def _words(self, line: int) -> list[str]:
        """The word here; several where an array is put in with @name."""
        if splat := self.take(r"@\w+"):
            name = splat[1:].lower()
            return self.script.words_of(name)
        if whole := re.compile(r"\$(\w+)(?=[\s;]|$)").match(self.text, self.place):
            self.place = whole.end()
            found = self._variable(whole[1])
            return found if isinstance(found, list) else [found]
        word = ""
        while self.sign and self.sign not in " \t\n;|})":
            if self.sign in _SINGLE + _DOUBLE:
                word += self._quoted()
            elif self.sign == "`":
                if gap := self.take(r"`[ \t]*\n"):
                    self._tell_of_backtick(gap, word)
                    break
                word += self._escape()
            elif self.sign == "$":
                word += self._inserted()
            elif self.at("@("):
                return [word, *self._spelled()] if word else self._spelled()
            else:
                word += self.sign
                self.place += 1
        return [word]

    def _spelled(self) -> list[str]:
        self.place += 2
        return self._array()

    def _quoted(self) -> str:
        """A text in quotes of either kind; doubled marks stand for themselves."""
        begun, marks = self.line, _SINGLE if self.sign in _SINGLE else _DOUBLE
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
            elif marks is _DOUBLE and sign == "`":
                pieces.append(self._escape())
            elif marks is _DOUBLE and sign == "$":
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
            value = calculated(inner.lower(), self.script.variables, _shown)
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


def _shown(value: float) -> str:
    """A number as PowerShell writes it in a text: 0.00005 is 5E-05, 0.0 is 0."""
    return f"{value:.15G}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"
