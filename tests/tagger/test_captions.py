"""Caption files: no batch loses what was in them, whatever they were written in, and every batch can be taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.tagger import captions
from lora_workbench.tagger.captions import JOURNALS, Caption, Change, apply_changes, planned, read_caption, split_tags, undo
from lora_workbench.trainer_core.problems import UserError

BOM = b"\xef\xbb\xbfzibbo, red hat\r\n"
GBK = "红色帽子, 猫".encode("gbk")
UTF16 = "zibbo, red hat".encode("utf-16")


def change(path: Path, text: str, policy: str = "overwrite") -> Change:
    made = planned(read_caption(path), split_tags(text), policy)
    assert made is not None
    return made


@pytest.mark.parametrize("content", [b"a", BOM, GBK, UTF16, b"a\r\nb, c ,, \n", b"(a:1.2), \\(b\\)"])
def test_policy_empty_never_touches_a_caption_that_says_something(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.txt"
    path.write_bytes(content)
    assert planned(read_caption(path), ["new"], "empty", ["first"]) is None
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [None, b"", b" \r\n\t", b"\xef\xbb\xbf", b"\0\0", b" , \n"])
def test_policy_empty_fills_what_says_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "one.txt"
    if content is not None:
        path.write_bytes(content)
    made = planned(read_caption(path), ["new", "tag"], "empty", ["zibbo"])
    assert made == Change(path, content, b"zibbo, new, tag")


@pytest.mark.parametrize(
    ("policy", "first", "expected"),
    [
        ("overwrite", [], "cat, red hat, moon"),
        ("append", [], "Red_Hat, my own: words, cat, moon"),
        ("prepend", [], "cat, moon, Red_Hat, my own: words"),
        ("append", ["zibbo"], "zibbo, Red_Hat, my own: words, cat, moon"),
        ("prepend", ["red hat"], "red hat, cat, moon, my own: words"),
    ],
)
def test_other_policies(policy: str, first: list[str], expected: str) -> None:
    caption = Caption(Path("one.txt"), "Red_Hat, my own: words", b"Red_Hat, my own: words")
    made = planned(caption, ["cat", "red hat", "moon"], policy, first)
    assert made is not None and made.after.decode() == expected


def test_append_that_brings_nothing_leaves_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_bytes(BOM)
    assert planned(read_caption(path), ["Red hat"], "append", ["zibbo"]) is None


def test_undo_gives_every_byte_back(tmp_path: Path) -> None:
    before = {"bom.txt": BOM, "gbk.txt": GBK, "utf16.txt": UTF16, "empty.txt": b"", "new.txt": None}
    for name, content in before.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    apply_changes(tmp_path, [change(tmp_path / name, "红, cat") for name in before], "tagged")
    assert all((tmp_path / name).read_bytes() == "红, cat".encode() for name in before)
    done = undo(tmp_path)
    assert done.what == "tagged" and len(done.restored) == 5 and not done.edited
    for name, content in before.items():
        assert (tmp_path / name).read_bytes() == content if content is not None else not (tmp_path / name).exists()


def test_undo_goes_back_batch_by_batch(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_bytes(GBK)
    for text in ("one", "two", "three"):
        apply_changes(tmp_path, [change(path, text)], text)
    found = [(undo(tmp_path).what, path.read_bytes()) for _ in range(3)]
    assert found == [("three", b"two"), ("two", b"one"), ("one", GBK)]
    with pytest.raises(UserError, match="nothing to undo"):
        undo(tmp_path)


def test_undo_leaves_what_was_edited_since(tmp_path: Path) -> None:
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    apply_changes(tmp_path, [change(path, "cat") for path in paths], "tagged")
    paths[0].write_bytes(b"cat, by hand")
    done = undo(tmp_path)
    assert done.edited == [paths[0]] and done.restored == [paths[1]]
    assert paths[0].read_bytes() == b"cat, by hand" and not paths[1].exists()


def test_journal_is_complete_before_the_first_caption_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that was killed between two files can be taken back."""
    paths = [tmp_path / name for name in ("one.txt", "two.txt", "three.txt")]
    for path in paths:
        path.write_bytes(BOM)
    write, written = captions.write_atomically, []

    def killed_at_the_second(path: Path, data: bytes) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, data)

    monkeypatch.setattr(captions, "write_atomically", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        apply_changes(tmp_path, [change(path, "cat") for path in paths], "tagged")
    monkeypatch.undo()
    assert [path.read_bytes() for path in paths] == [b"cat", BOM, BOM]
    assert undo(tmp_path).restored == paths[:1]
    assert [path.read_bytes() for path in paths] == [BOM] * 3


def test_a_moved_folder_can_still_be_undone(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    apply_changes(tmp_path / "old", [change(tmp_path / "old" / "one.txt", "cat")], "tagged")
    (tmp_path / "old").rename(tmp_path / "new")
    assert undo(tmp_path / "new").restored == [tmp_path / "new" / "one.txt"]


@pytest.mark.parametrize("damage", ["half", "outside"])
def test_a_damaged_journal_changes_nothing(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    other = tmp_path / "other.txt"
    other.write_bytes(b"cat")
    journal = apply_changes(folder, [change(folder / "one.txt", "cat")], "tagged")
    assert journal is not None and journal.parent == folder / JOURNALS
    content = journal.read_text(encoding="utf-8")
    if damage == "outside":
        entries = json.loads(content)
        entries["changes"][0]["path"] = "../other.txt"
        journal.write_text(json.dumps(entries), encoding="utf-8")
    else:
        journal.write_text(content[: len(content) // 2], encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        undo(folder)
    assert (folder / "one.txt").read_bytes() == other.read_bytes() == b"cat"
