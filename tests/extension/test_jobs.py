"""What is done with jobs: asking, pausing, stopping, removing; and names that are no jobs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.job_process import is_running
from lora_workbench.extension.jobs import Jobs
from lora_workbench.tests.extension.parts import add, fake_command, wait_for, wait_for_state
from lora_workbench.trainer_core.events import EventLog, read_events


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "data", fake_command)


def test_pause_continue_save_and_stop(jobs: Jobs) -> None:
    job = add(jobs, max_train_steps=10_000)
    jobs.start(job)
    wait_for_state(jobs, job.id, "running")
    jobs.ask(jobs.get(job.id), "pause")
    paused = wait_for_state(jobs, job.id, "paused")
    jobs.go_on(paused)
    wait_for_state(jobs, job.id, "running")
    jobs.ask(jobs.get(job.id), "save")
    wait_for(lambda: jobs.get(job.id).saved)
    jobs.stop(jobs.get(job.id))
    stopped = wait_for_state(jobs, job.id, "stopped")
    assert stopped.message.startswith("Stopped after step")
    kinds = [event["kind"] for event in read_events(job.folder)]
    assert [kind for kind in kinds if kind in ("paused", "continued", "saved", "stopped")] == [
        "paused", "continued", "saved", "stopped",
    ]  # fmt: skip


@pytest.mark.parametrize("deed", ["ask", "go_on", "kill", "first"])
def test_a_job_that_has_ended_can_not_be_asked_for_anything(jobs: Jobs, deed: str) -> None:
    job = add(jobs)
    jobs.start(job)
    done = wait_for_state(jobs, job.id, "done")
    with pytest.raises(Refused) as refused:
        getattr(jobs, deed)(done, *(["save"] if deed == "ask" else []))
    assert refused.value.status == 409
    assert not (job.folder / "requests").exists() or not list((job.folder / "requests").iterdir())


def test_a_process_that_does_not_end_after_its_last_word(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next job waits for its memory, but not for ever."""
    job = add(jobs, max_train_steps=10_000)
    jobs.start(job)
    running = wait_for_state(jobs, job.id, "running")
    log = EventLog(job.folder)
    log.write("done", path=None, steps=1)
    log.close()
    jobs.refresh()
    assert jobs.get(job.id).state == "done" and jobs.lingering()
    assert is_running(running.job["pid"], running.job["process_started"])
    monkeypatch.setattr("lora_workbench.extension.jobs._LINGER", -1)
    assert jobs.lingering()
    wait_for(lambda: not jobs.lingering())


def test_a_running_job_is_not_removed(jobs: Jobs) -> None:
    job = add(jobs, max_train_steps=10_000)
    jobs.start(job)
    running = wait_for_state(jobs, job.id, "running")
    with pytest.raises(Refused, match="stop it first"):
        jobs.remove(running)
    assert job.folder.is_dir()
    jobs.kill(running)


def test_removing_leaves_what_the_job_made(jobs: Jobs) -> None:
    job = add(jobs, training_comment="state=1")
    jobs.start(job)
    wait_for_state(jobs, job.id, "done")
    out = jobs.folder.parent / "out"
    made = sorted(out.iterdir())
    assert made
    jobs.remove(jobs.get(job.id))
    assert not job.folder.exists() and sorted(out.iterdir()) == made


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "20260102-030405-train/..", "20260102-030405-train\0", None, 5, "queue.lock"]
)
def test_other_names_are_no_jobs(jobs: Jobs, name: object) -> None:
    add(jobs)
    with pytest.raises(Refused) as refused:
        jobs.get(name)
    assert refused.value.status == 404


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_no_job(jobs: Jobs, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "job.json").write_text('{"kind": "train", "queued": 1}')
    jobs.folder.mkdir(parents=True)
    (jobs.folder / "20260102-030405-train").symlink_to(outside)
    assert jobs.refresh() == []
    with pytest.raises(Refused):
        jobs.get("20260102-030405-train")


def test_a_folder_that_was_taken_away_is_forgotten(jobs: Jobs) -> None:
    job = add(jobs)
    assert [one.id for one in jobs.refresh()] == [job.id]
    (job.folder / "job.json").unlink()
    job.folder.rmdir()
    assert jobs.refresh() == []
