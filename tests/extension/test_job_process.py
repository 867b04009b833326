"""Processes of jobs: which one is which, and that no other is ever ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.job_process import is_running, kill, spawn, started_at
from lora_workbench.extension.jobs import Jobs
from lora_workbench.tests.extension.parts import add, fake_command, wait_for, wait_for_state

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_told_by_number_and_beginning(tmp_path: Path) -> None:
    process = spawn(SLEEP, tmp_path)
    began = started_at(process.pid)
    assert began and is_running(process.pid, began)
    assert not is_running(process.pid, began + "1") and not is_running(process.pid, "")
    assert not kill(process.pid, began + "1") and process.poll() is None
    assert kill(process.pid, began)
    process.wait()
    assert started_at(process.pid) == "" and not kill(process.pid, began)


@pytest.mark.skipif(os.name == "nt", reason="zombies are POSIX's")
def test_a_zombie_does_not_run(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: started_at(process.pid) == "")
    os.kill(process.pid, 0)  # it is still there, since nobody has waited for it
    assert started_at(process.pid) == "" and process.wait() == 0


def test_what_it_starts_is_ended_with_it(tmp_path: Path) -> None:
    code = f"import subprocess, sys; print(subprocess.Popen({SLEEP!r}).pid, flush=True); import time; time.sleep(60)"
    process = spawn([sys.executable, "-c", code], tmp_path)
    text = wait_for(lambda: (tmp_path / "output.txt").read_text().strip())
    child, began = int(text), started_at(int(text))
    assert began
    kill(process.pid, started_at(process.pid))
    process.wait()
    wait_for(lambda: not is_running(child, began))


def test_it_is_no_child_of_the_servers_session(tmp_path: Path) -> None:
    """Closing the server's terminal must not reach it."""
    process = spawn(SLEEP, tmp_path)
    if os.name == "posix":
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    process.kill()
    process.wait()


def test_the_environment_brings_nothing_of_webuis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/webui")
    monkeypatch.setenv("LD_PRELOAD", "")
    process = spawn(
        [sys.executable, "-c", "import os; print('PYTHONPATH' in os.environ, 'LD_PRELOAD' in os.environ)"], tmp_path
    )
    process.wait()
    assert (tmp_path / "output.txt").read_text().split() == ["False", "False"]


def test_a_running_job_is_ended_by_force(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, fake_command)
    job = add(jobs, max_train_steps=10_000)
    jobs.start(job)
    wait_for_state(jobs, job.id, "running")
    ended = jobs.kill(jobs.get(job.id))
    assert ended.state == "failed" and "by force" in ended.message
    with pytest.raises(Refused, match="no process"):
        jobs.kill(ended)


def test_a_number_that_now_belongs_to_another_is_left_alone(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, fake_command)
    job = add(jobs, max_train_steps=10_000)
    jobs.start(job)
    running = wait_for_state(jobs, job.id, "running")
    real = {name: running.job[name] for name in ("pid", "process_started")}
    other = subprocess.Popen(SLEEP)
    try:
        jobs.change(running, pid=other.pid)
        with pytest.raises(Refused, match="left alone"):
            jobs.kill(jobs.get(job.id))
        time.sleep(0.1)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        jobs.change(running, **real)
        jobs.kill(jobs.get(job.id))
