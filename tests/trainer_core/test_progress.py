"""What a run tells after each step: events, and how long the rest will take."""

from pathlib import Path

import pytest

from lora_workbench.trainer_core import progress as progress_room
from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.progress import Progress
from lora_workbench.trainer_core.settings import Settings


def test_time_left_is_that_of_steps_and_not_of_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run at step 10 of 20: two seconds a step, and an hour's pause in between."""
    now = 100.0
    monkeypatch.setattr(progress_room.time, "monotonic", lambda: now)
    memory = {"ram": 5, "gpu": None}
    with Progress(Settings.of(), EventLog(tmp_path), 10, 20) as progress:
        now += 2
        progress.step(11, 3, 0.5, 0.4, {"unet": 1e-4}, memory)
        now += 3602
        progress.waited(3600)
        progress.step(12, 3, 0.3, 0.4, {"unet": 1e-4}, memory, keys_scaled=2)
    first, second = read_events(tmp_path)
    assert (first["seconds_left"], second["seconds_left"]) == (18, 16)
    assert (second["step"], second["steps"], second["epoch"], second["loss"], second["average"]) == (12, 20, 3, 0.3, 0.4)
    assert second["lr"] == {"unet": 1e-4} and second["memory"] == memory and second["keys_scaled"] == 2
