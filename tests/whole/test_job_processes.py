"""A job that the queue starts in several processes: it pauses, stops and goes on as one does, and ends as a whole by force."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.job_process import is_running, started_at, started_by
from lora_workbench.extension.jobs import Jobs
from lora_workbench.tests.extension.parts import wait_for, wait_for_state
from lora_workbench.trainer_core.events import read_events

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes under the launcher were never tried on Windows")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """The queue's jobs with the real trainer; what still runs of them in the end is ended."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = Jobs(tmp_path / "data")
    yield made
    for reader in made.refresh():
        if reader.alive:
            made.kill(reader)


@pytest.fixture
def settings(pictures: Path, random_base: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(pictures), "resolution": "128",
        "output_dir": str(tmp_path / "out"), "output_name": "penny", "caption_extension": ".txt", "network_dim": 2,
        "learning_rate": 1e-3, "train_batch_size": 1, "max_train_steps": 3000, "seed": 7, "cache_latents": True,
        "num_processes": 2, "save_state": True, "data_dir": str(tmp_path / "data"),
    }  # fmt: skip


def start(jobs: Jobs, settings: dict[str, Any], loras: Path) -> Any:
    """A job that has done a step; [launcher and its two trainers]."""
    content = {"settings": settings, "publish": {"folder": str(loras), "activation": "penny"}}
    job = jobs.add("train", "penny", None, content)
    jobs.start(job)
    wait_for(lambda: jobs.get(job.id).as_dict()["step"] or jobs.get(job.id).ended, 120)
    pid = jobs.get(job.id).job["pid"]
    return job, {one: started_at(one) for one in [pid, *started_by(pid)]}


def test_it_pauses_stops_and_goes_on(jobs: Jobs, settings: dict[str, Any], tmp_path: Path) -> None:
    job, processes = start(jobs, settings, tmp_path / "loras")
    assert jobs.get(job.id).state == "running", jobs.get(job.id).log_tail()
    assert len(processes) >= 3
    jobs.ask(jobs.get(job.id), "pause")
    wait_for_state(jobs, job.id, "paused")
    stopped = jobs.stop(jobs.get(job.id))
    stopped = wait_for_state(jobs, job.id, "stopped", "failed", seconds=60)
    assert stopped.state == "stopped" and "was stopped after step" in stopped.message, stopped.log_tail()
    wait_for(lambda: not any(is_running(*one) for one in processes.items()), 60)
    done = int(stopped.as_dict()["step"])
    resumed = {**settings, "resume": stopped.resume_from, "max_train_steps": done + 2}
    again, _ = start(jobs, resumed, tmp_path / "loras")
    ended = wait_for_state(jobs, again.id, "done", "failed", seconds=60)
    steps = [event["step"] for event in read_events(jobs.folder / again.id) if event["kind"] == "progress"]
    assert ended.state == "done" and steps == [done + 1, done + 2], ended.log_tail()
    assert [path.name for path in (tmp_path / "loras").glob("*.safetensors")] == ["penny.safetensors"]  # by the first alone


def test_all_of_it_ends_by_force(jobs: Jobs, settings: dict[str, Any], tmp_path: Path) -> None:
    job, processes = start(jobs, settings, tmp_path / "loras")
    assert len(processes) >= 3
    assert jobs.kill(jobs.get(job.id)).state == "failed"
    wait_for(lambda: not any(is_running(*one) for one in processes.items()), 10)
