"""What a run says of the machine that it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from lora_workbench.trainer_core.between_steps import FULL_GPU_LOOKED_FOR, warn_of_full_gpu
from lora_workbench.trainer_core.events import EventLog, read_events

GIB = 2**30


@pytest.mark.parametrize(
    ("system", "has_gpu", "free", "reserved", "told"),
    [
        ("nt", True, 0.05, 7.5, True),
        ("nt", True, 0.5, 9.1, True),  # more than the card has
        ("nt", True, 0.5, 7.0, False),
        ("posix", True, 0.0, 8.0, False),  # there it ends by itself, with its own sentence
        ("nt", False, 0.0, 0.0, False),
    ],
)
def test_a_full_gpu_on_windows_is_told_once_it_can_be_known(
    system: str, has_gpu: bool, free: float, reserved: float, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = EventLog(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "name", system)
        patched.setattr(torch.cuda, "is_available", lambda: has_gpu)
        patched.setattr(torch.cuda, "mem_get_info", lambda: (int(free * GIB), 8 * GIB))
        patched.setattr(torch.cuda, "memory_reserved", lambda: int(reserved * GIB))
        for step in range(1, FULL_GPU_LOOKED_FOR[0] + 1):
            warn_of_full_gpu(step, events)
    events.close()
    found = [event["message"] for event in read_events(tmp_path) if event["kind"] == "warning"]
    assert len(found) == told and all("8.0 GiB are full" in one for one in found)
