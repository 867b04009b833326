"""The demo's training process: its CPU time, its losses, its failures, and the settings file it is given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lora_workbench.demo.run import training
from lora_workbench.demo.run.recipe import Job, load_recipe
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import read_settings

WRITES_EVENTS = """
import json, sys, time
from pathlib import Path
while time.process_time() < 1.5:
    pass
folder = Path(sys.argv[1]); folder.mkdir()
events = [{"kind": "progress", "step": n, "steps": 4, "loss": 1 / n, "average": 1 / n} for n in (1, 2, 3, 4)]
events += [{"kind": "done", "path": "lora/zibbo.safetensors"}]
(folder / "events.jsonl").write_text("".join(json.dumps(event) + chr(10) for event in events))
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, "zibbo", 3, False, base=tmp_path / "base.safetensors")


def run_instead(monkeypatch: pytest.MonkeyPatch, script: str, *words: str) -> None:
    monkeypatch.setattr(training, "train_command", lambda config: [sys.executable, "-u", "-c", script, *words])


def test_cpu_seconds_and_losses_of_the_process(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, WRITES_EVENTS, str(job.out / "job"))
    trained = training.train(job, job.out / "train.toml", lambda text: None)
    assert 1.5 <= trained.cpu_seconds < 6
    assert trained.losses == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert trained.lora == Path("lora/zibbo.safetensors")


def test_a_failed_training_is_told_with_its_last_words(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "print('well'); raise SystemExit('the disk is full')")
    with pytest.raises(UserError, match="status 1: the disk is full"):
        training.train(job, job.out / "train.toml", lambda text: None)


def test_a_training_that_saves_nothing_has_failed(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "pass")
    with pytest.raises(UserError, match="status 0: it said nothing"):
        training.train(job, job.out / "train.toml", lambda text: None)


def test_the_process_ends_with_its_watcher(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C in the demo leaves no training behind."""
    run_instead(monkeypatch, "import time; time.sleep(60)")
    started = []

    def interrupt(process: object, folder: Path, say: object) -> float:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        training.train(job, job.out / "train.toml", lambda text: None)
    assert started[0].poll() is not None


def test_settings_file_holds_the_recipe_and_stays_in_the_folder(job: Job) -> None:
    recipe = load_recipe(steps=5)
    settings = read_settings(["--config_file", str(training.write_settings(job, recipe))])
    assert settings.max_train_steps == 5 and settings.seed == 3 and settings.network_dim == recipe.training["network_dim"]
    for name in ("train_data_dir", "reg_data_dir", "output_dir", "job_dir", "data_dir"):
        assert job.out in Path(getattr(settings, name)).parents
    assert training.train_command(Path("x.toml"))[-4:] == ["lora_workbench.trainer_core", "train", "--config_file", "x.toml"]
