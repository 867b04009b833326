"""The loop as a user starts it: killed while it trains and while it draws, at a random moment too, and gone on with."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from lora_workbench.tests.whole.command import COMMAND, run
from lora_workbench.trainer_core.events import is_alive, read_events

TAGGER = Path(__file__).resolve().parents[2] / "demo" / "models" / "toy_tagger"
SETTINGS = {
    "resolution": 64, "network_dim": 2, "optimizer_type": "AdamW", "learning_rate": 1e-3, "train_batch_size": 1,
    "max_train_epochs": 3, "seed": 7, "cache_latents": True,
}  # fmt: skip


@pytest.fixture
def words(tmp_path: Path, random_base: Path) -> list[str]:
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(tmp_path / "mia.png")
    config = {**SETTINGS, "pretrained_model_name_or_path": str(random_base)}
    (tmp_path / "run.toml").write_text("".join(f"{name} = {json.dumps(one)}\n" for name, one in config.items()), "utf-8")
    return [
        "loop", str(tmp_path / "loop"), "--start", str(tmp_path / "mia.png"), "--tag", "mia", "--tagger", str(TAGGER),
        "--config_file", str(tmp_path / "run.toml"), "--rounds=2", "--candidates=3", "--batch_size=1", "--per_epoch=3",
        "--steps=2", "--sampler=Euler", "--prompt", "SUBJECT", "SUBJECT, hat", "--accept_by=tagger", "--wanted", "1creature",
        "--wanted_above=1e-6", "--accept_most=2",
    ]  # fmt: skip


def killed_when(words: list[str], moment: Callable[[float], bool], whole: bool) -> None:
    """Starts the loop and kills it at that moment, and with `whole` the training that it started too."""
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    begun = time.monotonic()
    while not moment(time.monotonic() - begun) and process.poll() is None and time.monotonic() - begun < 120:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True) if whole and process.poll() is None else []
    process.send_signal(signal.SIGKILL)
    for child in children:
        child.kill()
    process.wait()


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(folder) if event["kind"] == kind]


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What must not be made twice: pictures and finished LoRAs, with the time when each was written."""
    found = [*folder.glob("rounds/*/candidates/*.png"), *folder.glob("rounds/*/lora/mia-r0?.safetensors")]
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_loops_go_on_by_the_same_command(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    job = folder / "rounds" / "01" / "job"
    killed_when(words, lambda _: bool(told(job, "saved")), whole=True)  # in the training, with a state
    step = max(event["step"] for event in told(job, "progress"))
    assert step < 9
    killed_when(words, lambda _: len(told(job, "start")) > 1, whole=False)  # the training lives on alone
    orphan = is_alive(job)
    killed_when(words, lambda _: bool(told(folder, "candidate")), whole=True)  # while it draws
    steps = [event["step"] for event in told(job, "progress")]
    assert sorted(set(steps)) == list(range(1, 10)) and len(steps) <= 9 + 3  # an epoch at most is done again
    assert len(told(job, "done")) == 1 and (orphan or len(told(job, "start")) >= 2)
    moment = random.Random(tmp_path.name).uniform(0.5, 9)
    before = files(folder)
    killed_when(words, lambda seconds: seconds > moment, whole=True)
    done = run(*words)
    after = files(folder)
    assert {name: after[name] for name in before} == before
    content = json.loads((folder / "loop.json").read_text(encoding="utf-8"))
    assert f"Done: {folder / 'rounds' / '02' / 'lora' / 'mia-r02.safetensors'}" in done.stdout
    assert [len(one["pictures"]) for one in content["rounds"]] == [1, 3]
    assert not list(folder.glob("rounds/*/lora/*-state"))  # large, and of no use once the LoRA is there
    drawn = {name: one for name, one in content["pictures"].items() if one["kind"] == "drawn"}
    assert sorted(drawn) == ["r01-001.png", "r01-002.png", "r01-003.png"] and len(after) == 5
    for name, one in drawn.items():
        with Image.open(folder / one["file"]) as image:
            assert image.size == (64, 64) and image.info["parameters"] == one["infotext"]
        assert one["infotext"].startswith(one["request"]["prompt"]) and f"Seed: {one['request']['seed']}" in one["infotext"], (
            name
        )
    text = run("loop", str(folder), "--status").stdout
    assert "round 2 of 2, is done." in text and "2 accepted" in text


def test_a_term_signal_stops_the_training_with_all_that_it_learnt(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    job = folder / "rounds" / "01" / "job"
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    begun = time.monotonic()
    while not told(job, "progress") and time.monotonic() - begun < 120:
        time.sleep(0.02)
    process.terminate()
    output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0 and "The loop was stopped in round 1, during its training" in output, output
    assert not is_alive(job) and len(told(job, "stopped")) == 1
    assert told(folder, "stopped")[0]["message"].endswith("the same command goes on.")
