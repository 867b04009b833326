"""Captions in any encoding, policies that keep what they promise, and undo byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.tagger.captions import (
    JOURNALS,
    MODES,
    Change,
    apply_changes,
    planned,
    read_caption,
    split_tags,
    undo,
)
from lora_workbench.trainer_core.problems import UserError

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


def batch(folder: Path) -> Path:
    """A batch that changes every caption in CONTENTS and makes one more; returns its journal."""
    (folder / "deeper").mkdir(exist_ok=True)
    changes = [Change(folder / name, content, b"changed") for name, content in CONTENTS.items()]
    changes.append(Change(folder / "deeper" / "new.txt", None, b"new"))
    journal = apply_changes(folder, changes, "tagged 5 pictures")
    assert journal is not None
    return journal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.txt")}


def test_undo_brings_every_byte_back(folder: Path) -> None:
    batch(folder)
    assert contents(folder) == {**dict.fromkeys(CONTENTS, b"changed"), "new.txt": b"new"}
    done = undo(folder)
    assert contents(folder) == CONTENTS
    assert done.what == "tagged 5 pictures" and len(done.restored) == 5 and not done.edited
    with pytest.raises(UserError, match="nothing to undo"):
        undo(folder)


def test_batches_are_undone_one_after_the_other(folder: Path) -> None:
    batch(folder)
    apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"again")], "second")
    assert undo(folder).what == "second" and contents(folder)["bom.txt"] == b"changed"
    apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"third")], "third")
    assert undo(folder).what == "third"
    assert undo(folder).what == "tagged 5 pictures" and contents(folder) == CONTENTS


def test_later_edits_are_left_alone(folder: Path) -> None:
    batch(folder)
    (folder / "gbk.txt").write_bytes(b"by hand")
    done = undo(folder)
    assert [path.name for path in done.edited] == ["gbk.txt"]
    assert contents(folder) == {**CONTENTS, "gbk.txt": b"by hand"}


def test_the_journal_is_complete_before_the_first_caption_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.tagger import captions

    written = []

    def full_disk(path: Path, data: bytes) -> None:
        journals = list((folder / JOURNALS).glob("*.json"))
        assert len(json.loads(journals[0].read_text(encoding="utf-8"))["changes"]) == 5
        if written:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        path.write_bytes(data)

    with monkeypatch.context() as patched:
        patched.setattr(captions, "write_atomically", full_disk)
        with pytest.raises(OSError, match="No space"):
            batch(folder)
    assert list(contents(folder).values()).count(b"changed") == 1
    assert len(undo(folder).restored) == 1 and contents(folder) == CONTENTS


@pytest.mark.parametrize("damage", ["{", '{"what": "x", "changes": [{"path": "../a.txt", "before": null, "after": ""}]}'])
def test_a_damaged_journal_changes_nothing(folder: Path, damage: str) -> None:
    batch(folder).write_text(damage, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        undo(folder)
    assert contents(folder)["bom.txt"] == b"changed"


def test_an_empty_batch_leaves_no_trace(tmp_path: Path) -> None:
    assert apply_changes(tmp_path, [], "nothing") is None and not list(tmp_path.iterdir())
