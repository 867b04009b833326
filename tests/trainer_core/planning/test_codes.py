"""Every code that the sources can tell is in the table with its severities, and the page is made from it."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lora_workbench.tests.trainer_core.planning.test_fixes import CASES
from lora_workbench.trainer_core.planning.codes import codes
from lora_workbench.trainer_core.planning.fixes import MENDS
from lora_workbench.trainer_core.planning.problems_page import PAGE, page

CORE = Path(__file__).resolve().parents[3] / "trainer_core"
SEVERITIES = ("error", "warning", "note")
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What makes a problem, and the severity that it stands for ("": its first argument says it).
MAKERS = {"Problem": "", "tell": "", "problem": "error", "_error": "error", "note": "note"}
# Imports tell notes of their own, which are sentences without a code; tools' outputs tell of files.
ELSEWHERE = ("imports", "tools", "machine.py")
# Mends that need more than settings and small pictures; tried elsewhere or below.
TRIED_ELSEWHERE = {
    "activation-tag", "bf16-preferred", "caption-too-long", "clip-skip", "clip-skip-family", "crop-loss", "folder-is-subset",
    "folder-level", "folder-unnumbered", "formats-untrained", "memory-above-card", "network-weights-alpha",
    "network-weights-kind", "network-weights-rank",
    "offset-zero-terminal", "rank-high-sdxl", "reg-seed", "reg-trained-as-subject", "resolution-small", "size-step",
    "unbalanced", "wide-commas",
}  # fmt: skip


@functools.cache
def told() -> dict[str, set[str]]:
    """{code: severities that it is told with, "" where that is decided at run time}."""
    found: dict[str, set[str]] = defaultdict(set)
    rooms = [path for path in CORE.iterdir() if path.name not in ("venv", *ELSEWHERE)]
    for path in (file for room in rooms for file in ([room] if room.suffix == ".py" else room.rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for code, severity in [*_of_call(node), *_of_default(node)]:
                found[code].add(severity)
    return found


def _of_call(node: ast.AST) -> Iterator[tuple[str, str]]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name not in MAKERS or not node.args:
        return
    severities = [MAKERS[name]] if MAKERS[name] else [word for word in _words(node.args[0]) if word in SEVERITIES] or [""]
    for argument in node.args if MAKERS[name] else node.args[1:]:
        for word in _words(argument):
            if _CODE.fullmatch(word) and word not in SEVERITIES:
                yield from ((word, severity) for severity in severities)


def _of_default(node: ast.AST) -> Iterator[tuple[str, str]]:
    """A maker's own default for its argument `code`."""
    if isinstance(node, ast.FunctionDef) and node.name in MAKERS:
        for argument, default in zip(node.args.args[::-1], node.args.defaults[::-1], strict=False):
            if argument.arg == "code" and isinstance(default, ast.Constant):
                yield str(default.value), MAKERS[node.name]


def _words(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_words(node.body), *_words(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_every_code_is_in_the_table_and_none_that_is_never_told() -> None:
    found = told()
    assert len(found) > 150
    assert sorted(set(found) ^ set(codes())) == []


def test_severities_are_those_that_are_told() -> None:
    wrong = {}
    for code, severities in told().items():
        declared = set(codes()[code].severity.split(", "))
        if severities - {""} != declared and not ("" in severities and severities - {""} <= declared):
            wrong[code] = (declared, severities)
    assert wrong == {}


def test_every_entry_says_what_it_means_in_a_sentence() -> None:
    for one in codes().values():
        assert one.meaning.endswith(".") and "|" not in one.meaning + one.mend, one.code
        assert one.mend.endswith(".") or (one.mend == "" and one.severity == "note") or one.code == "network-weights-base", (
            one.code
        )


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_mend_has_a_code_and_a_test() -> None:
    assert set(MENDS) <= set(codes())
    assert set(MENDS) == {*CASES, *TRIED_ELSEWHERE}
