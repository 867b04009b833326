"""A drawer in small, for the trainer in small: plain colours in place of pictures, in a set that counts as drawn."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from lora_workbench.trainer_core import requests
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.files import write_atomically
from lora_workbench.trainer_core.reg.find import FoundSet, find_set
from lora_workbench.trainer_core.reg.manifest import Entry, write_manifest
from lora_workbench.trainer_core.reg.wanted import Wanted
from lora_workbench.trainer_core.reg.words import read_options
from lora_workbench.trainer_core.settings import Settings


def draw_set(folder: Path, job: dict[str, Any], events: EventLog, pace: float, fail: float) -> None:
    """Draws what `reg` would, one picture after the other, and stops where it is asked to; it fails at the picture `fail`."""
    found = find_set(Settings.from_dict(job["settings"]), read_options(job["options"]))
    todo = found.work.make
    events.write("start", total=len(todo))
    for made, wanted in enumerate(todo, 1):
        time.sleep(pace)
        if made == fail:
            events.write("error", message="The cat sat on the keyboard.")
            return
        _draw(found, wanted)
        events.write("progress", step=made, steps=len(todo), seconds_left=1.0, picture=str(wanted.path))
        if made < len(todo) and requests.taken(folder, "stop"):
            events.write("stopped", path=None, state=None, step=made, message=f"Stopped after {made} of {len(todo)} pictures.")
            return
    events.write("done", summary=f"{len(todo)} pictures drawn.", folder=str(found.folder), made=len(todo))


def _draw(found: FoundSet, wanted: Wanted) -> None:
    from PIL import Image

    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (wanted.request.width, wanted.request.height), (wanted.request.seed % 256, 90, 140)).save(wanted.path)
    write_atomically(wanted.caption, wanted.text)
    sha256 = hashlib.sha256(wanted.path.read_bytes()).hexdigest()
    found.manifest.pictures[wanted.path.name] = Entry(
        wanted.request, wanted.training_seed, found.base.sha256, found.base.vae, wanted.source, wanted.text, sha256
    )
    found.manifest.kind, found.manifest.seed = found.options.kind, wanted.training_seed
    write_manifest(found.folder, found.manifest)
