"""What a job's folder says: states, half lines, and that looking again costs next to nothing."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.curves import Curve
from lora_workbench.extension.job_process import started_at
from lora_workbench.extension.job_reader import JobReader, new_lines
from lora_workbench.trainer_core.events import EVENTS, EventLog, hold_job
from lora_workbench.trainer_core.files import write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "20260102-030405-train"
    made.mkdir()
    return made


def reader(folder: Path, **job: Any) -> JobReader:
    write_json(folder / "job.json", {"kind": "train", "title": "penny", "created": 1.0, **job})
    made = JobReader(folder)
    assert made.refresh()
    return made


def write(folder: Path, *events: dict[str, Any]) -> None:
    log = EventLog(folder)
    for event in events:
        log.write(**event)
    log.close()


def progress(step: int, **values: Any) -> dict[str, Any]:
    return {
        "kind": "progress",
        "step": step,
        "steps": 100,
        "epoch": 1,
        "loss": 0.1,
        "average": 0.2,
        "lr": {"unet": 1e-4},
        **values,
    }


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([{"kind": "done", "path": "a.safetensors", "steps": 3}], "done"),
        ([{"kind": "stopped", "path": None, "state": None, "step": 1, "message": "Stopped."}], "stopped"),
        ([{"kind": "error", "message": "No."}], "failed"),
        ([progress(1)], "failed"),
    ],
)
def test_the_state_of_a_job_that_no_process_holds(folder: Path, events: list[dict[str, Any]], state: str) -> None:
    write(folder, *events)
    assert reader(folder, queued=1.0, started=time.time()).state == state


def test_a_job_that_holds_its_lock_runs_or_waits(folder: Path) -> None:
    lock = hold_job(folder)
    write(folder, progress(1))
    job = reader(folder, queued=1.0, started=time.time() - 3600)
    assert job.state == "running"
    write(folder, {"kind": "paused", "step": 1})
    assert job.refresh() and job.state == "paused"
    write(folder, {"kind": "continued", "step": 1})
    assert job.refresh() and job.state == "running"
    lock.release()
    assert job.refresh() and job.state == "failed"


def test_a_tagger_that_comes_is_told_in_megabytes(folder: Path) -> None:
    lock = hold_job(folder)
    write(folder, {"kind": "fetching", "file": "model.onnx", "done": 120_400_000, "total": 467_000_000})
    job = reader(folder, queued=1.0, started=time.time() - 3600)
    assert job.message == "The tagger is being fetched: 120 of 467 MB."
    write(folder, {"kind": "fetching", "file": "model.onnx", "done": 130_000_000, "total": 0})
    assert job.refresh() and job.message == "The tagger is being fetched: 130 MB."
    write(folder, {"kind": "start", "total": 4})
    assert job.refresh() and job.message == ""
    lock.release()


def test_samples_that_are_being_drawn_are_told(folder: Path) -> None:
    lock = hold_job(folder)
    write(folder, progress(1))
    job = reader(folder, queued=1.0, started=time.time() - 3600)
    assert job.as_dict()["samples_share"] is None
    write(folder, {"kind": "drawing", "step": 1, "share": 0.0}, {"kind": "drawing", "step": 1, "share": 0.4})
    assert job.refresh() and job.as_dict()["samples_share"] == 0.4
    write(folder, {"kind": "drawing", "step": 1, "share": 1.0})
    assert job.refresh() and job.as_dict()["samples_share"] is None
    write(folder, {"kind": "drawing", "step": 2, "share": 0.5})
    lock.release()
    assert job.refresh() and job.as_dict()["samples_share"] is None, "nobody draws any more"


def test_queued_and_starting(folder: Path) -> None:
    assert reader(folder, queued=1.0).state == "queued"
    mine = {"pid": os.getpid(), "process_started": started_at(os.getpid())}
    assert reader(folder, queued=1.0, started=time.time(), **mine).state == "starting"
    assert reader(folder, queued=1.0, started=time.time() - 61, **mine).state == "failed", "it never took its lock"
    assert reader(folder, queued=1.0, started=time.time(), pid=os.getpid(), process_started="another").state == "failed"


def test_a_job_of_the_command_line_is_never_taken_for_a_waiting_one(folder: Path) -> None:
    assert reader(folder).state == "failed"
    lock = hold_job(folder)
    assert reader(folder).state == "running"
    lock.release()


def test_looking_never_keeps_a_starting_process_from_its_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def probed(_: Path) -> bool:
        raise AssertionError("the lock was taken for a moment")

    monkeypatch.setattr("lora_workbench.extension.job_reader.is_alive", probed)
    mine = {"pid": os.getpid(), "process_started": started_at(os.getpid())}
    assert reader(folder, queued=1.0, started=time.time(), **mine).state == "starting"


def test_half_a_line_is_passed_over_until_it_is_whole(folder: Path) -> None:
    lock = hold_job(folder)
    job = reader(folder, queued=1.0, started=1.0)
    whole = json.dumps({"time": "2026-01-01T00:00:00.000+00:00", **progress(7)}).encode() + b"\n"
    with (folder / EVENTS).open("ab") as file:
        file.write(whole[:25])
        file.flush()
        job.refresh()
        assert job.as_dict()["step"] == 0
        file.write(whole[25:])
    job.refresh()
    assert job.as_dict()["step"] == 7
    with (folder / EVENTS).open("ab") as file:  # a killed writer's half, then another's lines
        file.write(
            b'{"kind": "prog\n[1, 2]\nnull\n' + b"[" * 100_000 + b"\n\xff\xfe\n" + whole.replace(b'"step": 7', b'"step": 8')
        )
    job.refresh()
    assert job.as_dict()["step"] == 8
    lock.release()


def test_a_file_that_is_shorter_than_before_is_read_anew(folder: Path) -> None:
    write(folder, progress(1), progress(2), {"kind": "warning", "code": "x", "message": "old"})
    job = reader(folder)
    (folder / EVENTS).unlink()
    write(folder, progress(1))
    job.refresh()
    assert job.as_dict()["step"] == 1 and job.warnings == []


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.write_bytes(b"1\n2\n3")
    lines, offset, _ = new_lines(path, 0)
    assert (lines, offset) == ([b"1", b"2"], 4)
    path.write_bytes(b"1\n2\n34\n")
    assert new_lines(path, offset) == ([b"34"], 7, False)
    assert new_lines(path, 7) == ([], 7, False)
    assert new_lines(path, 99) == ([], 0, True)
    assert new_lines(tmp_path / "no such file", 0) == ([], 0, False)


def test_a_live_page_costs_less_than_five_percent_of_a_core(folder: Path) -> None:
    """Fifty thousand steps are behind, and ten new ones come in each second."""
    lock = hold_job(folder)
    line = json.dumps({"time": "2026-01-01T00:00:00.000+00:00", **progress(1)}).encode() + b"\n"
    (folder / EVENTS).write_bytes(line * 50_000)
    job, curve = reader(folder, started=1.0), Curve(folder)
    assert curve.since(0)["total"] == 50_000
    looks, begun = 50, time.process_time()
    with (folder / EVENTS).open("ab") as file:
        for number in range(looks):
            file.write(line * 10)
            file.flush()
            job.refresh()
            json.dumps(job.as_dict())
            assert len(curve.since(50_000 + 10 * number)["steps"]) == 10
    lock.release()
    assert (time.process_time() - begun) / looks < 0.05


def test_what_a_list_shows(folder: Path) -> None:
    lora = "/loras/penny.safetensors"
    write(
        folder,
        {"kind": "start", "steps": 100, "step": 0, "epochs": 4, "stages": 3, "stage": 1, "output_name": "penny", "seed": 1},
        {"kind": "stage", "stage": 2, "stages": 3, "step": 40},
        progress(50, memory={"ram": 1, "gpu": None}, share=0.525, what="training"),
        {"kind": "sample", "path": "/s/a.png", "epoch": 1, "step": 25, "prompt": 0},
        {"kind": "saved", "path": "/s/penny-000001.safetensors", "epoch": 1, "step": 25, "state": None},
        {"kind": "warning", "code": "x", "message": "Mind the cat."},
        {"kind": "warning", "code": "fp16-replaced", "message": "No GPU."},
        {"kind": "done", "path": "/out/penny-2.safetensors", "steps": 100, "published": lora},
    )
    job = reader(folder, queued=1.0, started=2.0)
    shown, more = job.as_dict(), job.details()
    assert (shown["state"], shown["steps"], shown["epochs"], shown["lora"], shown["published"]) == (
        "done",
        100,
        4,
        "penny",
        lora,
    )
    assert (shown["stage"], shown["stages"], shown["share"], shown["what"]) == (2, 3, 0.525, "training")
    assert shown["samples"] == 1 and shown["ended"] > 0 and not shown["resumable"] and shown["seconds_left"] is None
    assert more["saved"] == [
        {"path": "/s/penny-000001.safetensors", "name": "penny-000001.safetensors", "epoch": 1, "step": 25}
    ]
    assert more["samples"] == [{"name": "a.png", "epoch": 1, "step": 25, "prompt": 0}]
    assert more["warnings"] == ["Mind the cat."]
    assert job.sample("a.png") == Path("/s/a.png") and job.sample("../a.png") is None


def test_the_state_to_go_on_from_is_the_newest_that_is_still_there(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_state.json").touch()
    write(folder, *({"kind": "saved", "path": "x", "state": str(tmp_path / name)} for name in ("one", "two", "gone")))
    job = reader(folder, started=1.0)
    assert job.state == "failed" and job.resume_from == str(tmp_path / "two") and job.as_dict()["resumable"]


def test_a_tag_jobs_end(folder: Path) -> None:
    write(
        folder,
        {"kind": "start", "total": 3},
        {"kind": "done", "summary": "3 written", "changed": 3, "kept": 0, "failed": [], "change": 1},
    )
    shown = reader(folder, kind="tag", started=1.0).as_dict()
    assert (shown["message"], shown["changed"], shown["steps"], shown["lora"]) == ("3 written", 3, 3, None)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"started": "soon", "queued": []}', '{"pid": "1", "started": 5}'])
def test_a_job_json_of_any_content_breaks_nothing(folder: Path, content: str) -> None:
    (folder / "job.json").write_text(content, encoding="utf-8")
    job = JobReader(folder)
    assert job.refresh() and job.state == "failed" and job.details()["id"] == folder.name


def test_validations_are_told_whole_beside_the_steps(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    curve = Curve(tmp_path)
    log.write("validation", step=0, epoch=0, loss=0.5)
    for step in (1, 2):
        log.write("progress", step=step, steps=2, epoch=1, loss=0.3, average=0.3, lr={}, seconds_left=0.0, memory={})
    assert curve.since(0)["validation"] == {"steps": [0], "loss": [0.5]}
    log.write("validation", step=2, epoch=1, loss=0.25)
    found = curve.since(2)
    assert (found["steps"], found["total"]) == ([], 2)
    assert found["validation"] == {"steps": [0, 2], "loss": [0.5, 0.25]}
    log.close()


def test_what_the_machine_lacks_is_told_while_a_run_goes(folder: Path) -> None:
    write(folder, {"kind": "warning", "code": "fp16-replaced", "message": "No GPU."}, {"kind": "start", "steps": 2, "step": 0})
    assert reader(folder).details()["warnings"] == ["No GPU."]
    write(folder, {"kind": "done", "path": "", "steps": 2})
    assert reader(folder).details()["warnings"] == []
