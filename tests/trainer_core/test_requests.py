"""What a running job is asked to do: files in its folder, looked at, taken away, and waited for."""

import threading
import time
from pathlib import Path

import pytest

from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.requests import ask, asked, clear, taken, wait_while_paused


@pytest.fixture
def events(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path)


def kinds(folder: Path) -> list[str]:
    return [event["kind"] for event in read_events(folder)]


def test_what_is_asked_stays_until_it_is_taken(tmp_path: Path) -> None:
    assert asked(tmp_path) == frozenset()
    assert not taken(tmp_path, "save")
    ask(tmp_path, "save")
    ask(tmp_path, "save")
    ask(tmp_path, "stop")
    (tmp_path / "requests" / "notes.txt").write_text("not a request", encoding="utf-8")
    assert asked(tmp_path) == {"save", "stop"}
    assert taken(tmp_path, "save") and not taken(tmp_path, "save")
    clear(tmp_path)
    assert asked(tmp_path) == frozenset()


@pytest.mark.parametrize("what", ["dance", "../lock", ""])
def test_other_words_are_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(ValueError, match="is no request"):
        ask(tmp_path, what)
    assert not (tmp_path / "requests").exists()


def test_looking_is_cheap(tmp_path: Path) -> None:
    ask(tmp_path, "pause")
    begun = time.process_time()
    for _ in range(1000):
        asked(tmp_path)
    assert time.process_time() - begun < 1  # a millisecond each; a training step takes a hundred times as long


def test_a_pause_lasts_until_it_is_taken_back_and_costs_no_time_of_the_processor(tmp_path: Path, events: EventLog) -> None:
    assert wait_while_paused(tmp_path, events, 3) == 0
    assert kinds(tmp_path) == []
    ask(tmp_path, "pause")
    seen: list[frozenset[str]] = []
    end = threading.Timer(1.2, taken, (tmp_path, "pause"))
    busy = time.process_time()
    end.start()
    waited = wait_while_paused(tmp_path, events, 3, meanwhile=seen.append)
    assert waited >= 1.1
    assert time.process_time() - busy < 0.3
    assert seen[0] == {"pause"}
    assert [(event["kind"], event["step"]) for event in read_events(tmp_path)] == [("paused", 3), ("continued", 3)]


@pytest.mark.parametrize("by_request", [True, False])
def test_a_stop_ends_the_pause(tmp_path: Path, events: EventLog, by_request: bool) -> None:
    ask(tmp_path, "pause")
    if by_request:
        ask(tmp_path, "stop")
    wait_while_paused(tmp_path, events, 3, stop_asked=lambda: not by_request)
    assert kinds(tmp_path) == ["paused", "continued"]
    assert asked(tmp_path) == ({"stop"} if by_request else frozenset())
