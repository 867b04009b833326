"""The caption routes: what they list, filter, change and refuse, and that every change can be undone byte for byte."""

from __future__ import annotations

import re
import time
from array import array
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.api import caption_calls
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tagger.store import Scores, Store, content_key
from lora_workbench.tests.extension.parts import API, FakeHost

CAPTIONS = {
    "a": "penny, smile, boots, red boots, hat",
    "b": "penny, smile, boots, blue boots",
    "c": "smile, penny, red boots, red footwear",
    "d": "penny, Smile, penny, hat \\(big\\)",
    "e": "",
    "10_other/f": "penny, forest\nmoon, night\n",
}


class Words:
    """A helper that counts words, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, what: str, **values: Any) -> Any:
        self.asked.append(what)
        if what == "tokens":
            return {"counts": [len(text.split()) for text in values["texts"]]}
        return {"tags": {tag: re.sub(values["pattern"], values["new"], tag) for tag in values["tags"]}}

    def end(self) -> None:
        return None


@pytest.fixture
def folder(client: Any, bench: Workbench, tmp_path: Path) -> Path:
    made = tmp_path / "sets" / "penny"
    for name, caption in CAPTIONS.items():
        path = made / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture " + name.encode())
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")
    (made / "g.jpg").write_bytes(b"without a caption")
    bench.words = Words()  # type: ignore[assignment]
    bench.projects.create("penny")
    client.post(f"{API}/project", json={"changes": {"dataset": str(made)}})
    return made


def ask(client: Any, path: str, status: int = 200, **body: Any) -> Any:
    reply = client.post(f"{API}/captions/{path}", json=body)
    assert reply.status_code == status, reply.text
    return reply.json() if status == 200 else reply.json()["error"]


def texts(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.txt"))}


def test_captions_are_listed_by_place_and_by_number(client: Any, folder: Path) -> None:
    answer = client.get(f"{API}/captions", params={"offset": 1, "limit": 2}).json()
    assert answer["count"] == 7 and answer["more"]
    assert [(one["number"], one["name"]) for one in answer["captions"]] == [(1, "b.png"), (2, "c.png")]
    assert answer["captions"][0]["tags"] == ["penny", "smile", "boots", "blue boots"]
    some = client.get(f"{API}/captions", params={"numbers": "6,0,99"}).json()["captions"]
    assert [one["name"] for one in some] == ["10_other/f.png", "a.png"]
    assert some[0]["tags"] == ["penny", "forest", "\n", "moon", "night"]


def test_only_what_changed_since_a_revision_is_told(client: Any, folder: Path) -> None:
    first = client.get(f"{API}/captions").json()
    since = {"since": first["revision"]}
    assert client.get(f"{API}/captions", params=since).json()["captions"] == []
    (folder / "b.txt").write_text("penny, changed outside", encoding="utf-8")
    answer = client.get(f"{API}/captions", params=since).json()
    assert [one["name"] for one in answer["captions"]] == ["b.png"] and answer["listing"] == first["listing"]
    assert ask(client, "query", since=first["revision"])["changed"] == [1]
    (folder / "0.png").write_bytes(b"new")
    assert client.get(f"{API}/captions", params=since).json()["listing"] != first["listing"]


def test_a_filter_tells_pictures_and_their_tags(client: Any, folder: Path) -> None:
    everything = ask(client, "query")
    assert everything["numbers"] is None and everything["pictures"] == 7 and everything["captioned"] == 5
    assert everything["tags"][0] == ["penny", 5] and ["smile", 4] in everything["tags"]
    assert everything["activation"] == {"tags": ["penny"], "given": False}
    some = ask(client, "query", filter="has:boots not:hat")
    assert some["numbers"] == [1] and ["boots", 1] in some["tags"] and len(some["tags"]) == 4
    assert ask(client, "query", filter="folder:10_other")["numbers"] == [6]
    assert ask(client, "query", filter="count>=5")["numbers"] == [0]


@pytest.mark.parametrize("text", ["has:", "(has:boots", 'has:"boots', "or", "has:boots)"])
def test_a_filter_that_is_wrong_is_told_so(client: Any, folder: Path, text: str) -> None:
    error = ask(client, "query", 400, filter=text)
    assert error.startswith("The filter") and text[:8] in error


def test_stats_by_folder(client: Any, folder: Path) -> None:
    answer = ask(client, "stats")
    assert answer["folders"]["10_other"]["tags"] == {"penny": 1, "forest": 1, "moon": 1, "night": 1}
    assert ask(client, "stats", filter="has:hat")["pictures"] == 1


def test_a_preview_writes_nothing_and_apply_does_what_it_showed(client: Any, folder: Path) -> None:
    before = texts(folder)
    edits = [{"do": "replace", "old": "boots", "new": ["shoes"]}]
    seen = ask(client, "preview", edits=edits)
    assert (seen["looked_at"], seen["changed"]) == (7, 2) and seen["added"] == [["shoes", 2]]
    assert seen["samples"][1] == {
        "name": "b.png",
        "before": ["penny", "smile", "boots", "blue boots"],
        "after": ["penny", "smile", "shoes", "blue boots"],
    }
    assert texts(folder) == before
    done = ask(client, "apply", edits=edits, mark=seen["mark"])
    assert done["written"] == 2 and done["what"] == "replaced boots by shoes" and done["failed"] == []
    assert texts(folder)["b.txt"] == b"penny, smile, shoes, blue boots"
    assert texts(folder)["c.txt"] == before["c.txt"]
    changes = client.get(f"{API}/changes").json()
    assert changes["changes"][0]["what"] == "replaced boots by shoes" and changes["redo"] is None
    client.post(f"{API}/undo", json={})
    assert texts(folder) == before
    assert client.get(f"{API}/changes").json()["redo"]["what"] == "replaced boots by shoes"
    assert client.post(f"{API}/redo", json={}).json()["restored"] == 2
    assert texts(folder)["a.txt"] == b"penny, smile, shoes, red boots, hat"


def test_what_changed_since_the_preview_is_not_written_over(client: Any, folder: Path) -> None:
    edits = [{"do": "remove", "tags": ["smile"]}]
    mark = ask(client, "preview", edits=edits)["mark"]
    (folder / "b.txt").write_text("penny, smile, new", encoding="utf-8")
    assert "since the preview" in ask(client, "apply", 409, edits=edits, mark=mark)
    assert texts(folder)["a.txt"] == CAPTIONS["a"].encode()


@pytest.mark.parametrize(
    ("edit", "name", "expected"),
    [
        ({"do": "add", "tags": "hat, new", "place": "first"}, "b", "hat, new, penny, smile, boots, blue boots"),
        ({"do": "add", "tags": ["new"]}, "b", "penny, smile, boots, blue boots, new"),
        ({"do": "add", "tags": ["new"], "place": 2}, "b", "penny, new, smile, boots, blue boots"),
        ({"do": "add", "tags": ["new"]}, "e", "new"),
        ({"do": "remove", "tags": ["*boots"]}, "b", "penny, smile"),
        ({"do": "word", "old": "red", "new": "green"}, "c", "smile, penny, green boots, green footwear"),
        ({"do": "regex", "pattern": "^(red) (.+)$", "new": r"\2 in \1"}, "c", "smile, penny, boots in red, footwear in red"),
        ({"do": "move", "tags": ["penny"], "place": "first"}, "c", "penny, smile, red boots, red footwear"),
        ({"do": "sort", "how": "alphabet", "keep": 1}, "b", "penny, blue boots, boots, smile"),
        ({"do": "sort", "how": "frequency"}, "c", "penny, smile, red boots, red footwear"),
        ({"do": "dedupe"}, "d", "penny, Smile, hat \\(big\\)"),
        ({"do": "unescape"}, "d", "penny, Smile, penny, hat (big)"),
        ({"do": "rule", "rule": "boots + smile -> happy boots"}, "b", "penny, happy boots, blue boots"),
        ({"do": "merge", "merges": [{"gone": "boots", "kept": "red boots", "source": "implication"}]}, "a",
         "penny, smile, red boots, hat"),
        ({"do": "merge", "merges": [{"gone": "hat", "kept": "smile", "source": "suggestion"}]}, "a",
         "penny, smile, boots, red boots"),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_edits(client: Any, folder: Path, edit: dict[str, Any], name: str, expected: str) -> None:
    ask(client, "apply", edits=[edit])
    assert texts(folder)[f"{name}.txt"].decode() == expected


def test_an_accepted_merge_does_no_other(client: Any, folder: Path) -> None:
    merge = {"do": "merge", "merges": [{"gone": "boots", "kept": "red boots", "source": "implication"}]}
    assert ask(client, "apply", edits=[merge])["written"] == 1
    assert texts(folder)["b.txt"] == CAPTIONS["b"].encode()
    safe = {
        **merge,
        "merges": [{"gone": "red footwear", "kept": "red boots", "source": "implication"}],
        "protect": ["red footwear"],
    }
    assert ask(client, "apply", edits=[safe])["written"] == 0


def test_edits_reach_the_filter_or_the_selection_alone(client: Any, folder: Path) -> None:
    listing = ask(client, "query")["listing"]
    edits = [{"do": "add", "tags": ["new"]}]
    assert ask(client, "apply", edits=edits, numbers=[1, 1], listing=listing)["written"] == 1
    assert ask(client, "apply", edits=edits, names=["10_other/f.png"])["written"] == 1
    assert ask(client, "apply", edits=edits, filter="has:hat")["written"] == 1
    changed = {name for name, text in texts(folder).items() if b"new" in text}
    assert changed == {"a.txt", "b.txt", "10_other/f.txt"}
    assert texts(folder)["10_other/f.txt"] == b"penny, forest, new\nmoon, night, new\n"
    (folder / "0.png").write_bytes(b"one more, so that all numbers mean others")
    assert "choose them again" in ask(client, "apply", 409, edits=edits, numbers=[1], listing=listing)


def test_no_caption_is_emptied(client: Any, folder: Path) -> None:
    seen = ask(client, "preview", edits=[{"do": "remove", "tags": ["*o*", "*i*", "*e*", "*a*"]}])
    assert seen["changed"] == 0 and seen["left_alone_count"] == 5
    error = ask(client, "edit", 400, name="b.png", before=["penny", "smile", "boots", "blue boots"], after=[])
    assert "never emptied" in error


def test_one_pictures_tags(client: Any, folder: Path) -> None:
    before = ["penny", "forest", "\n", "moon", "night"]
    done = ask(client, "edit", name="10_other/f.png", before=before, after=["penny", "a, b", "\n", "night"])
    assert done["change"] == 1 and texts(folder)["10_other/f.txt"] == b"penny, a, b\nnight\n"
    assert "changed elsewhere" in ask(client, "edit", 409, name="10_other/f.png", before=before, after=["x"])
    assert ask(client, "edit", name="g.jpg", before=[], after=["penny"])["written"] == 1
    assert (folder / "g.txt").read_bytes() == b"penny"
    client.post(f"{API}/undo", json={})
    assert not (folder / "g.txt").exists()


def test_merges_are_proposed_with_pictures_and_what_was_skipped_stays_away(client: Any, folder: Path) -> None:
    found = {one["key"]: one for one in ask(client, "merges")["merges"]}
    assert set(found) == {"boots -> red boots", "boots -> blue boots", "red footwear -> red boots"}
    assert found["boots -> blue boots"]["examples"] == ["b.png"] and found["boots -> blue boots"]["count"] == 1
    ask(client, "reviewed", kind="merges", add=["boots -> blue boots"])
    again = ask(client, "merges")
    assert again["count"] == 2 and again["skipped"] == 1
    client.post(f"{API}/projects", json={"name": "other"})  # opened while the answer was on its way
    ask(client, "reviewed", kind="merges", remove=["boots -> blue boots"], project="penny")
    client.post(f"{API}/projects/open", json={"name": "penny"})
    assert ask(client, "merges")["count"] == 3


def test_a_class_word_is_not_taken_for_the_activation_tag(client: Any, folder: Path) -> None:
    for path in folder.glob("*.txt"):
        path.write_text(f"1girl, {path.stem}", encoding="utf-8")
    answer = ask(client, "check")
    found = {one["code"]: one for one in answer["findings"]}
    assert answer["activation"] == {"tags": [], "given": False} and not found["no-activation"]["mend"]
    assert "activation-tag" not in found and "no-activation" not in {
        one["code"] for one in ask(client, "check", first=["penny"])["findings"]
    }


def test_the_check_and_what_it_mends(client: Any, folder: Path) -> None:
    (folder / "a.txt").write_text("penny, smile，boots, red boots, hat", encoding="utf-8")
    before = texts(folder)
    found = {one["code"]: one for one in ask(client, "check", first=["penny"])["findings"]}
    assert found["activation-tag"]["numbers"] == [2] and found["activation-tag"]["mend"]
    assert found["repeated"]["numbers"] == [3] and found["escapes"]["numbers"] == [3]
    assert found["wide-commas"]["numbers"] == [0] and found["wide-commas"]["mend"]
    assert found["empty"]["numbers"] == [4] and found["no-caption"]["numbers"] == [5] and not found["empty"]["mend"]
    assert ask(client, "mend", code="activation-tag", first=["penny"])["written"] == 1
    assert texts(folder)["c.txt"] == b"penny, smile, red boots, red footwear"
    for code in ("repeated", "escapes", "wide-commas"):
        ask(client, "mend", code=code)
    left = {one["code"] for one in ask(client, "check")["findings"]}
    assert not left & {"activation-tag", "repeated", "escapes", "wide-commas"}
    for _ in range(4):
        client.post(f"{API}/undo", json={})
    assert texts(folder) == before


def test_backslashes_are_right_where_captions_have_weights(client: Any, folder: Path) -> None:
    assert "escapes" in {one["code"] for one in ask(client, "check")["findings"]}
    client.post(f"{API}/project", json={"changes": {"settings": {"weighted_captions": True}}})
    assert "escapes" not in {one["code"] for one in ask(client, "check")["findings"]}


def test_tokens(client: Any, folder: Path, bench: Workbench) -> None:
    assert ask(client, "tokens", texts=["one two", ""]) == {"counts": [2, 0]}
    (folder / "a.txt").write_text("word " * 80, encoding="utf-8")
    found = {one["code"]: one for one in ask(client, "check", tokens=75)["findings"]}
    assert found["too-long"]["numbers"] == [0]
    assert "too-long" not in {one["code"] for one in ask(client, "check", tokens=150)["findings"]}


def test_doubts_are_those_of_the_store_and_not_asked_again(client: Any, folder: Path, bench: Workbench, tmp_path: Path) -> None:
    assert ask(client, "doubts") == {"known": 0, "count": 0, "doubts": []}
    with Store(bench.host.data / "cache") as store:
        # No tagger can judge the activation tag, even where it knows the word.
        labels = '[["smile", "general"], ["boots", "general"], ["hat", "general"], ["penny", "general"]]'
        store._database.execute("INSERT INTO models VALUES ('m', 'p', 1, 1, ?, 1)", (labels,))
        picture = folder / "a.png"
        content = content_key(picture.read_bytes())
        scores = Scores(array("I", [0, 1]), array("f", [0.9, 0.2]))
        store.remember([(picture, picture.stat(), content)], [(content, "m", scores)])
    answer = ask(client, "doubts", below=0.5)
    assert answer["known"] == 1
    assert [(one["name"], one["tag"], one["score"]) for one in answer["doubts"]] == [
        ("a.png", "hat", 0.0),
        ("a.png", "boots", 0.2),
    ]
    ask(client, "reviewed", kind="tags", add=["a.png: hat"])
    assert [one["tag"] for one in ask(client, "doubts", below=0.5)["doubts"]] == ["boots"]


def test_sentences_come_in_chinese(client: Any, folder: Path) -> None:
    client.post(f"{API}/options", json={"language": "zh_CN"})
    assert "has:" in ask(client, "query", 400, filter="has:") and re.search("[一-鿿]", ask(client, "query", 400, filter="has:"))
    done = ask(client, "apply", edits=[{"do": "replace", "old": "boots", "new": ["red shoes"]}])
    assert re.search("[一-鿿]", done["what"]) and "red shoes" in done["what"]


def test_a_regular_expression_without_an_end_is_ended(client: Any, folder: Path, bench: Workbench, monkeypatch: Any) -> None:
    """Through the real helper: it is killed, the server goes on, and the next one works."""
    from lora_workbench.extension.helper import Helper

    bench.words = Helper("words", bench.host.data)
    monkeypatch.setattr(caption_calls, "PATIENCE", 6.0)
    (folder / "a.txt").write_text("a" * 60 + "!", encoding="utf-8")
    begun = time.monotonic()
    error = ask(client, "preview", 500, edits=[{"do": "regex", "pattern": "^(a+)+$", "new": ""}])
    assert "took more than" in error and time.monotonic() - begun < 30
    monkeypatch.setattr(caption_calls, "PATIENCE", 60.0)
    good = ask(client, "preview", edits=[{"do": "regex", "pattern": "^BLUE (.+)$", "new": r"\1 of the sea"}])
    assert good["samples"][0]["after"] == ["penny", "smile", "boots", "boots of the sea"]
    assert "can't be used" in ask(client, "preview", 400, edits=[{"do": "regex", "pattern": "(", "new": ""}])
    assert ask(client, "tokens", texts=["penny, smile"])["counts"] == [3]


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("query", {"filter": "(" * 900}),
    ("query", {"filter": "x" * 1001}),
    ("query", {"filter": ["has:x"]}),
    ("query", {"folder": "/etc"}),
    ("query", {"folder": "../sets"}),
    ("query", {"more": 1}),
    ("stats", {"folder": "/"}),
    ("preview", {"edits": []}),
    ("preview", {"edits": [{}]}),
    ("preview", {"edits": ["remove"]}),
    ("preview", {"edits": [{"do": "__import__"}]}),
    ("preview", {"edits": [{"do": "add", "tags": [1]}]}),
    ("preview", {"edits": [{"do": "add", "tags": ["x"], "place": True}]}),
    ("preview", {"edits": [{"do": "add", "tags": ["x"], "place": 0}]}),
    ("preview", {"edits": [{"do": "add", "tags": [" , "]}]}),
    ("preview", {"edits": [{"do": "remove", "tags": "x," * 500}]}),
    ("preview", {"edits": [{"do": "sort", "how": "/etc/passwd"}]}),
    ("preview", {"edits": [{"do": "sort", "keep": -1}]}),
    ("preview", {"edits": [{"do": "merge", "merges": [{"gone": "a"}]}]}),
    ("preview", {"edits": [{"do": "merge", "merges": [{"gone": "a", "kept": "b", "source": "mine"}]}]}),
    ("preview", {"edits": [{"do": "rule", "rule": "nothing"}]}),
    ("preview", {"edits": [{"do": "regex", "pattern": "x" * 3000, "new": ""}]}),
    ("preview", {"edits": [{"do": "dedupe"}] * 21}),
    ("apply", {"edits": [{"do": "dedupe"}], "numbers": [0], "listing": "other"}),
    ("apply", {"edits": [{"do": "dedupe"}], "numbers": "0"}),
    ("apply", {"edits": [{"do": "dedupe"}], "names": ["../../a.png"]}),
    ("apply", {"edits": [{"do": "dedupe"}], "names": "a.png"}),
    ("apply", {"edits": [{"do": "dedupe"}], "names": [["a.png"]]}),
    ("apply", {"edits": [{"do": "dedupe"}], "folder": "/tmp"}),
    ("edit", {"name": "../penny/a.png", "before": [], "after": ["x"]}),
    ("edit", {"name": "a.txt", "before": [], "after": ["x"]}),
    ("edit", {"name": None, "before": [], "after": ["x"]}),
    ("edit", {"name": ["a.png"], "before": [], "after": ["x"]}),
    ("edit", {"name": "a.png", "before": "penny", "after": ["x"]}),
    ("edit", {"name": "g.jpg", "before": [], "after": [{"x": 1}]}),
    ("merges", {"folder": "/etc"}),
    ("merges", {"first": "penny"}),
    ("check", {"tokens": 76}),
    ("check", {"tokens": True}),
    ("mend", {"code": "empty"}),
    ("mend", {"code": {"a": 1}}),
    ("mend", {"code": "repeated", "folder": "/etc"}),
    ("doubts", {"below": 2}),
    ("doubts", {"below": "0.5"}),
    ("reviewed", {"kind": "../state", "add": ["x"]}),
    ("reviewed", {"kind": "merges", "add": "x"}),
    ("reviewed", {"kind": "merges", "add": ["x" * 3000]}),
    ("tokens", {"texts": "penny"}),
    ("tokens", {"texts": ["x" * 30_000]}),
]


@pytest.mark.parametrize(("path", "body"), HOSTILE, ids=lambda value: value if isinstance(value, str) else "")
def test_hostile_bodies_are_refused_and_change_nothing(client: Any, folder: Path, path: str, body: dict[str, Any]) -> None:
    before = texts(folder.parent.parent)
    reply = client.post(f"{API}/captions/{path}", json=body)
    assert 400 <= reply.status_code < 500, reply.text
    assert list(reply.json()) == ["error"] and "Traceback" not in reply.text
    assert texts(folder.parent.parent) == before and not (folder / ".lora_workbench").exists()


@pytest.mark.parametrize(
    "query",
    [{"numbers": "1;2"}, {"numbers": "-1"}, {"numbers": "1," * 600}, {"since": "x"}, {"folder": "/etc"}, {"numbers": "²"}],
)
def test_hostile_queries_are_refused(client: Any, folder: Path, query: dict[str, str]) -> None:
    assert 400 <= client.get(f"{API}/captions", params=query).status_code < 500


def test_writing_needs_our_header(client: Any, folder: Path) -> None:
    for path in ("edit", "apply", "mend", "reviewed", "query"):
        reply = client.post(f"{API}/captions/{path}", json={}, headers={"X-LoRA-Workbench": ""})
        assert reply.status_code == 403


def test_restricted_requests_follow_no_links_and_stay_inside(
    client: Any, folder: Path, bench: Workbench, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the cat's real name", encoding="utf-8")
    (folder / "h.png").write_bytes(b"h")
    (folder / "h.txt").symlink_to(secret)
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(folder.parent,), writable=(folder.parent,))
    answer = client.get(f"{API}/captions").json()
    linked = next(one for one in answer["captions"] if one["name"] == "h.png")
    assert linked["locked"] and linked["tags"] == [] and "real name" not in str(answer)
    ask(client, "apply", edits=[{"do": "add", "tags": ["new"]}])
    ask(client, "edit", 409, name="h.png", before=[], after=["x"])
    assert secret.read_text(encoding="utf-8") == "the cat's real name" and texts(folder)["a.txt"].endswith(b", new")
    bench.host.chosen_rights = Rights(True, readable=(tmp_path / "elsewhere",), writable=(tmp_path / "elsewhere",))
    for path, body in (("query", {}), ("apply", {"edits": [{"do": "dedupe"}]}), ("mend", {"code": "repeated"})):
        assert "data folders" in ask(client, path, 403, **body)


def test_a_dataset_that_no_project_opened_is_refused(client: Any, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes(b"a")
    (other / "a.txt").write_text("private", encoding="utf-8")
    for path in ("query", "preview", "apply", "merges", "check", "mend", "doubts", "stats"):
        assert "not a project's dataset" in ask(client, path, 403, folder=str(other))
    assert client.get(f"{API}/captions", params={"folder": str(other)}).status_code == 403


def test_an_unreadable_caption_spoils_only_itself(client: Any, folder: Path) -> None:
    (folder / "g.txt").mkdir()
    listed = client.get(f"{API}/captions").json()["captions"]
    assert next(one for one in listed if one["name"] == "g.jpg")["locked"]
    assert ask(client, "apply", edits=[{"do": "add", "tags": ["new"]}])["written"] == 6
