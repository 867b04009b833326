"""Every edit on tags, and plans that leave untouched captions their bytes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lora_workbench.tagger import edit
from lora_workbench.tagger.captions import read_caption, split_tags
from lora_workbench.tagger.folder import Entry
from lora_workbench.trainer_core.problems import WordsError

ORDER = ["penny", "smile", "hat"]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (edit.add(["zibbo"], "first"), "a, b", "zibbo, a, b"),
        (edit.add(["zibbo", "a"]), "a, b", "a, b, zibbo"),
        (edit.add(["x", "y"], 2), "a, b", "a, x, y, b"),
        (edit.add(["x"], -1), "a, b", "a, x, b"),
        (edit.add(["x"], 99), "a, b", "a, b, x"),
        (edit.add(["Red_Hat"]), "red hat", "red hat"),
        (edit.remove(["b", "red_hat"]), "a, Red Hat, b, hat", "a, hat"),
        (edit.remove(["*hat"]), "hat, red hat, hatch", "hatch"),
        (edit.replace("boots", ["red boots"]), "a, boots, b", "a, red boots, b"),
        (edit.replace("boots", ["red boots"]), "red boots, boots", "red boots"),
        (edit.replace("boots", ["x", "y"]), "a, boots", "a, x, y"),
        (edit.replace("boots", []), "a, boots", "a"),
        (edit.replace("boots", ["shoes"]), "a, b", "a, b"),
        (edit.replace("Boots", ["boots"]), "boots, boots", "boots"),
        (edit.regex(r"^red (.*)", r"blue \1"), "Red hat, bored", "blue hat, bored"),
        (edit.regex(r"\d+", ""), "x1, 2", "x"),
        (edit.regex("a", "b, c"), "a, d", "b, c, d"),
        (
            edit.word("red", "blue"),
            "red hat, bored, dark_red boots, red-framed",
            "blue hat, bored, dark_blue boots, blue-framed",
        ),
        (edit.word("hair bow", "ribbon"), "red hair bow, hair bows", "red ribbon, hair bows"),
        (edit.word("red", ""), "red hat, red", "hat"),
        (edit.word("red", "blue"), "red hat, blue hat", "blue hat"),
        (edit.move(["hat", "penny"]), "a, penny, b, hat", "hat, penny, a, b"),
        (edit.move(["penny"]), "a, b", "a, b"),
        (edit.move(["a"], "last"), "a, b, c", "b, c, a"),
        (edit.sort("alphabet"), "c, B, a", "a, B, c"),
        (edit.sort("alphabet", keep=1), "z, c, a", "z, a, c"),
        (edit.sort("frequency", Counter({"b": 9, "a": 2})), "c, a, b", "b, a, c"),
        (edit.sort("order", order=ORDER), "x, hat, y, penny", "penny, hat, x, y"),
        (edit.dedupe, "a, b, A, a_b, a b", "a, b, a_b"),
        (edit.separate, "penny，红帽、 微笑, hat", "penny, 红帽, 微笑, hat"),
        (edit.unescape, r"hat \(red\), a\\b", r"hat (red), a\b"),
        (edit.remove(["x"]), "a, a, b", "a, a, b"),
        (edit.word("red", "blue"), "a, a, red", "a, a, blue"),
    ],
)
def test_edits(change: edit.Edit, before: str, after: str) -> None:
    own = split_tags(before)
    assert change(own) == split_tags(after)
    assert own == split_tags(before), "the tags given are left as they are"


@pytest.mark.parametrize(("pattern", "new"), [("(", "x"), ("a", r"\2")])
def test_wrong_expressions(pattern: str, new: str) -> None:
    with pytest.raises(WordsError, match="mend it"):
        edit.regex(pattern, new)
    with pytest.raises(WordsError, match="can't be sorted"):
        edit.sort("size")


def entry(tmp_path: Path, name: str, content: bytes | None) -> Entry:
    path = tmp_path / f"{name}.txt"
    if content is not None:
        path.write_bytes(content)
    return Entry(path.with_suffix(".png"), "", read_caption(path))


def test_a_plan_counts_and_leaves_alone_what_does_not_change(tmp_path: Path) -> None:
    entries = [
        entry(tmp_path, "a", b"penny,  boots ,hat"),
        entry(tmp_path, "b", "penny, 红色帽子, 微笑".encode("gbk")),
        entry(tmp_path, "c", "boots, 红色帽子, 微笑".encode("gbk")),
        entry(tmp_path, "d", b"boots"),
        entry(tmp_path, "e", None),
        entry(tmp_path, "f", b"\xef\xbb\xbfboots, x\r\n"),
    ]
    planned = edit.plan(entries, [edit.remove(["boots"]), edit.add(["new"], "first")])
    assert {change.path.name: change.after for change in planned.changes} == {
        "a.txt": b"new, penny, hat",
        "b.txt": "new, penny, 红色帽子, 微笑".encode(),
        "c.txt": "new, 红色帽子, 微笑".encode(),
        "d.txt": b"new",
        "e.txt": b"new",
        "f.txt": b"new, x\n",
    }
    planned = edit.plan(entries, [edit.remove(["boots"])])
    assert [change.path.name for change in planned.changes] == ["a.txt", "c.txt", "f.txt"]
    assert [one.picture.stem for one in planned.emptied] == ["d"]  # never emptied
    assert planned.removed == {"boots": 3} and not planned.added
    assert planned.changes[0].before == b"penny,  boots ,hat"
    assert [(old, new) for _, old, new in planned.entries][0] == (["penny", "boots", "hat"], ["penny", "hat"])


def test_lines_stay_lines(tmp_path: Path) -> None:
    one = entry(tmp_path, "a", b"penny, boots\npenny, {red|blue} hat, boots\n")
    (change,) = edit.plan([one], [edit.remove(["boots"])]).changes
    assert change.after == b"penny\npenny, {red|blue} hat\n"
