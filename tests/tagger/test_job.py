"""A tag job's events, and that a request to stop leaves what was tagged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.tagger.job import run_tag_job
from lora_workbench.tagger.journal import undo
from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.problems import UserError


class Asked:
    """Requests as files: asked once they are there, taken away when carried out."""

    def taken(self, folder: Path, what: str) -> bool:
        path = folder / "requests" / what
        there = path.exists()
        path.unlink(missing_ok=True)
        return there


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        Image.new("RGB", (8, 8), "red").save(folder / f"{number:02d}.png")
    (folder / "03.png").write_bytes(b"no picture")
    (folder / "04.txt").write_text("by hand", encoding="utf-8")
    return folder


def run(tmp_path: Path, job: dict[str, Any]) -> list[dict[str, Any]]:
    events = EventLog(tmp_path / "job")
    run_tag_job(tmp_path / "job", job, events, Asked())
    events.close()
    return list(read_events(tmp_path / "job"))


def test_events_from_start_to_done(tmp_path: Path, pictures: Path, make_tagger: Callable[..., Path]) -> None:
    options = {"model": str(make_tagger()), "general": 0.6, "character": 0.95, "first": ["zibbo"], "mode": "if-empty"}
    start, *progress, done = run(tmp_path, {"kind": "tag", "folder": str(pictures), "options": options})
    assert start["kind"] == "start" and start["total"] == 19
    assert {"step": 19, "steps": 19, "picture": "19.png"}.items() <= progress[-1].items() and progress[-1]["per_second"] > 0
    assert done["kind"] == "done" and done["changed"] == 18 and done["kept"] == 1 and "18 pictures tagged" in done["summary"]
    assert [one["path"] for one in done["failed"]] == [str(pictures / "03.png")] and "corrupt" in done["failed"][0]["reason"]
    assert (pictures / "00.txt").read_bytes() == b"zibbo, red hat" and (pictures / "04.txt").read_bytes() == b"by hand"
    assert done["change"] == 1 and undo(pictures) and not (pictures / "00.txt").exists()


def test_stop_writes_what_was_tagged(tmp_path: Path, pictures: Path, make_tagger: Callable[..., Path]) -> None:
    (tmp_path / "job" / "requests").mkdir(parents=True)
    (tmp_path / "job" / "requests" / "stop").touch()
    events = run(tmp_path, {"folder": str(pictures), "options": {"model": str(make_tagger())}})
    assert events[-1]["kind"] == "stopped" and "before it was stopped" in events[-1]["message"]
    assert 0 < events[-1]["step"] < 19 and len(list(pictures.glob("*.txt"))) == events[-1]["step"] + 1
    assert not (tmp_path / "job" / "requests" / "stop").exists()


def test_nothing_to_do_is_done(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    (folder / "a.txt").write_text("by hand", encoding="utf-8")
    events = run(tmp_path, {"folder": str(folder), "options": {"model": str(make_tagger())}})
    assert [event["kind"] for event in events] == ["start", "done"] and events[1]["change"] is None


def test_a_missing_folder_is_the_callers_to_tell(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="is missing"):
        run(tmp_path, {"folder": str(tmp_path / "nowhere"), "options": {"model": str(make_tagger())}})


def test_several_models_and_results_in_the_queues_data_folder(
    tmp_path: Path, pictures: Path, make_tagger: Callable[..., Path]
) -> None:
    folder = tmp_path / "data" / "jobs" / "one"
    options = {
        "model": [str(make_tagger()), str(make_tagger("large", size=20))],
        "combine": "union",
        "general": "model",
        "thresholds": {"^_^": 0.4},
        "last": ["end"],
        "mode": "append",
        "character": 0.95,
    }
    events = EventLog(folder)
    run_tag_job(folder, {"folder": str(pictures), "options": options}, events, Asked())
    events.close()
    assert list(read_events(folder))[-1]["changed"] == 19
    assert (pictures / "00.txt").read_bytes() == b"red hat, ^_^, end"
    assert (pictures / "04.txt").read_bytes() == b"by hand, red hat, ^_^, end"
    assert (tmp_path / "data" / "cache" / "tags.sqlite3").is_file()
