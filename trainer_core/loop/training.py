"""A round's training, in a process of its own: it gives its memory back, and lives on where the loop is killed.

So whoever goes on may find it running, ended, or cut off with a state to resume from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..events import LOCK, is_alive, read_events
from ..files import file_sha256
from ..problems import UserError
from ..requests import STOP, ask, taken
from ..resuming import readable_states
from ..settings.toml_files import write_config
from .dataset import pictures_folder
from .project import Project, Round

Told = Callable[[dict[str, Any]], None]
_LOOK = 0.25  # seconds between two looks at the training's events
_OUTPUT = "train_output.txt"


def train_round(project: Project, current: Round, stop: Callable[[], bool], told: Told) -> bool:
    """Trains the round's LoRA and notes it; False where it was asked to stop first. `told` gets the progress events.

    UserError with the training's own sentence where it fails.
    """
    folder = project.round_folder(current.number)
    job, begun, failed = folder / "job", 0, False
    while (done := _finished(job)) is None:
        if not is_alive(job):
            if failed:
                raise UserError(_why(folder, current.number))
            if stop():
                return False
            begun = len(list(read_events(job)))
            process = _start(project, current)
            failed = not _follow(job, process, begun, stop, told)
        else:
            _follow(job, None, begun, stop, told)
        if stop() and _finished(job) is None:
            return False
    current.lora = done.relative_to(project.folder).as_posix()
    current.lora_sha256 = file_sha256(done)
    current.steps = max((int(one["steps"]) for one in read_events(job) if one.get("kind") == "done"), default=0)
    return True


def forget_states(project: Project, current: Round) -> None:
    """Takes away what only a resume of the round's training would need: its LoRA is there, and states are large."""
    for path in (project.round_folder(current.number) / "lora").glob("*-state"):
        shutil.rmtree(path, ignore_errors=True)


def settings_of(project: Project, current: Round) -> dict[str, Any]:
    """The training's settings with the round's own folders; a state each epoch, so that little is done again."""
    folder = project.round_folder(current.number)
    saving = {} if project.training.get("save_every_n_steps") else {"save_every_n_epochs": 1, "save_last_n_epochs": 1}
    return {
        "caption_extension": ".txt",
        **saving,
        **project.training,
        "train_data_dir": str(pictures_folder(project, current.number)),
        "output_dir": str(folder / "lora"),
        "output_name": f"{_plain(project.options.tag)}-r{current.number:02d}",
        "job_dir": str(folder / "job"),
        "save_state": True,
        "overwrite": True,
    }


def _plain(tag: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in tag).strip("_") or "subject"


def _start(project: Project, current: Round) -> subprocess.Popen[bytes]:
    """The trainer's own command, in a session of its own: a closed terminal or a killed loop doesn't end it."""
    folder = project.round_folder(current.number)
    config = folder / "train.toml"
    if not config.is_file():
        write_config(config, settings_of(project, current))
    taken(folder / "job", STOP)
    words = ["train", "--config_file", str(config)]
    if states := readable_states(folder / "lora", settings_of(project, current)["output_name"]):
        words += ["--resume", str(states[0][0])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_PRELOAD"))}
    apart: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {"start_new_session": True}
    )
    with (folder / _OUTPUT).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-u", "-X", "utf8", "-m", "lora_workbench.trainer_core", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **apart,
        )


def _follow(job: Path, process: subprocess.Popen[bytes] | None, seen: int, stop: Callable[[], bool], told: Told) -> bool:
    """Waits until the training has ended and hands its progress on; whether it ended well.

    `process` is None for one that an earlier loop began: then it lives as long as its lock is held.
    """
    asked = False
    try:
        while process.poll() is None if process else is_alive(job):
            events = list(read_events(job))
            for event in events[seen:]:
                if event.get("kind") == "progress":
                    told(event)
            seen = len(events)
            if stop() and not asked and (job / LOCK).is_file():
                ask(job, STOP)
                asked = True
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        if process:
            process.terminate()
        raise
    return process is None or process.returncode == 0


def _finished(job: Path) -> Path | None:
    """The LoRA that the training made as a whole; None where it isn't done."""
    done = [Path(event["path"]) for event in read_events(job) if event.get("kind") == "done"]
    return done[-1] if done and done[-1].is_file() else None


def _why(folder: Path, number: int) -> str:
    """What the training said last of why it failed."""
    errors = [event.get("message", "") for event in read_events(folder / "job") if event.get("kind") == "error"]
    output = folder / _OUTPUT
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines() if output.is_file() else []
    said = [line.removeprefix("error: ") for line in lines if line.strip()]
    why = next((line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")), "")
    last = why or (errors or said or ["it said nothing."])[-1]
    return f"The training of round {number} failed: {last} All that it said is in {output}."
