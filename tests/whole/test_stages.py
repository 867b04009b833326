"""A run in two stages with other pictures and another size in the second, killed there, and gone on by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from lora_workbench.tests.whole.command import safetensors
from lora_workbench.tests.whole.test_resume import TIMES, kill_after
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.settings import read_settings
from lora_workbench.trainer_core.train import train


def test_killed_in_its_second_stage(words: Callable[..., list[str]], tiny_sd2: Path, tmp_path: Path) -> None:
    close = tmp_path / "close"
    (close / "1_face").mkdir(parents=True)
    for number in range(2):
        Image.linear_gradient("L").resize((96, 96)).rotate(90 * number).convert("RGB").save(close / "1_face" / f"{number}.png")
        (close / "1_face" / f"{number}.txt").write_text(f"penny, face {number}", encoding="utf-8")
    stages = [
        "max_train_epochs=1 lr_scheduler=linear lr_warmup_steps=0.5",
        f"max_train_steps=5 lr_scheduler=cosine resolution=64 train_data_dir='{close}' text_encoder_lr=0 optimizer_type=Lion",
    ]

    def given(folder: str) -> list[str]:
        made = words(
            pretrained_model_name_or_path=tiny_sd2, output_dir=tmp_path / folder, job_dir=tmp_path / f"job-{folder}",
            max_train_steps=None, save_every_n_steps=1, save_state=True, network_dropout=0.1, resume="auto",
        )  # fmt: skip
        return [*made, "--stages", *stages]

    train(read_settings(given("whole")))
    kill_after(given("killed"), tmp_path / "job-killed", 6)
    killed = max(event["step"] for event in read_events(tmp_path / "job-killed") if event["kind"] == "progress")
    assert not (tmp_path / "killed" / "penny.safetensors").exists()
    train(read_settings([*given("killed"), f"--job_dir={tmp_path / 'job-resumed'}"]))

    whole_metadata, whole_tensors = safetensors(tmp_path / "whole" / "penny.safetensors")
    metadata, tensors = safetensors(tmp_path / "killed" / "penny.safetensors")
    assert tensors == whole_tensors
    assert {key for key in {**whole_metadata, **metadata} if metadata.get(key) != whole_metadata.get(key)} <= set(TIMES)
    resumed = list(read_events(tmp_path / "job-resumed"))
    (start,) = [event for event in resumed if event["kind"] == "start"]
    assert start["stages"] == 2 and 5 <= start["step"] <= killed

    told = json.loads(metadata["ss_stages"])
    assert [(one["steps"], one["epochs"], one["images"]) for one in told] == [(5, 1, 5), (5, 5, 2)]
    assert told[1]["settings"]["train_data_dir"] == "close" and told[1]["settings"]["text_encoder_lr"] == [0]
    assert metadata["ss_max_train_steps"] == "10" and metadata["ss_num_epochs"] == "6"
    assert metadata["ss_lr_scheduler"] == "linear" and metadata["ss_optimizer"].startswith("torch.optim.")
    steps = [event for event in read_events(tmp_path / "job-whole") if event["kind"] == "progress"]
    assert [event["step"] for event in steps] == list(range(1, 11))
    assert [event["epoch"] for event in steps] == [1] * 5 + [2, 3, 4, 5, 6]
    assert ["text_encoder" in event["lr"] for event in steps] == [True] * 5 + [False] * 5
