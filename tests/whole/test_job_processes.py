"""A job that the queue starts in several processes: it pauses and stops as one does, and ends as a whole by force."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lora_workbench.extension.job_process import is_running, started_at, started_by
from lora_workbench.extension.jobs import Jobs, trainer_command
from lora_workbench.tests.extension.parts import wait_for, wait_for_state
from lora_workbench.trainer_core import job as job_module
from lora_workbench.trainer_core import train
from lora_workbench.trainer_core.events import EventLog, Unheard

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes under the launcher were never tried on Windows")
# Two processes that do nothing; the first holds the job's folder, as a trainer does.
IDLE = """
import os, sys, time
from pathlib import Path
from lora_workbench.trainer_core.events import EventLog, hold_job
if os.environ["RANK"] == "0":
    lock, events = hold_job(Path(sys.argv[1])), EventLog(Path(sys.argv[1]))
    events.write("start", steps=1)
time.sleep(300)
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """`started(settings, command)` → (the jobs, a job's id, {number: time of beginning} of all its processes)."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made: list[Jobs] = []

    def start(settings: dict[str, Any], command: Callable[[Path], list[str]] = trainer_command) -> Any:
        jobs = Jobs(tmp_path / "data", command)
        made.append(jobs)
        job = jobs.add("train", "penny", None, {"settings": {**settings, "num_processes": 2}})
        jobs.start(job)
        wait_for(lambda: jobs.get(job.id).as_dict()["steps"] or jobs.get(job.id).ended, 120)
        assert jobs.get(job.id).state == "running", jobs.get(job.id).log_tail()
        pid = jobs.get(job.id).job["pid"]
        return jobs, job.id, {one: started_at(one) for one in [pid, *started_by(pid)]}

    yield start
    for jobs in made:
        for reader in jobs.refresh():
            if reader.alive:
                jobs.kill(reader)


def test_it_pauses_and_stops(started: Any, pictures: Path, random_base: Path, tmp_path: Path) -> None:
    settings = {
        "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(pictures), "resolution": "64",
        "output_dir": str(tmp_path / "out"), "output_name": "penny", "caption_extension": ".txt", "network_dim": 2,
        "learning_rate": 1e-3, "train_batch_size": 1, "max_train_steps": 3000, "seed": 7, "cache_latents": True,
        "save_state": True, "data_dir": str(tmp_path / "data"),
    }  # fmt: skip
    jobs, job, processes = started(settings)
    assert len(processes) == 3  # the launcher and both trainers
    wait_for(lambda: jobs.get(job).as_dict()["step"], 60)
    jobs.ask(jobs.get(job), "pause")
    wait_for_state(jobs, job, "paused")
    jobs.stop(jobs.get(job))
    stopped = wait_for_state(jobs, job, "stopped", "failed", seconds=60)
    assert stopped.state == "stopped" and "was stopped after step" in stopped.message, stopped.log_tail()
    assert stopped.resume_from and [path.name for path in (tmp_path / "out").glob("*.safetensors")]
    wait_for(lambda: not any(is_running(*one) for one in processes.items()), 60)


def test_all_of_it_ends_by_force(started: Any) -> None:
    jobs, job, processes = started({}, lambda folder: [sys.executable, "-I", "-c", IDLE, str(folder)])
    assert len(processes) == 3
    assert jobs.kill(jobs.get(job)).state == "failed"
    wait_for(lambda: not any(is_running(*one) for one in processes.items()), 20)


@pytest.mark.parametrize("first", [True, False])
def test_the_first_alone_publishes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: bool) -> None:
    given: list[Any] = []
    monkeypatch.setattr(train, "checked_plan", lambda settings: None)
    monkeypatch.setattr(train, "train_in", lambda folder, events, settings, plan, publication, those: given.append(publication))
    those: Any = SimpleNamespace(is_first=first)
    events = EventLog(tmp_path) if first else Unheard(tmp_path)
    asked = {"pretrained_model_name_or_path": "x", "train_data_dir": "y", "output_dir": "z"}
    job_module._train(tmp_path, {"settings": asked, "publish": {"folder": "loras"}}, events, those)
    assert given == [{"folder": "loras"} if first else None]
