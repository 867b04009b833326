"""Plans and trains through the real command line, in a process of its own whose CPU time is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...trainer_core.events import read_events
from ...trainer_core.problems import UserError
from .recipe import Job, Recipe

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What a training left behind."""

    lora: Path
    losses: list[float]
    cpu_seconds: float


def write_settings(job: Job, recipe: Recipe) -> Path:
    """The settings file of the training, which a user can start again or change."""
    from ...trainer_core.settings.toml_files import write_config

    path = job.out / "train.toml"
    write_config(
        path,
        {
            "pretrained_model_name_or_path": str(job.base),
            "train_data_dir": str(job.out / "pictures"),
            "reg_data_dir": str(job.out / "regularization"),
            "output_dir": str(job.out / "lora"),
            "output_name": job.creature,
            "job_dir": str(job.out / "job"),
            "data_dir": str(job.out / "data"),
            "seed": job.seed,
            "training_comment": "made by the demo",
            **recipe.training,
        },
    )
    return path


def plan_training(config: Path) -> dict[str, Any]:
    """The plan as `plan --json` gives it; raises UserError where it has errors."""
    from ...trainer_core.plan import make_plan
    from ...trainer_core.settings import read_settings

    plan = make_plan(read_settings(["--config_file", str(config)], "plan"))
    if plan.errors:
        raise UserError("The demo's plan has errors: " + " ".join(one.message for one in plan.errors))
    return plan.as_dict()


def train_command(config: Path) -> list[str]:
    """The trainer's own command line, shielded from the environment's Python paths; unbuffered: its last words come last."""
    python = [sys.executable, "-I", "-u", "-X", "utf8"]
    return [*python, "-m", "lora_workbench.trainer_core", "train", "--config_file", str(config)]


def train(job: Job, config: Path, say: Say) -> Trained:
    """Trains in a subprocess with a clean environment and tells its progress; raises UserError where it fails."""
    output = job.out / "train_output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(train_command(config), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        try:
            cpu_seconds = _follow(process, job.out / "job", say)
        finally:
            if process.returncode is None:
                process.terminate()
                process.wait()
    events = list(read_events(job.out / "job"))
    saved = [event["path"] for event in events if event["kind"] == "done"]
    if process.returncode or not saved:
        lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        raise UserError(f"The training ended with status {process.returncode}: {last} (all it said is in {output}).")
    losses = [float(event["loss"]) for event in events if event["kind"] == "progress"]
    return Trained(lora=Path(saved[-1]), losses=losses, cpu_seconds=cpu_seconds)


def _follow(process: subprocess.Popen[bytes], folder: Path, say: Say) -> float:
    """Waits for the process and says each quarter of its steps; returns the CPU seconds that it used."""
    told = 0
    seconds = 0.0
    while process.returncode is None:
        time.sleep(0.5)
        seconds = _look_after(process) or seconds
        last = next((event for event in reversed(list(read_events(folder))) if event["kind"] == "progress"), None)
        if last and (quarter := 4 * last["step"] // last["steps"]) > told:
            told = quarter
            say(f"    step {last['step']} of {last['steps']}, average loss {last['average']:.4f}")
    return seconds


def _look_after(process: subprocess.Popen[bytes]) -> float | None:
    """CPU seconds of the process (user and system, its children's with it), where they can be told now.

    On POSIX the kernel tells them exactly when the process ends; elsewhere they are read while it lives.
    """
    if hasattr(os, "wait4"):
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not ended:
            return None
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime
    import psutil

    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.NoSuchProcess:
        times = None
    process.poll()
    return times.user + times.system if times else None
