"""Reads a PowerShell script without running it: assignments, arrays, sums, splatting, backticks, quotes, comments.

`if` and loops are not decided: commands in them are kept apart, and assignments in them are not carried out.
"""

from __future__ import annotations

import re

from .powershell_texts import DOUBLE, SINGLE, PowerShellTexts, short, shown_number
from .scripts import UNKNOWN, Command, Script, calculated, never_closed

_ASSIGNMENT = re.compile(
    r"(?:\[[\w.\[\]]+\][ \t]*)?\$(?:(?:script|global|local|private):)?(\w+)[ \t]*(\+?)=(?!=)", re.IGNORECASE
)
_JOIN_PATH = re.compile(r"join-path[ \t]+", re.IGNORECASE)
_DECIDES = re.compile(r"(?:if|elseif|else|foreach|for|while|switch|do|catch)\b", re.IGNORECASE)
_BODY = re.compile(r"(?:function[ \t]+[\w-]+|try|finally)\b", re.IGNORECASE)


def read_powershell(text: str) -> Script:
    """All commands of the script, in the order in which they stand; raises WordsError where quotes are never closed."""
    return _PowerShell(text).read()


class _PowerShell(PowerShellTexts):
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
            self.script.note(f"Line {line}: {short(self._rest())} is not read.")
        elif self.sign:
            self._command(line)

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
        """One text, number or sum; texts may be joined by plus signs or Join-Path."""
        self.take(r"\[\w+\][ \t]*")
        if found := _JOIN_PATH.match(self.text, self.place):
            self.place = found.end()
            return self._path()
        joined = self._joined()
        if joined is not None:
            return joined
        if self.sign and self.sign in SINGLE + DOUBLE:
            return self._quoted()
        begun = self.place
        text = self.take(r"(?:\$\w+|[\d.]+(?:[eE][-+]?\d+)?|[-+*/() \t])+")
        while text.count(")") > text.count("("):  # the bracket of the array around
            text = text[: text.rindex(")")]
            self.place = begun + len(text)
        if re.fullmatch(r"\s*\$\w+\s*", text):
            found = self._variable(text.strip()[1:])
            return found if isinstance(found, str) else " ".join(found)
        value = calculated(text.lower(), self.script.variables, shown_number) if text.strip() else None
        if value is None:
            self.place = begun
        return value

    def _joined(self) -> str | None:
        """Texts and variables between plus signs; None, with the place as before, for a sum or where there is but one."""
        begun, parts = self.place, []
        while True:
            if self.sign and self.sign in SINGLE + DOUBLE:
                parts.append(self._quoted())
            elif name := self.take(r"\$\w+|[\d.]+"):
                found = self._variable(name[1:]) if name.startswith("$") else name
                parts.append(found if isinstance(found, str) else " ".join(found))
            else:
                break
            if not self.take(r"[ \t]*\+[ \t]*(?:`?[ \t]*\n[ \t]*)?"):
                if len(parts) > 1 and not re.fullmatch(r"-?[\d.]+(?:[eE][-+]?\d+)?", parts[0]):
                    return "".join(parts)
                break
        self.place = begun
        return None

    def _path(self) -> str | None:
        """Join-Path's words as a path, with the separator that its beginning has."""
        words: list[str] = []
        while self.sign and self.sign not in "\n;|})":
            words += [word for word in self._words(self.line) if not re.fullmatch(r"-(?:Path|ChildPath)", word, re.IGNORECASE)]
            self._space(lines=False)
        if len(words) < 2:
            return None
        mark = "\\" if "\\" in words[0] else "/"
        return mark.join(word.strip("\\/") if number else word.rstrip("\\/") for number, word in enumerate(words))

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
                f"Line {line}: {short(' '.join(words))} is the comment of line {comment} going on; it is left out."
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
            if self.sign in SINGLE + DOUBLE:
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
