"""Captions in any encoding, policies that keep what they promise, and undo byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tagger.captions import MODES, planned, read_caption, split_tags

CONTENTS = {
    "utf8.txt": "1girl, 红色帽子\r\n".encode(),
    "bom.txt": "\ufeff1girl, 红色帽子\n\n".encode(),
    "gbk.txt": "1girl, 红色帽子, 微笑".encode("gbk"),
    "utf16.txt": "1girl, 微笑".encode("utf-16"),
}


def text_after(tmp_path: Path, content: bytes | None, tags: list[str], mode: str, first: list[str] = []) -> str | None:  # noqa: B006
    path = tmp_path / "one.txt"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    change = planned(read_caption(path), tags, mode, first)
    if change is None:
        return None
    assert change.before == content and change.path == path
    return change.after.decode("utf-8")


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "skip"])
@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xef\xbb\xbf", b",\n"])
def test_captions_that_hold_nothing_are_filled(tmp_path: Path, content: bytes | None, mode: str) -> None:
    assert text_after(tmp_path, content, ["cat", "hat"], mode, ["zibbo"]) == "zibbo, cat, hat"


@pytest.mark.parametrize("content", [b"", b",\n", b"cat"])
def test_skip_fills_only_what_is_not_there(tmp_path: Path, content: bytes) -> None:
    assert text_after(tmp_path, content, ["cat"], "skip", ["zibbo"]) is None
    assert text_after(tmp_path, None, ["cat"], "skip", ["zibbo"]) == "zibbo, cat"


@pytest.mark.parametrize("name", CONTENTS)
def test_if_empty_never_touches_a_caption_that_says_something(tmp_path: Path, name: str) -> None:
    assert text_after(tmp_path, CONTENTS[name], ["cat"], "if-empty", ["zibbo"]) is None


@pytest.mark.parametrize(
    ("mode", "own", "first", "expected"),
    [
        ("overwrite", "old, hat", ["zibbo"], "zibbo, cat, hat"),
        ("append", "old,  hat", [], "old,  hat, cat"),
        ("prepend", "old, hat", [], "cat, old, hat"),
        ("append", "old {a|b}\nline two", [], "old {a|b}\nline two, cat, hat"),
        ("append", "Old_Hat, HAT, cat", [], None),
        ("append", "old", ["zibbo"], "zibbo, old, cat, hat"),
        ("prepend", "old", ["zibbo"], "zibbo, cat, hat, old"),
        ("append", "hat, zibbo, cat", ["zibbo"], "zibbo, hat, cat"),
        ("append", "zibbo, hat, cat", ["zibbo"], None),
        ("append", r"hat \(red\)", [], r"hat \(red\), cat, hat"),
        ("overwrite", "zibbo, cat, hat", ["zibbo"], None),
    ],
)
def test_policies(tmp_path: Path, mode: str, own: str, first: list[str], expected: str | None) -> None:
    assert text_after(tmp_path, own.encode(), ["cat", "hat", "cat"], mode, first) == expected


def test_other_encodings_become_utf8_with_all_their_text(tmp_path: Path) -> None:
    assert text_after(tmp_path, CONTENTS["gbk.txt"], ["cat"], "append") == "1girl, 红色帽子, 微笑, cat"
    assert text_after(tmp_path, CONTENTS["bom.txt"], ["cat"], "append") == "1girl, 红色帽子, cat"


def test_an_unknown_mode_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no mode 'all'"):
        text_after(tmp_path, None, ["cat"], "all")


def test_tags_are_trimmed_and_empty_ones_dropped() -> None:
    assert split_tags(" a,b ,, c d\ne,\n") == ["a", "b", "c d", "e"]
