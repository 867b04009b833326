"""The whole project passes ruff, and nothing has grown out of one look."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FUNCTION, LONGEST_FILE = 70, 320


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(words: list[str]) -> None:
    command = [sys.executable, "-m", "ruff", *words, "--no-cache", "--output-format=concise", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_nothing_is_too_long() -> None:
    too_long = []
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT)
        if {"venv", "tests"} & set(name.parts) or any(part.startswith(".") for part in name.parts):
            continue
        source = path.read_text(encoding="utf-8")
        if len(source.splitlines()) > LONGEST_FILE:
            too_long.append(f"{name} has {len(source.splitlines())} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                too_long.append(f"{name}: {node.name} has {node.end_lineno - node.lineno + 1} lines")
    assert not too_long, "\n".join(too_long)
