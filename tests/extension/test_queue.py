"""The queue: one job at a time, on after a failure, across killed servers and killed trainers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lora_workbench.extension.jobs import Jobs, queue_of
from lora_workbench.extension.queue_driver import QueueDriver, when_done, words
from lora_workbench.tests.extension.parts import add, fake_command, wait_for, wait_for_state
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.requests import ask, taken

posix = pytest.mark.skipif(os.name == "nt", reason="kill -9 is for POSIX")


class Driven:
    """Jobs with a queue of their own, and what the queue told."""

    def __init__(self, data: Path) -> None:
        self.jobs = Jobs(data, fake_command)
        self.room = True
        self.rooms: list[str] = []
        self.all_done = 0
        self.driver = QueueDriver(self.jobs, lambda: True, self._make_room, lambda: self.rooms.append("back"), self._done)

    def _make_room(self) -> bool:
        self.rooms.append("room")
        return self.room

    def _done(self) -> None:
        self.all_done += 1


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    made = Driven(tmp_path / "data")
    yield made
    made.driver.end()


def times(jobs: Jobs, job_id: str) -> tuple[str, str]:
    events = list(read_events(jobs.folder / job_id))
    return events[0]["time"], events[-1]["time"]


def test_jobs_run_one_after_another_and_a_failed_one_stops_nothing(driven: Driven) -> None:
    ids = [add(driven.jobs, training_comment=words).id for words in ("pace=0.05", "fail=2", "mute=1", "")]
    driven.driver.begin()
    last = wait_for_state(driven.jobs, ids[-1], "done")
    states = [driven.jobs.get(one) for one in ids]
    assert [one.state for one in states] == ["done", "failed", "failed", "done"]
    assert states[1].message == "The cat sat on the keyboard."
    assert "without a word" in states[2].message
    assert "fake trainer at work" in last.log_tail()
    assert times(driven.jobs, ids[0])[1] <= times(driven.jobs, ids[1])[0], "the second began when the first had ended"
    wait_for(lambda: driven.all_done)
    assert driven.all_done == 1


def test_the_head_of_the_queue_and_what_is_taken_out(driven: Driven) -> None:
    first, second = add(driven.jobs), add(driven.jobs)
    third = add(driven.jobs, first=True)
    assert [one.id for one in queue_of(driven.jobs.refresh())] == [third.id, first.id, second.id]
    driven.jobs.first(second)
    driven.jobs.stop(first)
    driven.jobs.remove(third)
    assert [one.id for one in queue_of(driven.jobs.refresh())] == [second.id]
    assert driven.jobs.get(first.id).state == "stopped"
    assert not third.folder.exists()


@pytest.mark.parametrize("deed", ["stop", "remove"])
def test_what_is_taken_out_while_room_is_made_does_not_begin(driven: Driven, deed: str) -> None:
    """Moving webui's model takes seconds."""
    job = add(driven.jobs)
    driven.driver._make_room = lambda: bool(getattr(driven.jobs, deed)(job))
    driven.driver.look()
    assert not (job.folder / "output.txt").exists() and not driven.jobs._children


def test_room_is_made_on_the_gpu_first_and_given_back_last(driven: Driven) -> None:
    job = add(driven.jobs)
    driven.room = False
    driven.driver.look()
    assert driven.jobs.get(job.id).state == "queued", "a picture is being generated"
    driven.room = True
    driven.driver.look()
    wait_for_state(driven.jobs, job.id, "done")
    wait_for(lambda: not driven.jobs.lingering() if driven.jobs.refresh() else False)
    driven.driver.look()
    assert driven.rooms[:2] == ["room", "room"] and driven.rooms[-1] == "back"


@pytest.mark.parametrize(("kind", "rooms"), [("reg", ["room"]), ("loop", ["room"]), ("tag", []), ("tool", [])])
def test_drawing_needs_the_gpu_too_and_tagging_does_not(driven: Driven, kind: str, rooms: list[str]) -> None:
    driven.jobs.add(kind, "penny", None, {"settings": {}})
    driven.driver.look()
    assert driven.rooms == rooms


@posix
def test_a_killed_trainer_is_seen_at_once_and_the_queue_goes_on(driven: Driven) -> None:
    killed, after = add(driven.jobs, max_train_steps=10_000, training_comment="state=2 pace=0.02"), add(driven.jobs)
    driven.driver.begin()
    wait_for(lambda: driven.jobs.get(killed.id).saved)
    pid = driven.jobs.get(killed.id).job["pid"]
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    failed = wait_for_state(driven.jobs, killed.id, "failed")
    assert time.monotonic() - begun < 30
    assert failed.as_dict()["resumable"] and failed.resume_from is not None
    wait_for_state(driven.jobs, after.id, "done")
    assert not Path(f"/proc/{pid}").exists(), "no zombie is left"


@posix
def test_a_killed_server_stops_no_job_and_another_takes_over(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, fake_command)
    running, waiting = add(jobs, max_train_steps=60, training_comment="pace=0.05"), add(jobs)
    ask(jobs.folder / running.id, "pause")  # it waits for us, however slow the machine is
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py")), str(tmp_path)], stdout=subprocess.PIPE
    )
    other = Driven(tmp_path)
    try:
        wait_for_state(jobs, running.id, "paused")
        other.driver.look()
        assert not other.driver._drives and jobs.get(waiting.id).state == "queued"
        server.kill()
        server.wait()
        assert jobs.get(running.id).state == "paused", "found again by its folder alone"
        taken(jobs.folder / running.id, "pause")
        other.driver.begin()
        assert wait_for_state(jobs, running.id, "done").as_dict()["step"] == 60
        wait_for_state(jobs, waiting.id, "done")
    finally:
        server.kill()
        server.stdout.close()
        other.driver.end()


@posix
def test_two_servers_never_start_a_job_twice(tmp_path: Path) -> None:
    first, second = Driven(tmp_path), Driven(tmp_path)
    try:
        ids = [add(first.jobs).id for _ in range(4)]
        for one in (first, second):
            one.driver.begin()
        for job_id in ids:
            wait_for_state(first.jobs, job_id, "done")
            assert [event["kind"] for event in read_events(first.jobs.folder / job_id)].count("start") == 1
    finally:
        first.driver.end()
        second.driver.end()


def test_an_error_in_a_look_does_not_end_the_queue(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    job = add(driven.jobs)
    looks = iter([OSError("the disk is away")])
    refresh = driven.jobs.refresh

    def failing() -> object:
        for error in looks:
            raise error
        return refresh()

    monkeypatch.setattr(driven.jobs, "refresh", failing)
    driven.driver.begin()
    wait_for_state(driven.jobs, job.id, "done")


def test_nothing_starts_before_the_trainer_is_set_up(driven: Driven) -> None:
    driven.driver._is_ready = lambda: False
    job = add(driven.jobs)
    driven.driver.look()
    assert driven.jobs.get(job.id).state == "queued"


def test_a_trainer_that_is_not_there_is_the_jobs_error(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, lambda folder: [str(tmp_path / "no-such-python"), str(folder)])
    job = add(jobs)
    jobs.start(job)
    assert jobs.get(job.id).state == "failed" and "set it up again" in jobs.get(job.id).message


def test_all_done_is_not_told_where_the_user_ended_the_last_job(driven: Driven) -> None:
    job = add(driven.jobs, max_train_steps=10_000)
    driven.driver.begin()
    wait_for(lambda: driven.jobs.get(job.id).state == "running")
    driven.jobs.stop(driven.jobs.get(job.id))
    wait_for_state(driven.jobs, job.id, "stopped")
    wait_for(lambda: "back" in driven.rooms)
    assert driven.all_done == 0


def test_the_command_at_the_end_is_words_and_no_shell(tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    code = "import sys; open(sys.argv[1], 'w').write(' '.join(sys.argv[2:]))"
    command = f'"{sys.executable}" -c "{code}" "{told}" "; touch {tmp_path}/pwned" $(whoami) | tee'
    process = when_done({"when_done": "command", "command": command})
    assert process is not None and process.wait() == 0
    assert told.read_text() == f"; touch {tmp_path}/pwned $(whoami) | tee"
    assert not (tmp_path / "pwned").exists()
    assert when_done({"when_done": "nothing", "command": command}) is None
    assert when_done({"when_done": "command", "command": str(tmp_path / "no such program").replace(" ", "\\ ")}) is None


def test_words_of_a_windows_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_workbench.extension.queue_driver.os.name", "nt")
    assert words(r'"C:\Program Files\ring.exe" --at C:\bell') == [r"C:\Program Files\ring.exe", "--at", r"C:\bell"]
