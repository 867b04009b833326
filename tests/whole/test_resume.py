"""A run that was killed and goes on from its last state gives the same file as one that never was."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.benchmarks.make_checkpoint import make_checkpoint
from lora_workbench.benchmarks.resume_kills import DRAWING_WORDS, cases, half_written, kill_and_compare, make_pictures
from lora_workbench.benchmarks.same_run import TIMES
from lora_workbench.tests.whole.command import COMMAND, run, safetensors
from lora_workbench.trainer_core.events import read_events

# Everything that draws (shuffle, tag dropout, flip, noise offset, dropout in the network), momentum and a schedule.
DRAWING = {
    "max_train_steps": 9, "save_every_n_steps": 2, "save_state": True, "caption_tag_dropout_rate": 0.3, "flip_aug": True,
    "noise_offset": 0.1, "network_dropout": 0.1, "lr_scheduler": "cosine", "gradient_accumulation_steps": 2,
    "scale_weight_norms": 1.0,
}  # fmt: skip


def kill_after(words: list[str], job: Path, step: int) -> None:
    """Starts a run and kills it the moment its events tell of that step."""
    process = subprocess.Popen([*COMMAND, "train", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(12_000):
            if any(event["kind"] == "progress" and event["step"] >= step for event in read_events(job)):
                break
            assert process.poll() is None, process.stdout.read().decode()[-2000:] if process.stdout else ""
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    ("name", "more"),
    [("loha", ()), ("AdamW8bit", ("--ema_decay=0.9",))],
)
def test_killed_at_random_moments(name: str, more: tuple[str, ...], tmp_path: Path) -> None:
    """By the clock and at a touch of its files; `benchmarks.resume_kills` does it more often, for all."""
    base = make_checkpoint(tmp_path / "base.safetensors", "tiny", dtype="fp32")
    given = [f"--pretrained_model_name_or_path={base}", f"--train_data_dir={make_pictures(tmp_path / 'pictures')}"]
    result = kill_and_compare([*given, *DRAWING_WORDS, *cases()[name], *more], tmp_path, 2, random.Random(name))
    assert result.differing == [] and len(result.at) == 2
    for folder in tmp_path.glob("killed-*"):
        assert half_written(folder) == set(), "what was half-written is taken away"


@pytest.mark.parametrize(
    "optimizer",
    [
        {"optimizer_type": "AdamW", "ema_decay": 0.9, "validation_split": 0.2, "prior_preservation": "doll"},
        {"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 0.5},
    ],
    ids=lambda one: one["optimizer_type"],
)
def test_a_killed_run_goes_on_as_if_nothing_had_been(words: Callable[..., list[str]], tmp_path: Path, optimizer: dict) -> None:
    settings = {**DRAWING, **optimizer}
    run("train", *words(**settings, output_dir=tmp_path / "whole", job_dir=tmp_path / "job-whole"))

    broken = {**settings, "output_dir": tmp_path / "broken"}
    kill_after(words(**broken, job_dir=tmp_path / "job-killed"), tmp_path / "job-killed", 5)
    states = sorted((tmp_path / "broken").glob("penny-step*-state"))
    assert states and not (tmp_path / "broken" / "penny.safetensors").exists()
    last = states[-1]
    run("train", *words(**broken, job_dir=tmp_path / "job-resumed", resume=last))

    steps = [event["step"] for event in read_events(tmp_path / "job-resumed") if event["kind"] == "progress"]
    assert steps[0] == int(last.name.split("step")[1].split("-")[0]) + 1 and steps[-1] == 9
    averages = ("penny-ema.safetensors",) if "ema_decay" in optimizer else ()
    for name in ("penny.safetensors", "penny-step00000008.safetensors", *averages):
        whole_metadata, whole_tensors = safetensors(tmp_path / "whole" / name)
        metadata, tensors = safetensors(tmp_path / "broken" / name)
        assert tensors == whole_tensors
        differing = {key for key in whole_metadata if metadata.get(key) != whole_metadata[key]}
        assert metadata.keys() == whole_metadata.keys() and differing <= set(TIMES)
