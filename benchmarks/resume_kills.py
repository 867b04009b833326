"""Kills trainings at random moments, lets them go on, and compares them with one that was never killed.

    python -m lora_workbench.benchmarks.resume_kills --base BASE --pictures FOLDER --kills 20

For each optimizer and each kind of network the same command, with `--resume auto`, is started and killed (SIGKILL), every other
time while it saves, and is let run to its end at last. All tensors, and all metadata but the times, must be the same.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.events import read_events
from ..trainer_core.networks.format import read_lora
from ..trainer_core.optimizer_table import TABLE
from ..trainer_core.problems import UserError

TIMES = ("ss_training_started_at", "ss_training_finished_at", "modelspec.date")
STEPS, SEED = 8, 7
_MOST_SECONDS = 900.0  # that a process may take until it is to be killed
# Everything that draws, and a schedule; a state after each step, so that saves are under way often.
DRAWING_WORDS = (
    "--shuffle_caption", "--caption_tag_dropout_rate=0.3", "--flip_aug", "--noise_offset=0.1", "--lr_scheduler=cosine",
    f"--max_train_steps={STEPS}", "--save_every_n_steps=1", "--save_state", f"--seed={SEED}", "--output_name=killed",
    "--network_dim=2", "--network_alpha=2", "--caption_extension=.txt", "--resolution=64", "--cache_latents",
)  # fmt: skip
NETWORKS: dict[str, tuple[str, ...]] = {
    "lora": ("--network_dropout=0.1",),
    "locon": ("--network_args", "conv_dim=2"),
    "dylora": ("--network_module=networks.dylora", "--network_args", "unit=1"),
    **{
        name: ("--network_module=lycoris.kohya", "--network_args", f"algo={name}")
        for name in ("loha", "lokr", "glora", "ia3", "full", "diag-oft", "boft")
    },
}


@dataclass(frozen=True)
class Result:
    """`at`: the steps that were done when each kill hit; `differing`: tensors and keys of metadata that are not the same."""

    at: list[int]
    differing: list[str]


def kill_and_compare(words: Sequence[str], folder: Path, kills: int, chosen: random.Random) -> Result:
    """Trains once without and once with kills; `words`: a training's, without folders and without resume."""
    begun = time.monotonic()
    whole = _start(words, folder / "whole", folder / "job-whole")
    if whole.wait() != 0:
        raise UserError(f"The training that was not to be killed failed: see {folder / 'job-whole'}.")
    seconds = (time.monotonic() - begun) / 2
    at: list[int] = []
    for number in range(kills):
        job = folder / f"job-{number}"
        process = _start(words, folder / "killed", job)
        try:
            _wait_for_moment(process, folder / "killed", job, number % 2 == 1, chosen.random() * seconds / kills)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        at.append(max(_steps(job), default=at[-1] if at else 0))
    if not (folder / "killed" / "killed.safetensors").is_file() and _start(words, folder / "killed", folder / "job-end").wait():
        raise UserError(f"The training did not go on to its end: see {folder / 'job-end'}.")
    return Result(at, differing(folder / "whole" / "killed.safetensors", folder / "killed" / "killed.safetensors"))


def _start(words: Sequence[str], out: Path, job: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-X", "utf8", "-m", "lora_workbench.trainer_core", "train", *words, "--resume=auto"]
    return subprocess.Popen(
        [*command, f"--output_dir={out}", f"--job_dir={job}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _wait_for_moment(process: subprocess.Popen[bytes], out: Path, job: Path, saving: bool, seconds: float) -> None:
    """Until so long after it has begun, or then until it is in the middle of a save; or until it is over by itself."""
    end = time.monotonic() + _MOST_SECONDS
    while process.poll() is None and not any(event["kind"] == "start" for event in read_events(job)):
        _patient(end, job)
    moment = time.monotonic() + seconds
    before = _half_written(out)
    while process.poll() is None and (time.monotonic() < moment or (saving and not _half_written(out) - before)):
        _patient(end, job, 0.001)


def _patient(end: float, job: Path, pause: float = 0.02) -> None:
    if time.monotonic() > end:
        raise UserError(f"A training neither began nor ended within {_MOST_SECONDS:g} seconds: see {job}.")
    time.sleep(pause)


def _half_written(out: Path) -> set[str]:
    return {path.name for path in out.glob(".*.tmp")} if out.is_dir() else set()


def _steps(job: Path) -> list[int]:
    return [event["step"] for event in read_events(job) if event["kind"] in ("start", "progress")]


def differing(one: Path, other: Path) -> list[str]:
    """Names of tensors and of metadata that are not the same in two files, the times left out."""
    (tensors, metadata), (others, other_metadata) = read_lora(one), read_lora(other)
    found = [name for name in tensors.keys() | others.keys() if not _equal(tensors.get(name), others.get(name))]
    keys = (metadata.keys() | other_metadata.keys()) - set(TIMES)
    return sorted([*found, *(key for key in keys if metadata.get(key) != other_metadata.get(key))])


def _equal(one: object, other: object) -> bool:
    import torch

    return isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) and torch.equal(one, other)


def cases() -> dict[str, tuple[str, ...]]:
    """{name: words} of each optimizer with a LoRA, and of each kind of network with AdamW."""
    rates = {name: "1" if spec.adaptive else "1e-3" for name, spec in TABLE.items()}
    optimizers = {name: (f"--optimizer_type={name}", f"--learning_rate={rates[name]}") for name in TABLE}
    return {**optimizers, **{name: ("--learning_rate=1e-3", *words) for name, words in NETWORKS.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="base model; make_checkpoint makes a small one")
    parser.add_argument("--pictures", required=True, help="folder of pictures as kohya lays it out")
    parser.add_argument("--kills", type=int, default=20, help="kills of each training (default 20)")
    parser.add_argument("--only", nargs="*", choices=sorted(cases()), help="these cases alone")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    chosen, failed = random.Random(given.seed), 0
    for name, words in cases().items():
        if given.only and name not in given.only:
            continue
        whole = [f"--pretrained_model_name_or_path={given.base}", f"--train_data_dir={given.pictures}", *DRAWING_WORDS, *words]
        with tempfile.TemporaryDirectory() as folder:
            result = kill_and_compare(whole, Path(folder), given.kills, chosen)
        failed += bool(result.differing)
        verdict = f"DIFFERS: {', '.join(result.differing[:5])}" if result.differing else "the same"
        print(f"{name}: killed after steps {', '.join(map(str, result.at))}; {verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
