"""The demo as a command, in small: two steps on a base of random weights show the mechanics, not the learning."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.demo.run.recipe import MODELS, load_recipe
from lora_workbench.demo.world.creatures import own_tags

ISSUE_KEYS = [
    "concept_before",
    "concept_after",
    "context_followed",
    "without_tag",
    "nearest_copy",
    "train_cpu_seconds",
    "total_seconds",
    "loss_first",
    "loss_last",
    "lora",
    "grid",
]


@pytest.mark.skipif(not (MODELS / "toy_judge" / "model.onnx").is_file(), reason="the toy taggers are not there")
def test_demo_runs_from_pictures_to_report(tmp_path: Path, random_base: Path) -> None:
    out = tmp_path / "demo"
    words = ["--out", str(out), "--steps", "2", "--samples", "2", "--base", str(random_base)]
    command = [sys.executable, "-m", "lora_workbench.demo", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)

    # Random weights draw noise, so the aims are missed: the command says so and fails.
    assert ended.returncode == 1, ended.stderr
    assert "it misses its aim in" in ended.stdout
    result = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    assert set(ISSUE_KEYS) <= set(result)
    assert result["train_cpu_seconds"] > 0
    assert Path(result["lora"]).is_file() and Path(result["grid"]).is_file()
    assert len(list((out / "samples" / "after").glob("*.png"))) == 2
    grid = Image.open(result["grid"])
    assert grid.width >= 128 * len(load_recipe().grid_strengths)
    assert "<svg" in (out / "report.html").read_text(encoding="utf-8")

    captions = [path.read_text(encoding="utf-8") for path in (out / "pictures" / "10_zibbo").glob("*.txt")]
    assert len(captions) == 16
    for caption in captions:
        tags = [tag.strip() for tag in caption.split(",")]
        assert tags[0] == "zibbo" and not set(tags[1:]) & {"zibbo", *own_tags("zibbo")}

    again = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert again.returncode == 1 and "already holds something" in again.stderr
