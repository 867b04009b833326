"""Every requirement of the training guide, A to T, has a test that covers it, or a reason in docs/guide_coverage.md."""

from __future__ import annotations

import pytest

from lora_workbench.tests.guide.coverage import PAGE, PARTS, named_tests, page, requirements

MOST_WITHOUT = 15


def test_every_requirement_is_there() -> None:
    assert list(requirements()) == [
        f"{letter}{number}" for letter, (count, _) in PARTS.items() for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("id_", list(requirements()))
def test_a_test_covers_it(id_: str) -> None:
    one = requirements()[id_]
    if "why_not" in one:
        assert one["why_not"].strip() and "tests" not in one
        return
    assert one["tests"]
    missing = [name for name in one["tests"] if name.partition("::")[2] not in named_tests(name.partition("::")[0])]
    assert not missing, "no such test"


def test_few_are_not_covered_and_the_page_says_why() -> None:
    assert sum("why_not" in one for one in requirements().values()) <= MOST_WITHOUT
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m lora_workbench.tests.guide.coverage"
