"""Findings by their codes: what each is, in which files, and that mending ends it."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from lora_workbench.tagger.check import check, is_class_word, most_first, too_long
from lora_workbench.tagger.confidence import doubts
from lora_workbench.tagger.folder import open_folder
from lora_workbench.tagger.labels import Label
from lora_workbench.tagger.stats import stats
from lora_workbench.tagger.store import Scores, Store, content_key

FULL = "penny, standing, full body, smile, forest"


def make(folder: Path, **captions: str | bytes | None) -> Path:
    for name, text in captions.items():
        (folder / f"{name}.png").write_bytes(name.encode())
        if text is not None:
            (folder / f"{name}.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def found(folder: Path, *first: str, recursive: bool = False) -> dict[str, list[tuple[str, str]]]:
    """{code: [(file, what)]}."""
    return {
        one.code: [(path.name, what) for path, what in one.files] for one in check(open_folder(folder, recursive), list(first))
    }


def test_files(tmp_path: Path) -> None:
    make(tmp_path, a=FULL, b=None, c=b" \n", d=FULL)
    (tmp_path / "a.jpg").touch()
    (tmp_path / "lost.txt").write_text("x", encoding="utf-8")
    codes = found(tmp_path)
    assert codes["no-caption"] == [("b.png", "has no caption")] and codes["empty"] == [("c.txt", "is empty")]
    assert codes["shared"] == [("a.png", "shares its caption with a.jpg")] and codes["orphan"] == [
        ("lost.txt", "has no picture")
    ]


def test_spelling(tmp_path: Path) -> None:
    make(
        tmp_path,
        e=FULL + "，红帽",
        a=FULL + r", hat \(red\)",
        b=FULL + ", Smile",
        c=(FULL + ", 红色帽子, 微笑").encode("gbk"),
        d=FULL,
    )
    codes = found(tmp_path)
    assert [name for name, _ in codes["escapes"]] == ["a.txt"] and codes["repeated"] == [("b.txt", "has smile more than once")]
    assert [name for name, _ in codes["wide-commas"]] == ["e.txt"]
    assert codes["encoding"] == [("c.txt", "is in GBK, not in UTF-8")]


def test_the_activation_tag_first_in_every_file(tmp_path: Path) -> None:
    make(tmp_path, a=FULL, b="smile, penny, standing", c="hat, standing", d=FULL.replace("penny", "Penny"))
    assert found(tmp_path, "penny")["activation-tag"] == [
        ("b.txt", "begins with 'smile', not 'penny'"),
        ("c.txt", "begins with 'hat', not 'penny'"),
    ]
    make(tmp_path, e=FULL)
    assert [name for name, _ in found(tmp_path)["activation-tag"]] == ["b.txt", "c.txt"]  # as most begin with it


def test_most_first() -> None:
    assert most_first({1: "a", 2: "a", 3: "b"}) == ("a", [3])
    assert most_first({1: "a", 2: "b"}) is None and most_first({1: "a"}) is None and most_first({1: "", 2: "", 3: "b"}) is None


def test_a_class_word_is_no_activation_tag(tmp_path: Path) -> None:
    """A tagger's captions begin with `1girl`; putting that first everywhere would call every girl, not this one."""
    make(tmp_path, **{f"p{number}": "1girl, smile" if number else "solo, 1girl" for number in range(5)})
    codes = found(tmp_path)
    assert codes["no-activation"] == [(tmp_path.name, "all: 4 of 5 begin with '1girl'")] and "activation-tag" not in codes
    assert most_first({1: "1girl", 2: "1girl"}) is None and most_first({1: "2b", 2: "2b"}) == ("2b", [])
    codes = found(tmp_path, "penny")
    assert len(codes["activation-tag"]) == 5 and "no-activation" not in codes
    make(tmp_path, **{f"p{number}": "penny, 1girl" for number in range(4)})
    codes = found(tmp_path)
    assert [name for name, _ in codes["activation-tag"]] == ["p4.txt"] and "no-activation" not in codes


@pytest.mark.parametrize(("tag", "is_one"), [
    ("1girl", True), ("6+girls", True), ("1other", True), ("Solo", True), ("2boys", True), ("penny", False),
    ("2b", False), ("9s", False), ("1girl-chan", False),
])  # fmt: skip
def test_class_words(tag: str, is_one: bool) -> None:
    assert is_class_word(tag) is is_one


def test_tags_that_can_not_be_switched_off_and_those_that_come_once(tmp_path: Path) -> None:
    captions = {f"p{number}": f"penny, 1girl, red scarf, {'smile' if number % 2 else 'frown'}" for number in range(6)}
    make(tmp_path, **{name: text + (", lamp" if name == "p5" else ", tail") for name, text in captions.items()})
    codes = found(tmp_path)
    assert codes["everywhere"] == [(tmp_path.name, "red scarf")] and codes["once"] == [("p5.txt", "lamp")]
    assert codes["nearly-everywhere"] == [(tmp_path.name, "tail")], "in five of six; class words are not told of"


def test_minority_colours(tmp_path: Path) -> None:
    make(tmp_path, **{f"p{number}": "penny, blonde hair" for number in range(9)}, odd="penny, brown hair")
    assert found(tmp_path)["minority-colour"] == [("odd.txt", "brown hair, where 9 of 10 have blonde hair")]
    make(tmp_path, **{f"q{number}": "penny, brown hair" for number in range(3)})
    assert "minority-colour" not in found(tmp_path)  # four of thirteen: not one mistake any more


def test_contradictions_and_missing_aspects(tmp_path: Path) -> None:
    make(tmp_path, a="penny, blonde hair, brown hair, standing, full body, smile", b=FULL)
    codes = found(tmp_path)
    assert codes["contradiction"] == [("a.txt", "blonde hair and brown hair: two colours of one thing")]
    assert codes["no-background"] == [("a.txt", "no background")] and "no-pose" not in codes


def test_nothing_wrong(tmp_path: Path) -> None:
    make(tmp_path, a=FULL, b=FULL)
    assert not found(tmp_path, "penny")


def test_tokens(tmp_path: Path) -> None:
    make(tmp_path, a=FULL, b=", ".join(f"tag number {n}" for n in range(30)))
    from lora_workbench.trainer_core.models.tokenizer import count_tokens

    (one,) = too_long(open_folder(tmp_path).entries, 75, count_tokens)
    assert [(path.name, what.split(",")[0]) for path, what in one.files] == [
        ("b.txt", f"has {count_tokens(', '.join(f'tag number {n}' for n in range(30)))} tokens")
    ]


def test_doubtful_tags_by_what_the_tagger_saw(tmp_path: Path) -> None:
    make(tmp_path, a="penny, red hat, smile", b="red hat", c="smile")
    model = tmp_path / "model.onnx"
    model.write_bytes(b"model")
    labels = [Label("red hat", "general", "red_hat"), Label("smile", "general", "smile")]
    with Store(tmp_path / "cache") as store:
        assert doubts(open_folder(tmp_path).entries, store) == ([], 0)
        key = store.model_key(model, labels)
        seen = {"a": [0.9, 0.2], "b": [0.3, 0.9]}
        rows = [(content_key(name.encode()), key, Scores(array("I", [0, 1]), array("f", own))) for name, own in seen.items()]
        store.remember([], rows)
        found, known = doubts(open_folder(tmp_path).entries, store, 0.5)
    assert [(one.picture.name, one.tag, one.score) for one in found] == [("a.png", "smile", 0.2), ("b.png", "red hat", 0.3)]
    assert known == 2


def test_stats_by_folder(tmp_path: Path) -> None:
    for place in ("4_penny", "2_cat"):
        (tmp_path / place).mkdir()
    make(tmp_path / "4_penny", a="penny, hat, safe", b="penny, hat, hat", c=None)
    make(tmp_path / "2_cat", d="cat, hat")
    found = stats(open_folder(tmp_path, recursive=True))
    assert (found.pictures, found.captioned) == (4, 3) and found.tags == {"penny": 2, "hat": 3, "safe": 1, "cat": 1}
    assert found.places["4_penny"] == (2, {"penny": 2, "hat": 2, "safe": 1}) and found.sizes == {3: 2, 2: 1}
    assert sorted(found.once) == ["cat", "safe"] and found.ratings == {"safe": 1}
    assert found.as_dict()["folders"]["2_cat"] == {"pictures": 1, "tags": {"cat": 1, "hat": 1}}


@pytest.mark.parametrize("count", [3])
def test_places_are_concepts_of_their_own(tmp_path: Path, count: int) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        make(tmp_path / place, **{f"p{number}": f"{place}, thing" for number in range(count)})
    assert "activation-tag" not in found(tmp_path, recursive=True)
