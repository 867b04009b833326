"""A trainer in small: `python fake_trainer.py FOLDER`. Holds its folder's lock, writes events, does what it is asked.

Its settings: `max_train_steps`, and in `training_comment` words such as "pace=0.01 fail=3 mute=1 late=0.5 state=2".
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lora_workbench.trainer_core import requests
from lora_workbench.trainer_core.events import EventLog, hold_job
from lora_workbench.trainer_core.files import read_json


def main(folder: Path) -> int:
    job = read_json(folder / "job.json")
    settings = job.get("settings", {})
    comment = str(settings.get("training_comment") or "")
    words = {name: float(value) for name, _, value in (word.partition("=") for word in comment.split())}
    time.sleep(words.get("late", 0))
    lock = hold_job(folder)
    events = EventLog(folder)
    print("fake trainer at work", flush=True)
    if job.get("kind") == "reg":
        from lora_workbench.tests.extension.fake_drawer import draw_set

        draw_set(folder, job, events, words.get("pace", 0.01), words.get("fail", 0))
        return 0
    if job.get("kind") == "tool":
        from lora_workbench.tests.extension.fake_tools import run_tool

        return run_tool(folder, job, events)
    if job.get("kind") == "pictures":
        from lora_workbench.trainer_core.endings import endings_told
        from lora_workbench.trainer_core.pictures.job import run_pictures_job

        with endings_told(folder, events):
            run_pictures_job(folder, job, events)
        return 0
    if job.get("kind") == "variants":
        from lora_workbench.tests.extension.fake_variants import run_variants

        run_variants(folder, job, events)
        return 0
    if job.get("kind") == "loop":
        from lora_workbench.tests.extension.fake_loop import run_loop

        run_loop(folder, job, events)
        return 0
    steps, out = int(settings.get("max_train_steps", 3)), Path(settings.get("output_dir", folder))
    first = int(settings["resume"].rpartition("-")[2]) if settings.get("resume") else 0
    events.write("start", steps=steps, step=first, epochs=1, output_name=settings.get("output_name", "last"), seed=1)
    for step in range(first + 1, steps + 1):
        time.sleep(words.get("pace", 0.01))
        requests.wait_while_paused(folder, events, step)
        if words.get("fail") == step:
            events.write("error", message="The cat sat on the keyboard.")
            return 1
        if words.get("mute") == step:
            os._exit(3)
        events.write(
            "progress", step=step, steps=steps, epoch=1, loss=1 / step, average=1 / step, lr={"unet": 1e-4}, seconds_left=1.0
        )
        if words.get("state") and step % words["state"] == 0 or requests.taken(folder, "save"):
            events.write("saved", path=str(out / f"s-{step}.safetensors"), epoch=1, step=step, state=str(state(out, step)))
        if requests.taken(folder, "stop"):
            events.write("stopped", path=None, state=str(state(out, step)), step=step, message=f"Stopped after step {step}.")
            return 0
    events.write("done", path=str(out / "last.safetensors"), steps=steps, published=None)
    events.close()
    lock.release()
    return 0


def state(out: Path, step: int) -> Path:
    folder = out / f"state-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_state.json").write_text("{}", encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
