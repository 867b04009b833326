"""Reads a bash script without running it: assignments, arrays, functions' bodies, continued lines, quotes, comments.

`if`, loops and `case` are not decided: commands in them are kept apart, and assignments in them are not carried out.
"""

from __future__ import annotations

import re

from .scripts import UNKNOWN, Command, Scanner, Script, calculated, never_closed, plain_number

_OPENS, _CLOSES = ("if", "for", "while", "until", "case", "select"), ("fi", "done", "esac")
_BEFORE = ("then", "do", "else", "elif", "!", "time", "exec", "sudo", "nohup", "env")
_DECLARES = ("local", "export", "declare", "readonly", "typeset")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL)
_ENDS = "\n;&|()"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


def read_bash(text: str) -> Script:
    """All commands of the script, in the order in which they stand; raises WordsError where quotes are never closed."""
    return _Bash(text).read()


class _Bash(Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text.replace("\r\n", "\n"))
        self.script = Script("bash")
        self.blocks: list[tuple[int, str]] = []  # lines and words of the ifs and loops around
        self.words: list[tuple[str, bool]] = []  # the command so far: words, and whether anything in them was quoted
        self.started = 1

    def read(self) -> Script:
        while self.place < len(self.text):
            self._step()
        self._end_command()
        return self.script

    def _step(self) -> None:
        if self.take(r"(?:[ \t]|\\\n)+"):
            return
        if not self.words:
            self.started = self.line
        if self.sign == "#":
            self.take(r"[^\n]*")
        elif self.at("<<") and not self.at("<<<"):
            self._skip_here_document()
        elif self.take(r"\d*(?:>>|>&|&>|<<<|>|<)&?[ \t]*"):
            self._word()  # where its output goes
        elif self.sign == "(" and len(self.words) == 1 and self.take(r"\([ \t]*\)"):
            self._name_function()
        elif self.sign and self.sign in _ENDS:
            self.place += 1
            self._end_command()
        else:
            words = self._word()
            self.words += words
            if len(self.words) == 1 and words and words[0] in (("{", False), ("}", False)):
                self.words = []
            elif [word for word, _ in self.words[-2:-1]] == ["function"]:
                self._name_function()

    def _name_function(self) -> None:
        """Its body is read as if it stood alone, and calls of it mean nothing."""
        self.script.functions.add(self.words[-1][0])
        self.words = []

    def _skip_here_document(self) -> None:
        line = self.line
        self.take(r"<<-?[ \t]*")
        mark = self.take(r"[^\s;&|<>()]+").strip("'\"\\")
        self.script.note(f"Line {line}: a text behind << is not read.")
        rest = re.compile(rf"(?:^|.*?\n)[ \t]*{re.escape(mark)}[ \t]*(?=\n|$)", re.DOTALL).match(self.text, self.place)
        self.place = rest.end() if rest else len(self.text)

    def _end_command(self) -> None:
        words, self.words = self.words, []
        while words and words[0] in [(word, False) for word in _BEFORE]:
            words = words[1:]
        if not words:
            return
        first = words[0][0] if not words[0][1] else ""
        if first in _OPENS:
            self.blocks.append((self.started, first))
            return
        if first in _CLOSES:
            if self.blocks:
                begun, what = self.blocks.pop()
                if not self.blocks:
                    self.script.note(
                        f"Lines {begun} to {self.started}: `{what}` is not decided here, so what it would do is left out."
                    )
            return
        inside = self.blocks[0][0] if self.blocks else 0
        if first in _DECLARES:
            words = [one for one in words[1:] if not one[0].startswith("-")]
        while words and (found := _ASSIGNMENT.fullmatch(words[0][0])):
            if not inside:
                self._assign(found[1], found[3], add=bool(found[2]))
            words = words[1:]
        if words and first not in _DECLARES:
            self.script.add(Command(self.started, tuple(word for word, _ in words), inside))

    def _assign(self, name: str, value: str, add: bool) -> None:
        before = self.script.variables.get(name, "")
        if add and isinstance(before, str):
            value = before + value
        self.script.set(name, value)

    def _word(self) -> list[tuple[str, bool]]:
        """The word here; several where an array or unquoted words are put in, none where it is empty and unquoted."""
        words, quoted = [""], False
        while self.sign and self.sign not in " \t" + _ENDS + "<>":
            sign = self.sign
            if sign == "\\":
                words[-1] += "" if self.at("\\\n") else self.text[self.place + 1 : self.place + 2]
                self.place += 2
            elif sign == "'":
                self.place += 1
                words[-1] += self.until("'", "a quotation mark")
                quoted = True
            elif sign == '"':
                self.place += 1
                self._in_quotes(words)
                quoted = True
            elif self.at("$'"):
                self.place += 2
                words[-1] += self._escaped()
                quoted = True
            elif sign in "$`":
                parts = self._expanded()
                plain = [one for part in parts for one in (part.split() if not part.startswith(UNKNOWN) else [part])]
                words[-1] += plain[0] if plain else ""
                words += plain[1:]
            else:
                words[-1] += sign
                self.place += 1
                name = re.fullmatch(r"([A-Za-z_]\w*)(\+?)=", words[0]) if sign == "=" and self.sign == "(" else None
                if name and not quoted and len(words) == 1:
                    self._array(name[1], add=bool(name[2]))
                    return []
        return [(word, quoted) for word in words] if quoted or words != [""] else []

    def _array(self, name: str, add: bool) -> None:
        line = self.line
        self.place += 1
        found: list[str] = []
        while self.sign != ")":
            if not self.sign:
                self.place = len(self.text)
                self.script.note(f"Line {line}: the bracket behind {name}= is never closed.")
                break
            if self.take(r"(?:\s|\\\n)+") or (self.sign == "#" and self.take(r"[^\n]*")):
                continue
            words = self._word()
            if not words:
                self.place += 1
            found += [word for word, _ in words]
        self.place += 1
        if not self.blocks:
            self.script.set(name, [*(self.script.words_of(name) if add else ()), *found])

    def _in_quotes(self, words: list[str]) -> None:
        begun = self.line
        while self.sign != '"':
            if not self.sign:
                raise never_closed(begun, "a quotation mark")
            if self.sign == "\\" and self.text[self.place + 1 : self.place + 2] in ("$", "`", '"', "\\", "\n"):
                words[-1] += "" if self.at("\\\n") else self.text[self.place + 1]
                self.place += 2
            elif self.sign in "$`":
                parts = self._expanded()
                words[-1] += parts[0] if parts else ""
                words += parts[1:]
            else:
                words[-1] += self.sign
                self.place += 1
        self.place += 1

    def _escaped(self) -> str:
        found = ""
        while self.sign and self.sign != "'":
            if self.sign == "\\":
                self.place += 1
                found += _ESCAPES.get(self.sign, "\\" + self.sign)
            else:
                found += self.sign
            self.place += 1
        self.place += 1
        return found

    def _expanded(self) -> list[str]:
        """What $… stands for: one text, an array's texts, or UNKNOWN and the words themselves."""
        begun = self.place
        if self.take(r"\$\(\("):
            inner = self.until("))", "a bracket")
            value = calculated(inner, self.script.variables, plain_number)
            return [value if value is not None else UNKNOWN + self.text[begun : self.place]]
        if self.take(r"\$\(") or self.take("`"):
            self._skip_command(self.text[self.place - 1])
            return [UNKNOWN + self.text[begun : self.place]]
        if self.take(r"\$\{"):
            inner = self.until("}", "a bracket")
            found = re.fullmatch(r"([A-Za-z_]\w*)(\[[@*]\])?(?::?-(.*))?", inner, re.DOTALL)
            if found is None:
                return [UNKNOWN + "${" + inner + "}"]
            return self._variable(found[1], found[3])
        if name := self.take(r"\$[A-Za-z_]\w*"):
            return self._variable(name[1:], None)
        if self.take(r"\$[\d@*#?!$-]"):
            return []  # the script's own arguments: there are none
        self.place += 1
        return ["$"]

    def _variable(self, name: str, default: str | None) -> list[str]:
        if name in self.script.variables:
            found = self.script.words_of(name)
            return found if found != [""] or default is None else [default]
        if default is not None:
            return [default.strip("\"'")]
        if name == "HOME":
            return ["~"]
        return [f"{UNKNOWN}${name}"]

    def _skip_command(self, opening: str) -> None:
        if opening == "`":
            self.until("`", "a backtick")
            return
        depth = 1
        while depth and self.sign:
            depth += {"(": 1, ")": -1}.get(self.sign, 0)
            self.place += 1
