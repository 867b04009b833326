"""Filters: every word, what stands between them, spellings, and what can't be understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tagger.captions import Caption
from lora_workbench.tagger.folder import Entry
from lora_workbench.tagger.query import matching
from lora_workbench.trainer_core.problems import WordsError


def entry(name: str, text: str, place: str = "") -> Entry:
    return Entry(Path("/set", place, name), place, Caption(Path("/set", place, name).with_suffix(".txt"), text, text.encode()))


ENTRIES = [
    entry("penny_1.png", "penny, red hat, smile", "4_penny"),
    entry("penny_2.png", "penny, Red_Hat, boots, safe", "4_penny"),
    entry("cat.jpg", r"cat, miku (vocaloid), ^_^, hat \(big\)", "1_other/cats"),
    entry("none.png", ""),
    entry("long.png", ", ".join(f"tag {n}" for n in range(30)), "1_other"),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "01234"),
        ("has:penny", "01"),
        ("penny", "01"),
        ("has:red hat", "01"),
        ("has:red_hat", "01"),
        ('has:"red hat"', "01"),
        ("not:smile", "1234"),
        ("has:red hat not:smile", "1"),
        ("has:red hat and not:smile", "1"),
        ("has:red hat and not has:smile", "1"),
        ("smile or boots", "01"),
        ("has:smile or has:boots and has:cat", "0"),
        ("(has:smile or has:boots) and has:penny", "01"),
        ("not (has:penny or has:cat)", "34"),
        ("NOT (penny OR cat)", "34"),
        ("has:*hat*", "012"),
        ("has:?at", "2"),
        ("has:^_^", "2"),
        ('has:"miku (vocaloid)"', "2"),
        ("has:miku_(vocaloid)", "2"),
        ('has:"hat (big)"', "2"),
        ("count>20", "4"),
        ("count=3", "0"),
        ("count:3", "0"),
        ("count<=3", "03"),
        ("count:3-4", "012"),
        ("count<1", "3"),
        ("length>100", "4"),
        ("length<1", "3"),
        ("folder:4_penny", "01"),
        ("folder:cats", "2"),
        ("folder:1_other*", "24"),
        ("rating:safe", "1"),
        ("name:penny", "01"),
        ("name:*.jpg", "2"),
        ("name:PENNY_?.png and count>3", "1"),
        ("has:nothing", ""),
    ],
)
def test_filters(query: str, found: str) -> None:
    assert "".join(str(ENTRIES.index(one)) for one in matching(ENTRIES, query)) == found


@pytest.mark.parametrize(
    "query", ["(has:a", "has:a)", "has:", "and", "or has:a", "has:a or", "not", 'has:"a', "has:a and )", "()"]
)
def test_what_can_not_be_understood(query: str) -> None:
    with pytest.raises(WordsError, match="filter") as caught:
        matching(ENTRIES, query)
    assert "\n" not in str(caught.value)
