"""Which test covers which of the training guide's requirements, and the page that lists them.

    python -m lora_workbench.tests.guide.coverage

requirements.json has an entry for each: {"what": in our words, "tests": [file::name, …]}, with "lacks" where a part is not
there, or {"what": …, "why_not": …} where none can or shall cover it.
"""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide_coverage.md"

# How many each part of the guide has.
PARTS = {
    "A": (11, "Install and isolation"), "B": (4, "Words, help, defaults"), "C": (7, "The base model"),
    "D": (16, "How hard a character is"), "E": (12, "First settings"), "F": (10, "Simple settings"),
    "G": (12, "Learning rates"), "H": (12, "Optimizers"), "I": (10, "Kinds of training"), "J": (10, "LyCORIS"),
    "K": (7, "SDXL"), "L": (11, "Blocks"), "M": (10, "The dataset"), "N": (11, "Regularization"),
    "O": (13, "Tags"), "P": (25, "Other settings"), "Q": (8, "Testing"), "R": (10, "Rare characters"),
    "S": (4, "Tools"), "T": (5, "The guide's scripts"),
}  # fmt: skip


def requirements() -> dict[str, dict[str, Any]]:
    """By id, in the guide's order."""
    return json.loads(Path(__file__).with_name("requirements.json").read_text(encoding="utf-8"))


@functools.cache
def named_tests(file: str) -> frozenset[str]:
    """The names of a file's test functions; none where there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def page() -> str:
    lines = [
        "# What the training guide asks for, and what shows it", "",
        "Every requirement that the guide has for software, in our words, with the tests that fail where it does not hold. The",
        "page is written by `python -m lora_workbench.tests.guide.coverage`; a test fails when one is missing.", "",
    ]  # fmt: skip
    known = requirements()
    without = {id_: one for id_, one in known.items() if "why_not" in one}
    lines += [f"## Not covered ({len(without)} of {len(known)})", ""]
    lines += [f"- **{id_}** {one['what']}: {one['why_not']}" for id_, one in without.items()]
    lines += ["", "In part:", ""]
    lines += [f"- **{id_}** {one['what']}: {one['lacks']}" for id_, one in known.items() if "lacks" in one]
    for letter, (_, title) in PARTS.items():
        lines += ["", f"## {letter}. {title}", "", "| | what | tests |", "|---|---|---|"]
        for id_, one in known.items():
            if id_[0] == letter:
                tests = "<br>".join(f"`{name.removeprefix('tests/')}`" for name in one.get("tests", ())) or "see above"
                lines.append(f"| {id_} | {one['what']} | {tests} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
