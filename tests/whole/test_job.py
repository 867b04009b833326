"""Jobs as webui starts them: a process that owns a folder, found by its lock, and telling its end in one event."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.tests.whole.command import safetensors
from lora_workbench.trainer_core.events import hold_job, is_alive, read_events
from lora_workbench.trainer_core.requests import ask

COMMAND = [sys.executable, "-I", "-X", "utf8", "-u", "-m", "lora_workbench.trainer_core", "job"]
Make = Callable[..., Path]


@pytest.fixture
def make(pictures: Path, random_base: Path, tmp_path: Path) -> Make:
    """Writes a job of a small training into `<data>/jobs/<name>`; keyword arguments are settings."""

    def make(name: str, publish: dict[str, Any] | None = None, **changes: object) -> Path:
        settings = {
            "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(pictures),
            "output_dir": str(tmp_path / name), "output_name": "penny", "resolution": "128", "enable_bucket": True,
            "min_bucket_reso": 64, "max_bucket_reso": 256, "caption_extension": ".txt", "shuffle_caption": True,
            "network_dim": 2, "network_alpha": 1, "learning_rate": 1e-3, "train_batch_size": 4, "max_train_epochs": 3,
            "seed": 7, "cache_latents": True, **changes,
        }  # fmt: skip
        folder = tmp_path / "webui" / "jobs" / name
        folder.mkdir(parents=True)
        job = {"kind": "train", "title": "Penny", "project": "penny", "settings": settings}
        (folder / "job.json").write_text(json.dumps({**job, **({"publish": publish} if publish else {})}), encoding="utf-8")
        return folder

    return make


def run(folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*COMMAND, str(folder)], capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-2000:]
    assert not is_alive(folder)
    return done


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running job; what is still there of it in the end is killed."""
    process = subprocess.Popen([*COMMAND, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], folder: Path, kind: str, count: int = 1) -> dict[str, Any]:
    """The job's event of that kind, as soon as there are `count`."""
    while True:
        found = [event for event in read_events(folder) if event["kind"] == kind]
        if len(found) >= count:
            return found[-1]
        assert process.poll() is None, [event["kind"] for event in read_events(folder)]
        time.sleep(0.05)


def last(folder: Path) -> dict[str, Any]:
    return list(read_events(folder))[-1]


def test_it_trains_publishes_and_keeps_to_its_data_folder(make: Make, own_data_folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("penny --w 64 --h 64 --s 2\n", encoding="utf-8")
    lora_folder = tmp_path / "models" / "Lora"
    folder = make(
        "one",
        {"folder": str(lora_folder), "activation": "penny", "notes": "by hand"},
        sample_prompts=str(prompts),
        sample_every_n_epochs=1,
    )
    before = (folder / "job.json").read_bytes()
    run(folder)
    end = last(folder)
    assert (end["kind"], end["published"]) == ("done", str(lora_folder / "penny.safetensors"))
    assert (lora_folder / "penny.safetensors").read_bytes() == Path(end["path"]).read_bytes()
    assert json.loads((lora_folder / "penny.json").read_text(encoding="utf-8"))["activation text"] == "penny"
    drawn = [event for event in read_events(folder) if event["kind"] == "sample"]
    assert (lora_folder / "penny.preview.png").read_bytes() == Path(drawn[-1]["path"]).read_bytes()
    assert [event["epoch"] for event in drawn] == [1, 2, 3]
    assert (folder / "job.json").read_bytes() == before
    assert (tmp_path / "webui" / "cache").is_dir() and not own_data_folder.exists()
    assert "ended already" in run(folder, 1).stderr and last(folder) == end


def test_the_lock_is_there_at_once(make: Make) -> None:
    folder = make("one")
    with started(folder) as process:
        begun = time.monotonic()
        while not is_alive(folder):
            assert process.poll() is None and time.monotonic() - begun < 60
            time.sleep(0.01)
        assert not list(read_events(folder)), "the lock comes before everything that takes long"
    assert not is_alive(folder)


def test_a_stop_ends_well(make: Make) -> None:
    folder = make("one")
    ask(folder, "stop")
    run(folder)
    assert (last(folder)["kind"], last(folder)["step"]) == ("stopped", 0)
    assert not (folder / "requests" / "stop").exists()
    second = make("two", max_train_epochs=500)
    with started(second) as process:
        wait_for(process, second, "progress")
        process.send_signal(signal.SIGTERM)
        assert process.wait(200) == 0
    assert last(second)["kind"] == "stopped" and Path(last(second)["state"]).is_dir()


def test_a_killed_job_is_gone_on_with_from_its_last_state(make: Make, tmp_path: Path) -> None:
    """As the page asks for: states of epochs, the last one kept. At every moment there is a whole one to go on from."""
    states = {"save_every_n_epochs": 1, "save_state": True, "save_last_n_epochs_state": 1, "max_train_epochs": 4}
    whole = make("whole", **states)
    run(whole)
    kept = sorted(path.name for path in (tmp_path / "whole").glob("*-state"))
    assert kept == ["penny-000003-state", "penny-state"]

    killed = make("killed", **states)
    with started(killed) as process:
        wait_for(process, killed, "saved", 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not is_alive(killed) and "done" not in [event["kind"] for event in read_events(killed)]
    there = sorted((tmp_path / "killed").glob("penny-0*-state"))
    assert there and len(there) <= 2, "the last one, and the one before it until that is safe"

    settings = json.loads((killed / "job.json").read_text(encoding="utf-8"))["settings"]
    resumed = make("resumed", **{**settings, "resume": str(there[-1])})
    run(resumed)
    steps = [event["step"] for event in read_events(resumed) if event["kind"] == "progress"]
    assert steps[0] > 1 and last(resumed)["kind"] == "done"
    assert safetensors(Path(last(resumed)["path"]))[1] == safetensors(Path(last(whole)["path"]))[1]


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("{", "can't be read"),
        ("[]", "not a JSON object"),
        ('{"kind": "bake"}', "of the kind 'bake'"),
        ('{"kind": "train"}', "has no settings"),
        ('{"kind": "train", "settings": {}, "publish": {}}', "publish needs a folder"),
        ('{"kind": "train", "settings": {"netwrok_dim": 3}}', "did you mean network_dim?"),
        ('{"kind": "train", "settings": {"seed": "--help"}}', "seed must be a whole number"),
        ('{"kind": "train", "settings": {"--seed": 3}}', "--seed is not a setting"),
        ('{"kind": "train", "settings": {"resolution": "512"}}', "The plan has errors, nothing was trained"),
    ],
)
def test_what_is_wrong_is_one_sentence_in_the_events(tmp_path: Path, job: str, told: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "job.json").write_text(job, encoding="utf-8")
    done = subprocess.run([*COMMAND, str(tmp_path / "job")], capture_output=True, text=True, encoding="utf-8", timeout=100)
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    end = last(tmp_path / "job")
    assert end["kind"] == "error" and told in end["message"]
    assert "Traceback" in (tmp_path / "job" / "log.txt").read_text(encoding="utf-8")


def test_folders_that_are_no_jobs_or_anothers(tmp_path: Path, make: Make) -> None:
    assert "There is no job in" in run(tmp_path / "nowhere", 1).stderr
    assert not (tmp_path / "nowhere").exists()
    folder = make("one")
    lock = hold_job(folder)
    try:
        done = subprocess.run([*COMMAND, str(folder)], capture_output=True, text=True, encoding="utf-8", timeout=100)
    finally:
        lock.release()
    assert done.returncode == 1 and "Another run is working in" in done.stderr and not (folder / "events.jsonl").exists()
