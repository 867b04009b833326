"""docs/advice.md has the tables that the guide's data gives."""

from __future__ import annotations

from lora_workbench.trainer_core.advise.reference import MARK, PAGE, page
from lora_workbench.trainer_core.guide import glossary, tables
from lora_workbench.trainer_core.guide.symptoms import symptoms


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text)


def test_the_page_keeps_what_is_written_by_hand_and_has_every_entry():
    made = page("# Mine\n\n" + MARK + "old")
    assert made.startswith("# Mine\n") and "old" not in made.splitlines()
    for word in (
        [one.sees for one in symptoms()] + [one.zh for one in glossary.entries()] + [one.about for one in tables.optimizers()]
    ):
        assert word in made
