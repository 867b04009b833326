"""The plan's steps, sizes and ignored files are those that one counts picture by picture, and those of the real loop."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.benchmarks.make_checkpoint import make_checkpoint
from lora_workbench.tests.trainer_core.planning.brute_force import Counted, count
from lora_workbench.tests.trainer_core.planning.random_datasets import make_words
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.dataset.batches import Batch
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.settings import Settings

DATASETS, LOOPS = 200, 10


def settings_of(words: dict[str, Any], folder: Path, **more: Any) -> Settings:
    given = {**words, "caption_extension": ".txt", "data_dir": folder / "data", "output_dir": folder / "out", **more}
    return Settings.of(**{name: value for name, value in given.items() if value is not None})


def counted_of(plan: Plan) -> Counted:
    sizes = Counter({(one.width, one.height): one.count for one in plan.buckets})
    assert len(sizes) == len(plan.buckets)
    batches = [
        ((one.width, one.height), min(one.batch_size, one.count - start))
        for one in plan.buckets
        for start in range(0, one.count, one.batch_size)
    ]
    return Counted(plan.steps, plan.epochs, sizes, sorted(batches), {one.path for one in plan.ignored})


@pytest.mark.parametrize("part", range(10))
def test_the_plan_is_what_one_counts(tmp_path: Path, part: int) -> None:
    ignored = trained = 0
    for number in range(part * DATASETS // 10, (part + 1) * DATASETS // 10):
        folder = tmp_path / str(number)
        words = make_words(folder, random.Random(number))
        expected = count(words)
        expected.batches.sort()
        plan = make_plan(settings_of(words, folder))
        assert counted_of(plan) == expected, f"dataset {number}"
        assert plan.batches_per_epoch == len(expected.batches)
        ignored, trained = ignored + len(expected.ignored), trained + sum(expected.buckets.values())
    assert ignored > 40 and trained > 100, "the datasets are too plain to show anything"


@pytest.fixture(scope="module")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny.safetensors", "tiny", dtype="fp32")


@pytest.mark.parametrize("number", range(LOOPS))
def test_the_loop_does_what_one_counts(tmp_path: Path, tiny_base: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real runs; what each step trains is noted as it comes to be trained."""
    chosen = random.Random(1000 + number)
    for attempt in range(100):
        words = make_words(tmp_path / str(attempt), chosen) | {
            "num_processes": 1,
            "max_train_epochs": 1,
            "max_train_steps": None,
        }
        expected = count(words)
        if 0 < len(expected.batches) <= 12:
            break
    seen: list[Batch] = []
    real = train_room._backward
    monkeypatch.setattr(
        train_room, "_backward", lambda run, state, batch, *more: seen.append(batch) or real(run, state, batch, *more)
    )
    few = ("down_lr_weight=0,0,0,0,0,0,0,0,0,0,0,0", "mid_lr_weight=1", "up_lr_weight=0,0,0,0,0,0,0,0,0,0,0,0")
    more = {"pretrained_model_name_or_path": tiny_base, "network_dim": 1, "network_args": few, "network_train_unet_only": True,
            "learning_rate": 1e-3, "seed": 3, "job_dir": tmp_path / "job"}  # fmt: skip
    train_room.train(settings_of(words, tmp_path / "run", **more))
    steps = [event["step"] for event in read_events(tmp_path / "job") if event["kind"] == "progress"]
    assert steps == list(range(1, expected.steps + 1))
    assert sorted((batch.bucket, len(batch.draws)) for batch in seen) == sorted(expected.batches)
    draws = [(draw.item, draw.copy) for batch in seen for draw in batch.draws]
    assert len(set(draws)) == len(draws) == sum(expected.buckets.values())
