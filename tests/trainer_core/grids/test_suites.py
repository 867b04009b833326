"""Stored prompt lists: each can be read, names are known, SUBJECT is filled in, and people's own go before ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.grids.suites import suite_requests, suites
from lora_workbench.trainer_core.problems import WordsError

DEFAULTS = Request("", negative="bad", width=64, height=64, seed=9)


@pytest.mark.parametrize("name", ["first_look", "other_clothes", "other_background", "negatives", "without_subject"])
def test_every_suite_can_be_read(name: str) -> None:
    requests = suite_requests([name], "penny, red", DEFAULTS)
    assert len(requests) >= 4 and len(set(requests)) == len(requests)
    assert all(("penny, red" in one.prompt) == (name != "without_subject") for one in requests)
    assert all("SUBJECT" not in one.prompt and one.seed == 9 and one.width == 64 for one in requests)


def test_clothes_and_negatives_do_what_they_are_for() -> None:
    assert {"penny, hoodie", "penny, armor"} <= {one.prompt for one in suite_requests(["other-clothes"], "penny", DEFAULTS)}
    negatives = suite_requests(["negatives"], "penny", DEFAULTS)
    assert {one.prompt for one in negatives} == {"penny"} and len({one.negative for one in negatives}) == len(negatives)


def test_own_suites_go_before_ours(own_data_folder: Path) -> None:
    own = own_data_folder / "suites"
    own.mkdir(parents=True)
    (own / "negatives.txt").write_text("SUBJECT, moon --d 4\n", encoding="utf-8")
    (own / "mine.txt").write_text("sun\n", encoding="utf-8")
    assert suites()["mine"] == own / "mine.txt"
    found = suite_requests(["negatives", "mine"], "penny", DEFAULTS)
    assert [(one.prompt, one.seed) for one in found] == [("penny, moon", 4), ("sun", 9)]


def test_a_missing_subject_and_an_unknown_name() -> None:
    with pytest.raises(WordsError, match="needs --subject"):
        suite_requests(["first_look"], "", DEFAULTS)
    with pytest.raises(WordsError, match="there is no suite hats; there are first_look"):
        suite_requests(["hats"], "penny", DEFAULTS)
