"""A job's folder: events survive a killed writer, and its lock tells whether it lives."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lora_workbench.trainer_core.events import EVENTS, EventLog, hold_job, is_alive, new_job_folder, read_events
from lora_workbench.trainer_core.problems import UserError

HOLDER = """
import sys, time
from pathlib import Path
from lora_workbench.trainer_core.events import hold_job
lock = hold_job(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_events_come_back_in_order(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "job")
    log.write("progress", step=1, loss=0.5)
    log.write("done", path="寺/last.safetensors")
    log.close()
    first, second = read_events(tmp_path / "job")
    assert (first["kind"], first["step"], first["loss"]) == ("progress", 1, 0.5)
    assert second["path"] == "寺/last.safetensors"


def test_half_a_line_of_a_killed_writer_spoils_only_itself(tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_bytes(b'{"kind": "start"}\n{"kind": "prog')
    log = EventLog(tmp_path)
    log.write("progress", step=2)
    log.close()
    assert [event["kind"] for event in read_events(tmp_path)] == ["start", "progress"]


def test_lock_falls_with_its_process(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert is_alive(tmp_path)
        with pytest.raises(UserError, match="Another run is working in"):
            hold_job(tmp_path)
    finally:
        process.kill()
        process.wait()
    assert not is_alive(tmp_path)
    hold_job(tmp_path).release()


def test_a_look_at_a_job_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    """Whoever looks whether it lives holds the lock for a moment; a thread that looks all the time must not win."""
    hold_job(tmp_path).release()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            is_alive(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            hold_job(tmp_path, patience=5).release()
    finally:
        ended.set()
        looking.join()


def test_job_folders_of_one_second_differ(tmp_path: Path) -> None:
    folders = {new_job_folder(tmp_path, "train") for _ in range(3)}
    assert len(folders) == 3 and all(folder.is_dir() for folder in folders)
