"""What taggers saw is kept by content and model, and a second run with other thresholds computes nothing."""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.tagger.batch import Plan, tag_folder
from lora_workbench.tagger.cache import opened_store
from lora_workbench.tagger.model import Tagger
from lora_workbench.tagger.results import Choice
from lora_workbench.tagger.store import Scores, Store, content_key


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "cache") as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(10):
        Image.new("RGB", (8, 8), (25 * number, 0, 255 - 25 * number)).save(folder / f"{number}.png")
    return folder


def counting(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of pictures that the model is asked for."""
    asked: list[int] = []
    ask = Tagger.ask
    monkeypatch.setattr(Tagger, "ask", lambda self, pictures: (asked.append(len(pictures)), ask(self, pictures))[1])
    return asked


def captions(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.txt")}


def test_other_thresholds_cost_no_inference(
    folder: Path, store: Store, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(make_tagger())
    asked = counting(tagger, monkeypatch)
    first = Choice(threshold=0.5)
    tag_folder(folder, tagger, choice=first, store=store)
    assert sum(asked) == 10
    whole = captions(folder)
    tag_folder(folder, tagger, plan=Plan("overwrite"), choice=Choice(threshold=0.1, mcut=True), store=store)
    assert sum(asked) == 10 and captions(folder) != whole
    tag_folder(folder, tagger, plan=Plan("overwrite"), choice=first, store=store)
    assert sum(asked) == 10 and captions(folder) == whole
    tag_folder(folder, tagger, plan=Plan("overwrite"), choice=first)  # computed anew: the same
    assert sum(asked) == 20 and captions(folder) == whole


def test_a_changed_picture_is_computed_again_and_a_moved_one_is_not(
    folder: Path, store: Store, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(make_tagger())
    asked = counting(tagger, monkeypatch)
    tag_folder(folder, tagger, store=store)
    (folder / "3.png").rename(folder / "moved.png")
    Image.new("RGB", (8, 8), "red").save(folder / "5.png")
    tag_folder(folder, tagger, plan=Plan("overwrite"), choice=Choice(0.6, 0.95), store=store)
    assert sum(asked) == 11 and (folder / "5.txt").read_bytes() == b"red hat"


def test_another_model_or_list_is_computed_anew(
    folder: Path, store: Store, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tagger()
    asked = counting(Tagger.load(path), monkeypatch)
    tag_folder(folder, path, store=store)
    tag_folder(folder, make_tagger("same bytes"), plan=Plan("overwrite"), store=store)
    assert sum(asked) == 10  # the same bytes in another place
    lines = (path / "selected_tags.csv").read_text(encoding="utf-8").replace("red_hat", "red_cap")
    (path / "selected_tags.csv").write_text(lines, encoding="utf-8")
    tag_folder(folder, path, plan=Plan("overwrite"), store=store)
    assert sum(asked) == 20
    tag_folder(folder, make_tagger("larger", size=10), plan=Plan("overwrite"), store=store)
    assert sum(asked) == 30


def test_thresholds_below_what_is_kept_are_computed(
    folder: Path, store: Store, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(make_tagger())
    asked = counting(tagger, monkeypatch)
    tag_folder(folder, tagger, store=store)
    tag_folder(folder, tagger, plan=Plan("overwrite"), choice=Choice(threshold=0.001), store=store)
    assert sum(asked) == 20


def test_rows_come_back_as_they_were(store: Store, make_tagger: Callable[..., Path]) -> None:
    tagger = Tagger.load(make_tagger())
    key = store.model_key(tagger.path, tagger.labels)
    kept = Scores(array("I", [1, 5]), array("f", [0.25, 0.75]))
    store.remember([], [(content_key(b"a"), key, kept)])
    assert store.scores(content_key(b"a"), key) == kept and store.scores(content_key(b"b"), key) is None
    assert store.last_model() == (key, ["long hair", "sensitive", "hatsune miku", "^_^", "general", "red hat"])


def test_files_are_known_by_size_and_time(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    store.remember([(path, path.stat(), content_key(b"one"))], [])
    assert store.content_of(path) == content_key(b"one")
    path.write_bytes(b"other")
    assert store.content_of(path) is None


def test_threads_may_share_it(store: Store) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            content = content_key(f"{number} {turn}".encode())
            store.remember([], [(content, "m", Scores(array("I", [turn]), array("f", [0.5])))])
            assert store.scores(content, "m").places[0] == turn

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.scores(content_key(f"{n} {t}".encode()), "m") for n in range(4) for t in range(20))


def test_a_damaged_store_is_done_without(
    tmp_path: Path, folder: Path, make_tagger: Callable, capsys: pytest.CaptureFixture
) -> None:
    cache = tmp_path / "broken"
    cache.mkdir()
    (cache / "tags.sqlite3").write_bytes(b"no database" * 1000)
    with opened_store(cache) as store:
        assert store is None and "Results are not kept" in capsys.readouterr().err
        assert tag_folder(folder, make_tagger(), store=store).written == 10


@pytest.mark.parametrize("method", ["remember", "scores", "content_of", "model_key"])
def test_a_store_that_fails_on_the_way_is_done_without(
    method: str, store: Store, folder: Path, make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, method, full)
    summary = tag_folder(folder, make_tagger(), choice=Choice(0.6, 0.95), store=store)
    assert summary.written + summary.untagged == 10 and not summary.skipped
    assert "could not be kept any more (database or disk is full)" in summary.notes[-1]


def test_what_is_kept_is_enough_for_any_choice(tmp_path: Path) -> None:
    """Of 3,000 random scores a tenth is kept; thresholds and MCut find the same in them as in all."""
    from lora_workbench.tagger.labels import Label
    from lora_workbench.tagger.pipeline import _kept, _row
    from lora_workbench.tagger.results import Chooser

    random = np.random.default_rng(1)
    labels = [Label(f"t{i}", ("rating", "general", "general", "character")[i % 4], f"t{i}") for i in range(3000)]
    for _ in range(20):
        row = (random.random(3000) ** 40).astype(np.float32)
        for choice in (Choice(), Choice(0.05, 0.02), Choice(mcut=True), Choice(rating="first")):
            chooser = Chooser(labels, choice)
            kept = _kept(chooser, row)
            assert chooser(_row(kept, 3000)) == chooser(row)
        assert len(kept.places) < 1200
