"""The walk through the guide (docs/guide.md, docs/guide.zh.md): its tables are the data's, and both languages say the same."""

from __future__ import annotations

import re

import pytest

from lora_workbench.tests.guide.walk_tables import PAGES, page


@pytest.mark.parametrize("language", list(PAGES))
def test_the_tables_are_the_datas(language: str) -> None:
    text = PAGES[language].read_text(encoding="utf-8")
    assert text == page(text, language), "write them anew: python -m lora_workbench.tests.guide.walk_tables"
    assert text.count("`stuck-clothing`") == 1 and text.count("| 275 |") == 1


def test_both_have_the_same_steps_commands_and_lines_of_the_guide() -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in PAGES.values())

    def commands(text: str) -> list[str]:
        return re.findall(r"^    python .*$", text, re.MULTILINE)

    def cited(text: str) -> list[str]:
        prose = re.sub(r"^\|.*$|^    .*$", "", text, flags=re.MULTILINE)
        return re.findall(r"\b\d{3,4}(?:-\d{3,4})?\b", prose)

    assert commands(english) == commands(chinese) and len(commands(english)) >= 14
    assert re.findall(r"^## (\d+)", english, re.MULTILINE) == re.findall(r"^## (\d+)", chinese, re.MULTILINE)
    assert cited(english) == cited(chinese)
