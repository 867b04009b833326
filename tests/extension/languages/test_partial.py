"""Languages that may lag behind: what they say fits, and what they don't say stays English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lora_workbench.extension.languages.catalog import FOLDER, PLACEHOLDER, read_catalog
from lora_workbench.extension.languages.translate import strings, translate
from lora_workbench.extension.projects import LANGUAGES
from lora_workbench.trainer_core.guide import glossary

PARTIAL = ("zh_TW", "ja")
PAGE = Path(__file__).resolve().parents[3] / "extension" / "page"
# The share of what is said in simplified Chinese that must be there, and letters that the language must not have.
SHARES = {"zh_TW": 0.9, "ja": 0.15}
FOREIGN = {"zh_TW": re.compile(r"[这个们图设网时训练续选项优层导调]"), "ja": re.compile(r"[这们图设网时训练续选项优层导调]")}


def test_the_picker_and_the_files_have_the_same_languages() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} | {"en"} == set(LANGUAGES)
    offered = (PAGE / "machine_pill.js").read_text(encoding="utf-8")
    assert [name for name in LANGUAGES if not re.search(rf"\b{name}: \"", offered)] == []


@pytest.mark.parametrize("language", PARTIAL)
def test_nothing_is_said_that_is_not_asked_for(language: str) -> None:
    known = set(read_catalog("zh_CN").texts) | {text for one in glossary.entries() for text in (one.term, one.en)}
    assert [key for key in read_catalog(language).texts if key not in known] == []


@pytest.mark.parametrize("language", PARTIAL)
def test_values_have_their_places(language: str) -> None:
    wrong = []
    for english, own in read_catalog(language).texts.items():
        expected, given = PLACEHOLDER.findall(english), PLACEHOLDER.findall(own)
        by_place = sorted(given) == [f"{{{place}}}" for place in range(len(expected))]
        if sorted(given) != sorted(expected) and not by_place:
            wrong.append(f"{english} → {own}")
    assert wrong == []


@pytest.mark.parametrize("language", PARTIAL)
def test_much_is_said_and_in_its_own_letters(language: str) -> None:
    texts = read_catalog(language).texts
    assert len(texts) >= SHARES[language] * len(read_catalog("zh_CN").texts)
    assert [own for own in texts.values() if not own.strip() or FOREIGN[language].search(own)] == []


@pytest.mark.parametrize("language", PARTIAL)
def test_a_missing_sentence_stays_english(language: str) -> None:
    assert translate("No sentence of ours at all", language) == "No sentence of ours at all"
    assert strings(language)["Undo"] not in ("", "Undo")
    assert "No sentence of ours at all" not in strings(language)


def test_a_sentence_with_values() -> None:
    english = "There is no state in /a/b-state."
    assert translate(english, "zh_TW") == "/a/b-state 中沒有儲存的狀態。"
    assert translate("Mend", "ja") == "直す" and strings("ja")["{count} steps"] == "{count} ステップ"
