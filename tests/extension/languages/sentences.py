"""Finds every sentence that the program can say: texts in Python sources, declarations of settings, and t("…") of the page."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Errors among programmers; the program turns them into others before anybody sees them.
_INNER_ERRORS = ("ValueError", "TypeError", "AttributeError", "KeyError", "RuntimeError", "UnpicklingError", "AssertionError")
_NOT_FOR_PEOPLE = ("compile", "fullmatch", "match", "sub", "search", "findall", "strftime", "getattr", "startswith", "endswith")
# Their keywords (help, description) are for --help; what stands in their arguments is names.
_WORDS_OF_THE_TERMINAL = ("ArgumentParser", "add_argument", "add_parser", "add_subparsers", "print")
_MOST_VARIANTS = 12
_WORDS = re.compile(r"(?:^|[^\w{}])[A-Za-z][a-z']+(?:$|[^\w(=])")
_FORMAT = re.compile(r"\{[a-z]\w+\}")  # str.format's names
_CALL_OF_T = re.compile(r"(?<![\w.])(?<!function )t\(")
_SELECTOR = re.compile(r"^[#.(\[]|^(?:input|select|textarea|button), ")
_JS_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`")


@dataclass(frozen=True)
class Sentence:
    """A text as a template, `{}` for each value, and where it is written."""

    text: str
    where: str


def in_python(path: Path) -> list[Sentence]:
    """All texts of a source file that look as if they were for people; f-strings become templates."""
    where = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: dict[str, Sentence] = {}
    for node in _texts(tree):
        for text in variants(node):
            if _for_people(text):
                found.setdefault(text, Sentence(text.strip(), f"{where}:{node.lineno}"))
    return list(found.values())


def _texts(tree: ast.AST) -> Iterator[ast.expr]:
    """The outermost text expressions, without docstrings, annotations and what only programs read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Call) and _is_for_programs(node.func):
            continue
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("ROUTES"):
            continue  # what the API's document says to programmers
        if isinstance(node, (ast.Compare, ast.Slice, ast.arg)):
            continue
        if isinstance(node, ast.Call) and _name(node.func) == "count_of":
            yield from _counted(node)
            continue
        if isinstance(node, ast.Call) and _name(node.func) in _WORDS_OF_THE_TERMINAL:
            yield from _texts(ast.Tuple([*node.args], ast.Load()))
            continue
        if isinstance(node, ast.AnnAssign):
            yield from _texts(ast.Tuple([node.value] if node.value else [], ast.Load()))
            continue
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) and _is_text(node):
            yield node
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue):
                    yield from _texts(part)
            continue
        yield from _texts(node)


def _is_for_programs(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute) and "log" in ast.unparse(function.value).lower().rpartition(".")[2]:
        return True  # the host's log
    return _name(function) in (*_INNER_ERRORS, *_NOT_FOR_PEOPLE)


def _counted(call: ast.Call) -> Iterator[ast.expr]:
    """count_of(things, "picture") says "1 picture" or "2 pictures"."""
    name = call.args[1].value if isinstance(call.args[1], ast.Constant) else None
    assert isinstance(name, str), f"line {call.lineno}: count_of needs a plain word"
    for text in (f"{{n}} {name}", f"{{n}} {name}s"):
        yield ast.Constant(text, lineno=call.lineno)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) or _is_text(node.orelse)
    return isinstance(node, ast.JoinedStr)


def variants(node: ast.expr) -> list[str]:
    """The templates that the expression can become: both ways of each choice between texts in it."""
    if isinstance(node, ast.Constant):
        return [_FORMAT.sub("{}", node.value) if isinstance(node.value, str) else "{}"]
    if isinstance(node, ast.IfExp) and (_is_text(node.body) or _is_text(node.orelse)):
        return [*variants(node.body), *variants(node.orelse)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([variants(node.left), variants(node.right)])
    if isinstance(node, ast.JoinedStr):
        return _joined([variants(part) for part in node.values])
    if isinstance(node, ast.FormattedValue):
        return variants(node.value) if isinstance(node.value, ast.IfExp) and _is_text(node.value) else ["{}"]
    return ["{}"]


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(chosen) for chosen in itertools.islice(itertools.product(*parts), _MOST_VARIANTS)]


def _for_people(text: str) -> bool:
    """Whether there are words with spaces around them: names, keys, formats and code have none."""
    return " " in text.strip() and bool(_WORDS.search(text))


def in_page(path: Path) -> list[Sentence]:
    """The texts inside t(…) of a module of the page: its first argument's literals, both ways of a choice."""
    code = path.read_text(encoding="utf-8")
    found: dict[str, Sentence] = {}
    for call in _CALL_OF_T.finditer(code):
        # A call without a text of its own can't be checked, so it counts as one that nobody has translated.
        for text in [*_first_argument(code, call.end())] or [code[call.start() : call.end() + 40]]:
            line = code.count("\n", 0, call.start()) + 1
            found.setdefault(text, Sentence(text, f"{path.relative_to(ROOT).as_posix()}:{line}"))
    return list(found.values())


def outside_t(path: Path) -> list[Sentence]:
    """Texts of a module of the page that look as if they were for people and are in no t(…)."""
    code = _without_comments(path.read_text(encoding="utf-8"))
    inside = {one.text for one in in_page(path)}
    found = []
    for match in _JS_TEXT.finditer(code):
        text = _js_value(match[0])
        words = re.sub(r"\$\{.*\}|lw-[\w-]*", "{}", text)
        if _for_people(words) and text not in inside and not _SELECTOR.search(text):
            line = code.count("\n", 0, match.start()) + 1
            found.append(Sentence(text, f"{path.relative_to(ROOT).as_posix()}:{line}"))
    return found


def _first_argument(code: str, at: int) -> Iterator[str]:
    depth = 0
    while at < len(code):
        if text := _JS_TEXT.match(code, at):
            if depth == 0:
                yield _js_value(text[0])
            at = text.end()
            continue
        letter = code[at]
        if depth == 0 and letter in ",)":
            return
        depth += (letter in "([{") - (letter in ")]}")
        at += 1


def _js_value(literal: str) -> str:
    escapes = {"n": "\n", "t": "\t"}
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda one: _unescaped(one[1], escapes), literal[1:-1])


def _unescaped(escape: str, escapes: dict[str, str]) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else escapes.get(escape, escape)


def _without_comments(code: str) -> str:
    """The code with comments made blank, so that lines keep their numbers."""
    pattern = re.compile(_JS_TEXT.pattern + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
    return pattern.sub(lambda one: one[0] if one[0][0] in "'\"`" else re.sub(r"[^\n]", " ", one[0]), code)
