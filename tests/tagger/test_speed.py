"""Ten thousand captions at the speed of a click: CPU seconds, since a test machine's clock runs for others too."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.benchmarks.tagging import make_captions
from lora_workbench.tagger.check import check
from lora_workbench.tagger.edit import plan, replace
from lora_workbench.tagger.folder import Dataset, open_folder
from lora_workbench.tagger.journal import apply_changes, undo
from lora_workbench.tagger.merge import merge_edit
from lora_workbench.tagger.query import matching
from lora_workbench.tagger.stats import stats
from lora_workbench.tagger.suggestions import suggested


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "set"
    make_captions(folder, 10_000)
    return folder


def seconds(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def preview(dataset: Dataset) -> Any:
    return plan(matching(dataset.entries, "has:red hat and not:smile"), [replace("red hat", ["crimson hat"])])


def test_stats_and_a_preview_with_reading_every_file(folder: Path) -> None:
    assert seconds(lambda: stats(open_folder(folder))) <= 1.5
    assert seconds(lambda: preview(open_folder(folder))) <= 1.0  # 0.5 by the clock on a quiet machine
    assert len(preview(open_folder(folder)).changes) > 1000


def test_what_the_page_does_on_an_open_folder(folder: Path) -> None:
    dataset = open_folder(folder)
    stats(dataset)
    assert seconds(lambda: preview(dataset)) <= 0.5
    assert seconds(lambda: plan(dataset.entries, [merge_edit()])) <= 2
    assert seconds(lambda: check(dataset)) <= 2.5
    assert seconds(lambda: suggested(dataset.entries)) <= 5


def test_writing_and_undoing(folder: Path) -> None:
    dataset = open_folder(folder)
    before = [entry.caption.content for entry in dataset.entries]
    changes = plan(dataset.entries, [replace("1creature", ["creature", "solo"])]).changes
    assert len(changes) == 10_000
    assert seconds(lambda: apply_changes(folder, changes, "replaced")) <= 3
    assert seconds(lambda: undo(folder)) <= 4
    assert [entry.caption.content for entry in open_folder(folder).entries] == before
