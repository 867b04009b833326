"""Writes the tables of docs/guide.md and docs/guide.zh.md from the guide's data.

    python -m lora_workbench.tests.guide.walk_tables

What stands outside of their marks is written by hand.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from lora_workbench.extension.languages.translate import translate
from lora_workbench.trainer_core.guide import tables
from lora_workbench.trainer_core.guide.symptoms import symptoms

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"en": DOCS / "guide.md", "zh_CN": DOCS / "guide.zh.md"}
_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Say = Callable[[str], str]


def page(text: str, language: str) -> str:
    """The page with its tables made anew."""
    say = functools.partial(translate, language=language)
    made = {"classes": _classes, "symptoms": _symptoms}
    return _MARKED.sub(lambda found: found[1] + made[found[2]](say, language == "en") + found[3], text)


def _classes(say: Say, english: bool) -> str:
    head = ("class", "what it is", "rank", "l.") if english else ("等级", "是什么", "rank", "行")
    rows = [
        (one.code, say(one.about), "–".join(str(end) for end in dict.fromkeys(one.rank)), one.line)
        for one in tables.difficulty_classes()
    ]
    return _table(head, rows)


def _symptoms(say: Say, english: bool) -> str:
    head = ("what one sees", "the next run", "`--symptom`") if english else ("看到什么", "下一次训练", "`--symptom`")
    between = "; " if english else "；"
    rows = [(say(one.sees), between.join(say(why) for *_, why in one.mends) or "–", f"`{one.code}`") for one in symptoms()]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    for language, path in PAGES.items():
        path.write_text(page(path.read_text(encoding="utf-8"), language), encoding="utf-8")
