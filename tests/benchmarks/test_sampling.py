"""What drawing costs beside the network: exactly the calls of one drawing are made again, and both are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lora_workbench.benchmarks.sampling import main, watched
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.models.checkpoint import load_model


def test_the_calls_of_a_drawing_are_made_again(random_base: Path) -> None:
    model, shapes = load_model(random_base), []
    requests = [Request("penny", width=32, height=32, seed=number, steps=3) for number in range(3)]
    with watched(model) as calls:
        generate(model, requests, batch_size=2)
    assert len(calls) == 2 * 3 + 2, "three steps and a decoding for each of both batches"
    with torch.inference_mode():
        for one in calls:
            shapes.append(tuple(one().sample.shape))
    assert shapes == [(4, 4, 4, 4)] * 3 + [(2, 3, 32, 32)] + [(2, 4, 4, 4)] * 3 + [(1, 3, 32, 32)]
    assert generate(model, requests[:1])[0].size == (32, 32), "the model is as it was"


def test_both_are_told(random_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        words = ["--size", "32", "--steps", "2", "--pictures", "2", "--batch", "2", "--rounds", "2", "--threads", "1"]
        assert main(["--base", str(random_base), *words]) == 0
    finally:
        torch.set_num_threads(threads)
    said = capsys.readouterr().out
    assert "2 pictures of 32 px, 2 steps, batches of 2" in said and "ratio of the sums" in said
    drawn, bare = (line.split(":")[1].split(",") for line in said.splitlines() if line.startswith(("drawn:", "bare:")))
    assert len(drawn) == len(bare) == 2 and all(float(one) > 0 for one in (*drawn, *bare))
