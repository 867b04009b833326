"""SIGKILL at random moments of writing and undoing. 200 kills: `python -m lora_workbench.benchmarks.tagging kills`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lora_workbench.benchmarks.caption_kills import kill_batches

KILLS = 25


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL there")
def test_nothing_is_lost_whenever_the_process_is_killed(tmp_path: Path) -> None:
    told = kill_batches(tmp_path / "captions", KILLS, seed=7, files=120)
    assert told["lost"] == 0
    assert told["half"] >= KILLS // 5, f"the kills came at the wrong times: {told}"
    assert told["half"] + told["before"] + told["after"] == KILLS
