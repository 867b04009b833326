"""Simplified Chinese is complete: every sentence of the sources, the settings and the page has a translation that fits."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from lora_workbench.extension.languages.catalog import PLACEHOLDER, read_catalog
from lora_workbench.extension.languages.translate import strings
from lora_workbench.tests.extension.languages.not_shown import COMPOSED, LITERALS, NAMES, NOT_SHOWN, SAME, SILENT_FILES, TERMS
from lora_workbench.tests.extension.languages.sentences import ROOT, Sentence, in_page, in_python, outside_t
from lora_workbench.trainer_core.guide import tables
from lora_workbench.trainer_core.presets import list_presets
from lora_workbench.trainer_core.settings import ALL, GROUPS
from lora_workbench.trainer_core.settings.declaration import KIND_WORDS
from lora_workbench.trainer_core.settings.optimizer import OPTIMIZERS
from lora_workbench.trainer_core.settings.subject import KINDS as SUBJECTS

TEXTS = read_catalog("zh_CN").texts
SOURCES = (
    "*.py", "demo/*.py", "extension/**/*.py", "installer/*.py", "scripts/*.py", "tagger/*.py", "trainer_core/**/*.py",
)  # fmt: skip
PAGE = sorted((ROOT / "extension" / "page").glob("**/*.js"))
_CJK = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’]+")
# Names of settings and files, flags, paths, code, addresses and words with digits are the same in every language.
_CODE = re.compile(
    r"\{\"[^}]*\}|`[^`]*`|https?://[!-~]*|\{\w*\}|\[\[?[\w.]+\]?\]|--?[a-z][\w-]*|[A-Za-z]*\d[A-Za-z\d]*|'[!-~ ]*'"
    r"|[A-Za-z0-9.\-]*[_=/\\.:][A-Za-z0-9_.\-/=\\:]+",
    re.ASCII,
)


@functools.cache
def of_python() -> list[Sentence]:
    paths = sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)})
    return [one for path in paths if not is_silent(path) for one in in_python(path) if not is_hidden(one)]


def is_silent(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    outside = {"venv", "__pycache__"} & set(path.parts)
    return bool(outside) or any(name == silent or name.startswith(f"{silent}/") for silent in SILENT_FILES)


def is_hidden(sentence: Sentence) -> bool:
    beginnings = NOT_SHOWN.get(sentence.where.partition(":")[0], ())
    return sentence.text in NAMES or sentence.text.startswith(beginnings)


def of_settings() -> list[Sentence]:
    texts: list[str] = [*GROUPS, *KIND_WORDS.values()]
    for setting in ALL.values():
        texts += [setting.label, setting.help, setting.reason, setting.unit]
    for preset in list_presets():
        texts += [preset.title, preset.description]
    return [Sentence(text, "a setting or preset") for text in texts if text]


def of_guide() -> list[Sentence]:
    """What the guide's data says to people, and the words of its questions; the glossary has its own Chinese."""
    texts: list[str] = [*SUBJECTS, *(one.code for one in tables.uses()), "good", "poor", "few", "enough"]
    for name in ("difficulty", "memory", "symptoms", "lycoris", "damping", "blocks", "bases"):
        texts += _told(tables.content(name), "")
    return [Sentence(text, "the guide's data") for text in texts if text]


def _told(value: object, key: str) -> list[str]:
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in _told(inner, name)]
    if key == "mends" and isinstance(value, list):
        return [mend[2] for mend in value]
    if isinstance(value, list):
        return [text for inner in value for text in _told(inner, key)]
    return [value] if isinstance(value, str) and key in ("about", "sees", "causes", "advice", "drawback", "title") else []


def plain(text: str) -> str:
    """A number's or a word's placeholder stands for any value's; a last period or a "note:" before makes no difference."""
    text = text.removeprefix("note: ").removeprefix("error: ").removeprefix("warning: ")
    return text.replace("{n}", "{}").replace("{w}", "{}").removesuffix(".")


def missing(sentences: Iterable[Sentence]) -> list[str]:
    """Those that have no translation."""
    known = {plain(key) for key in TEXTS}
    return [f"{one.where}: {one.text!r}" for one in sentences if plain(one.text) not in known]


def test_every_setting_and_preset() -> None:
    found = of_settings()
    assert len(found) > 300
    assert missing(found) == []


def test_everything_that_the_guide_says() -> None:
    found = of_guide()
    assert len(found) > 150
    assert missing(found) == []


def test_every_sentence_of_the_program() -> None:
    found = of_python()
    assert len(found) > 300
    assert missing(found) == []


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.name)
def test_every_text_of_the_page(path) -> None:
    assert [one for one in in_page(path) if one.text not in strings("zh_CN")] == []
    assert [one for one in outside_t(path) if one.text not in TEXTS and not is_hidden(one)] == []


def test_nothing_is_translated_that_is_never_said() -> None:
    of_page = [one for path in PAGE for one in in_page(path)]
    said = {one.text for one in (*of_settings(), *of_python(), *of_guide(), *of_page)} | set(COMPOSED)
    said = {plain(text) for text in said}
    assert [key for key in TEXTS if plain(key) not in said] == []


def test_what_is_excepted_is_still_there() -> None:
    """The list of exceptions must not outlive what it excepts."""
    for name, beginnings in NOT_SHOWN.items():
        path = ROOT / name
        texts = [one.text for one in (outside_t(path) if path.suffix == ".js" else in_python(path))]
        assert [one for one in beginnings if not any(text.startswith(one) for text in texts)] == [], name
    assert [name for name in SILENT_FILES if not (ROOT / name).exists()] == []
    assert [text for text in SAME if TEXTS.get(text) != text] == []


def test_placeholders_are_those_of_the_english() -> None:
    """In the same order, or all of them by their places."""
    wrong = []
    for english, chinese in TEXTS.items():
        expected, given = PLACEHOLDER.findall(english), PLACEHOLDER.findall(chinese)
        by_place = sorted(given) == [f"{{{place}}}" for place in range(len(expected))]
        if Counter(given) != Counter(expected) and not by_place:
            wrong.append(f"{english} → {chinese}")
    assert wrong == []


def test_no_english_is_left() -> None:
    wrong = {english: left for english, chinese in TEXTS.items() if (left := left_english(chinese)) and english not in SAME}
    assert wrong == {}
    assert left_english("请把 network_dim 设为 8 or less") == ["or", "less"]


def test_punctuation_is_chinese() -> None:
    wrong = []
    for english, chinese in TEXTS.items():
        if not _CJK.search(chinese):
            continue
        plainly = chinese.replace("宽,高", "").replace("最小值,最大值", "")  # what is to be typed
        half_width = re.search(r"[\u4e00-\u9fff][,;?!:]|[,;?!][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)", plainly)
        if half_width or chinese.strip() != chinese or english.endswith(".") != chinese.endswith("。"):
            wrong.append(f"{english} → {chinese}")
    assert wrong == []


def left_english(chinese: str) -> list[str]:
    """English words in a translation that are no names: not a setting's or a choice's, not code, not in the list of terms."""
    choices = {str(choice) for setting in ALL.values() for choice in setting.choices}
    names = {*ALL, *TERMS, *LITERALS, *OPTIMIZERS, *choices}
    return [word for word in _LATIN.findall(_CODE.sub(" ", chinese)) if word not in names]
