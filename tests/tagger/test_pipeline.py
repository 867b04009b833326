"""Order is kept, memory bounded, the model asked in whole batches, and every process takes its share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger import pipeline
from lora_workbench.tagger.batch import Plan, tag_folder
from lora_workbench.tagger.journal import undo
from lora_workbench.tagger.model import Tagger
from lora_workbench.tagger.pipeline import Pipeline
from lora_workbench.tagger.results import Choice
from lora_workbench.tagger.shares import share
from lora_workbench.trainer_core.problems import UserError


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    paths = []
    for number in range(61):
        paths.append(folder / f"{number:03d}.png")
        side = 200 if number % 7 == 0 else 8  # some take longer to read than those after them
        Image.new("RGB", (side, side), (4 * number, 0, 0)).save(paths[-1])
    paths[20].write_bytes(b"no picture")
    return paths


def test_order_is_kept_and_batches_are_whole(
    pictures: list[Path], make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(make_tagger())
    asked = []
    ask = Tagger.ask
    monkeypatch.setattr(Tagger, "ask", lambda self, shown: (asked.append(len(shown)), ask(self, shown))[1])
    seen = list(Pipeline([tagger], readers=5)(pictures))
    assert [one.picture for one in seen] == pictures
    assert asked == [tagger.batch] * (60 // tagger.batch) and "corrupt" in seen[20].reason
    scores = [float(one.rows[0][5]) for one in seen if not one.reason]  # red_hat: grows with red
    assert scores == sorted(scores) and scores[-1] > scores[0]


def test_it_never_reads_far_ahead(
    pictures: list[Path], make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    lock = threading.Lock()
    load = pipeline.load_picture

    def noted(content: bytes) -> object:
        with lock:
            read.append(1)
        return load(content)

    monkeypatch.setattr(pipeline, "load_picture", noted)
    tagger = Tagger.load(make_tagger())
    for number, _ in enumerate(Pipeline([tagger], readers=3)(pictures), start=1):
        # the batch that is shown, the one that is computed, and two batches and the readers' hands full ahead
        assert len(read) <= number + 4 * tagger.batch + 3


def test_a_caller_that_stops_leaves_no_threads(pictures: list[Path], make_tagger: Callable[..., Path]) -> None:
    before = threading.active_count()
    going = Pipeline([Tagger.load(make_tagger())])(pictures)
    next(going)
    going.close()
    assert threading.active_count() <= before


def test_models_of_two_sizes_see_the_same_pictures(pictures: list[Path], make_tagger: Callable[..., Path]) -> None:
    taggers = [Tagger.load(make_tagger("small")), Tagger.load(make_tagger("large", size=20))]
    for one in Pipeline(taggers)(pictures[:9]):
        assert one.rows[0] == pytest.approx(one.rows[1], abs=1e-6)


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.txt")}


def test_shares_make_the_captions_that_one_process_makes(
    pictures: list[Path], make_tagger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = pictures[0].parent, make_tagger()
    Image.new("RGB", (8, 8)).save(folder / "001.webp")  # shares its caption with 001.png
    whole = tag_folder(folder, model, choice=Choice(0.05))
    alone = texts(folder)
    undo(folder)
    assert not texts(folder)
    summaries = []
    for rank in (2, 0, 1):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        summaries.append(tag_folder(folder, model, choice=Choice(0.05), plan=Plan()))
    assert texts(folder) == alone and sum(one.written for one in summaries) == whole.written == 60
    assert sum(len(one.skipped) for one in summaries) == len(whole.skipped) == 2


def test_rank_and_world_size() -> None:
    assert share({}) == (0, 1) and share({"RANK": "3", "WORLD_SIZE": "8"}) == (3, 8)
    for wrong in ({"RANK": "8", "WORLD_SIZE": "8"}, {"RANK": "x"}, {"RANK": "1"}):
        with pytest.raises(UserError, match="torchrun"):
            share(wrong)
