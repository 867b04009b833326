"""The shipped toy tagger through the real command, on pictures that nobody was trained on."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lora_workbench.benchmarks.tagging import make_toy_pictures, micro_f1
from lora_workbench.tagger.captions import read_caption

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "demo" / "models" / "toy_tagger"


@pytest.mark.skipif(not (MODEL / "model.onnx").is_file(), reason="the toy tagger is not there")
def test_f1_on_500_unseen_pictures(tmp_path: Path) -> None:
    truth = make_toy_pictures(tmp_path / "toy", 500)
    command = [sys.executable, "-m", "tagger", "tag", str(tmp_path / "toy"), "--model", str(MODEL), "--data_dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=600)
    assert done.returncode == 0 and "500 pictures tagged" in done.stdout, done.stdout + done.stderr
    counts: Counter[str] = Counter()
    for path, tags in truth.items():
        found = set(read_caption(path.with_suffix(".txt")).tags)
        counts.update({"right": len(found & tags), "wrong": len(found - tags), "missed": len(tags - found)})
    assert micro_f1(counts) >= 0.97, counts
    assert counts["right"] > 3000
