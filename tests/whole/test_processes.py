"""Processes that torchrun starts train as one would with all their pictures, speak once, and end together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lora_workbench.tests.whole.command import run, safetensors
from lora_workbench.trainer_core.events import read_events

Words = Callable[..., list[str]]
TORCHRUN = [sys.executable, "-X", "utf8", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
# The same pictures a step in both: 2 processes take 1 each, or one takes 2. Sizes with an odd count make short batches.
DRAWING = {
    "shuffle_caption": True, "caption_tag_dropout_rate": 0.3, "flip_aug": True, "noise_offset": 0.1, "lr_scheduler": "cosine",
    "gradient_accumulation_steps": 2, "validation_split": 0.2, "max_train_steps": None, "save_every_n_steps": 2,
    "save_state": True,
}  # fmt: skip
STAGES = ("--stages", "max_train_steps=3", "max_train_steps=1 lr_scheduler=linear text_encoder_lr=0")


def start(*words: str, program: tuple[str, ...] = ("-m", "lora_workbench.trainer_core")) -> subprocess.Popen[str]:
    """`python -m trainer_core train` in two processes, one thread each."""
    return subprocess.Popen(
        [*TORCHRUN, *program, "train", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def torchrun(*words: str, status: int = 0) -> tuple[str, str]:
    """(stdout, stderr) of a whole run."""
    process = start(*words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, out[-3000:] + err[-3000:]
    return out, err


def told(job: Path, kind: str, value: str) -> list:
    return [event[value] for event in read_events(job) if event["kind"] == kind]


def assert_alike(one: Path, other: Path) -> None:
    tensors, others = load_file(one), load_file(other)
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert tensor.float().allclose(others[name].float(), atol=1e-5), name


def test_two_processes_train_as_one_does_with_twice_the_batch(words: Words, tmp_path: Path) -> None:
    one = words(**DRAWING, output_dir=tmp_path / "one", job_dir=tmp_path / "job-one")
    run("train", *one, *STAGES)
    shared = {**DRAWING, "train_batch_size": 1, "num_processes": 2}
    out, _ = torchrun(*words(**shared, output_dir=tmp_path / "two", job_dir=tmp_path / "job-two"), *STAGES)
    assert out.count("batches of 1 × 2 processes") == 1 and out.count("Done: ") == 1

    losses = [told(tmp_path / f"job-{which}", "progress", "loss") for which in ("one", "two")]
    assert len(losses[0]) == 4 and losses[1] == pytest.approx(losses[0], abs=1e-5)
    measured = [told(tmp_path / f"job-{which}", "validation", "loss") for which in ("one", "two")]
    assert measured[1] == pytest.approx(measured[0], abs=1e-5)
    assert_alike(tmp_path / "one" / "penny.safetensors", tmp_path / "two" / "penny.safetensors")
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == sorted(
        path.name for path in (tmp_path / "one").iterdir()
    )
    metadata, _ = safetensors(tmp_path / "two" / "penny.safetensors")
    assert (metadata["ss_batch_size_per_device"], metadata["ss_total_batch_size"]) == ("1", "4")

    # One goes on from what two have learnt, with the same pictures a step.
    resumed = {**DRAWING, "resume": tmp_path / "two" / "penny-step00000002-state"}
    run("train", *words(**resumed, output_dir=tmp_path / "two", job_dir=tmp_path / "job-resumed"), *STAGES)
    assert told(tmp_path / "job-resumed", "progress", "step") == [3, 4]
    assert told(tmp_path / "job-resumed", "progress", "loss") == pytest.approx(losses[0][2:], abs=1e-5)


@pytest.mark.parametrize("asked", [2, 3])
def test_other_processes_than_asked_for_are_refused(words: Words, tmp_path: Path, asked: int) -> None:
    if asked == 2:  # one is started, as `accelerate launch --cpu --num_processes 2` does without a word
        err = run("train", *words(num_processes=2), status=1).stderr
        assert "error: num_processes is 2, but 1 process was started: start with" in err
    else:
        _, err = torchrun(*words(num_processes=3), status=1)
        assert err.count("error: num_processes is 3, but 2 processes were started: start with") == 1
    assert not (tmp_path / "out").exists() and not (tmp_path / "job").exists()


FAILS = """
import os, sys
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.dataset.latents import Latents

def fail(self, pixels, item):
    raise ValueError(f"no latents for {item.path.name}")

if os.environ["RANK"] == "1":
    Latents._encode = fail
sys.exit(main())
"""


def test_an_error_in_one_process_ends_all_with_its_sentence(words: Words, tmp_path: Path) -> None:
    """The second picture is the second process's to encode."""
    (tmp_path / "fails.py").write_text(FAILS, encoding="utf-8")
    process = start(*words(train_batch_size=1), program=(str(tmp_path / "fails.py"),))
    out, err = process.communicate(timeout=300)
    (message,) = told(tmp_path / "job", "error", "message")
    assert process.returncode == 1 and "ValueError: no latents for 1.png" in message and err.count(f"error: {message}") == 1
    assert "Done" not in out
    assert "Process 1 of 2 failed" in (tmp_path / "job" / "log.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="signals to a process group")
@pytest.mark.parametrize("how", ["signal", "launcher"])
def test_a_stop_ends_all_of_them_with_everything_saved(words: Words, tmp_path: Path, how: str) -> None:
    process = start(*words(train_batch_size=1, max_train_steps=500))
    job = tmp_path / "job"
    for _ in range(3000):
        if told(job, "progress", "step"):
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    # Torchrun hands the one on to all, and has no chance to with the other. A stop that is asked for: test_job_processes.
    process.send_signal(signal.SIGTERM if how == "signal" else signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    (stopped,) = told(job, "stopped", "message")
    assert (tmp_path / "out" / "penny.safetensors").exists() is False
    assert Path(told(job, "stopped", "state")[0]).is_dir() and err.count(stopped) == 1, err
    assert process.returncode != 0 and ("The launcher of this run was ended" in stopped) == (how == "launcher")
