"""Looking at pictures as a job of the queue, and what the resident helper answers about cutting them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made import scene, with_bars
from PIL import Image

from lora_workbench.trainer_core import requests
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.job import main
from lora_workbench.trainer_core.pictures.answers import answer
from lora_workbench.trainer_core.problems import UserError

SIZE = (128, 160)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "penny"
    place.mkdir()
    scene(0, "drawing", SIZE).save(place / "a.png")
    with_bars(scene(1, "drawing", SIZE), 0, 20, 0, 20, "black").save(place / "b.png")
    return place


def job(folder: Path, tmp_path: Path, **options: Any) -> Path:
    place = tmp_path / "data" / "jobs" / "one"
    place.mkdir(parents=True)
    content = {
        "kind": "pictures",
        "folder": str(folder),
        "out": str(tmp_path / "report.json"),
        "settings": {"resolution": "128", "caption_extension": ".txt"},
        "options": options,
    }
    (place / "job.json").write_text(json.dumps(content), encoding="utf-8")
    return place


def test_a_job_writes_the_report_and_tells_how_far_it_is(folder: Path, tmp_path: Path) -> None:
    place = job(folder, tmp_path, deed="look")
    assert main([str(place)]) == 0
    events = list(read_events(place))
    assert [one["kind"] for one in events] == ["start", "progress", "done"]
    assert events[-1]["summary"] == "2 pictures looked at, 1 with something to mend."
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["sizes"] == {"a.png": [128, 160], "b.png": [128, 200]}
    assert [one["code"] for one in report["findings"]] == ["bars", "not-tagged"]
    assert (tmp_path / "data" / "cache" / "pictures.sqlite3").is_file(), "the cache is in the job's data folder"


def test_a_job_writes_copies_without_bars(folder: Path, tmp_path: Path) -> None:
    place = job(folder, tmp_path, deed="cut_bars", target=str(folder / "clean"))
    assert main([str(place)]) == 0
    assert Image.open(folder / "clean" / "b-nobars.png").size == SIZE
    assert list(read_events(place))[-1]["made"] == 1
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "clean/b-nobars.png" in report["sizes"], "the report is of the folder as it is now"


def test_a_request_to_stop_is_heeded_and_what_was_seen_is_kept(folder: Path, tmp_path: Path) -> None:
    place = job(folder, tmp_path, deed="look")
    requests.ask(place, "stop")
    assert main([str(place)]) == 0
    assert list(read_events(place))[-1]["message"].startswith("Stopped after 2 of 2 pictures")
    assert not (tmp_path / "report.json").exists() and (tmp_path / "data" / "cache" / "pictures.sqlite3").is_file()


def test_an_unknown_deed_gets_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="asks for no deed"):
        main([str(job(folder, tmp_path, deed="delete"))])


def test_the_helper_tells_places_cuts_and_takes_back(folder: Path) -> None:
    settings = {"resolution": "64", "caption_extension": ".txt"}
    asked = {"folder": str(folder), "name": "b.png", "settings": settings}
    told = answer("cut_places", asked)
    assert told["size"] == (128, 200) and told["boxes"]["bars"] == [(0, 20, 128, 160)]
    assert told["boxes"]["face"] == [] and len(told["boxes"]["details"]) == 3
    made = answer("cut", {**asked, "box": [0, 20, 64, 64], "tags": ["close-up"], "target": ""})
    assert made == {"name": "b-crop.png", "new": True, "warnings": []}
    assert (folder / "b-crop.txt").read_text(encoding="utf-8") == "close-up"
    assert answer("cut", {**asked, "box": [0, 20, 64, 64], "tags": [], "target": ""})["new"] is False
    (one,) = answer("cuts_made", asked)["made"]
    assert one == {"name": "b-crop.png", "source": "b.png", "box": [0, 20, 64, 64]}
    assert answer("cut_back", {**asked, "names": ["b-crop.png"]}) == {"gone": ["b-crop.png"], "left": []}
    assert sorted(path.name for path in folder.glob("*.*")) == [".lora_workbench", "a.png", "b.png"]
    with pytest.raises(UserError, match="box must be"):
        answer("cut", {**asked, "box": "all", "tags": [], "target": ""})
