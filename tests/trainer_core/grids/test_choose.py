"""The next run's rates, the guide's verdict, and what may be deleted."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from lora_workbench.trainer_core.events import JobLock
from lora_workbench.trainer_core.generate.request import Lora
from lora_workbench.trainer_core.generate.run_snapshots import Snapshot
from lora_workbench.trainer_core.grids.choose import delete, find_choice, next_settings, others_of, verdict, write_next
from lora_workbench.trainer_core.grids.plot import webui_plot
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import read_settings


def snapshot(epoch: int | None, step: int | None = None, name: str = "penny-000008", last: bool = False) -> Snapshot:
    label = f"e{epoch}" if step is None else f"step{step}"
    return Snapshot(Path(f"{name}.safetensors"), "penny", label, epoch, step, "7", "ab" * 32, last)


OLD = {"unet_lr": 1e-4, "text_encoder_lr": [5e-5], "max_train_epochs": 10, "overwrite": True, "resume": "x-state", "seed": 3}


@pytest.mark.parametrize(
    ("te", "unet", "rates"),
    [
        (1.0, 0.5, (5e-5, 5e-5)),
        (2.0, 1.0, (1e-4, 1e-4)),
        (0.7, 1.4, (1.4e-4, 3.5e-5)),
    ],  # the first two are the guide's examples
)
def test_rates_are_the_old_times_the_strength_of_their_part(te: float, unet: float, rates: tuple[float, float]) -> None:
    new = next_settings(OLD, te, unet, snapshot(8))
    assert (new["unet_lr"], new["text_encoder_lr"]) == rates
    assert new["max_train_epochs"] == 8 and new["seed"] == 3
    assert "overwrite" not in new and "resume" not in new


def test_a_run_that_ended_within_an_epoch_is_not_made_longer() -> None:
    final = dataclasses.replace(snapshot(3), last=True, steps=50)
    new = next_settings({"learning_rate": 2e-4, "max_train_steps": 50}, 1, 1, final)
    assert new["max_train_steps"] == 50 and "max_train_epochs" not in new


def test_a_rate_for_all_becomes_one_for_each_part() -> None:
    new = next_settings({"learning_rate": 2e-4}, 0.5, 1.5, snapshot(None, 150))
    assert (new["unet_lr"], new["text_encoder_lr"], new["max_train_steps"]) == (3e-4, 1e-4, 150)


def test_a_part_that_is_not_trained_gets_no_rate() -> None:
    new = next_settings({"learning_rate": 2e-4, "network_train_unet_only": True}, 0.5, 1.5, snapshot(8))
    assert new["unet_lr"] == 3e-4 and "text_encoder_lr" not in new


def test_an_adaptive_optimizers_rates_are_factors_that_may_differ() -> None:
    old = {"optimizer_type": "Prodigy", "learning_rate": 1.0}
    new = next_settings(old, 1.0, 0.5, snapshot(8))
    assert (new["unet_lr"], new["text_encoder_lr"], new["learning_rate"]) == (0.5, 1.0, 1.0)


def test_a_cell_that_leaves_nothing_to_train_is_refused() -> None:
    with pytest.raises(UserError, match="Nothing would be trained"):
        next_settings(OLD, 0.0, 0.0, snapshot(8))


def test_the_settings_are_read_back_and_nothing_is_overwritten(tmp_path: Path) -> None:
    old = {**OLD, "resolution": [64, 96]}
    values = next_settings(old, 1.0, 0.5, snapshot(8))
    first, second = (write_next(tmp_path / "next.toml", values) for _ in range(2))
    assert (first.name, second.name) == ("next.toml", "next-2.toml")
    read = read_settings(["--config_file", str(second)], "train")
    assert read.unet_lr == 5e-5 and read.learning_rates()["text_encoder_lr"] == 5e-5 and tuple(read.resolution) == (64, 96)


def test_the_verdict_says_what_the_guide_says() -> None:
    run = [snapshot(4), snapshot(8), snapshot(10, last=True)]
    lowered = verdict(1.0, 0.5, run[2], run)
    assert re.search(r"UNet had to be lowered to 0.5: overfit; lower unet_lr \(times 0.5\)", lowered)
    assert "text encoder works at 1.0" in lowered and "0.8 for more" not in lowered
    order = [lowered.index(word) for word in ("learning rates", "network_dim", "a base (NAI, SD)", "the pictures")]
    assert order == sorted(order)
    raised = verdict(2.0, 1.0, run[2], run)
    assert "undertrained; raise text_encoder_lr (times 2)" in raised and "overfit" not in raised
    assert "0.8 for more flexibility is usual" in verdict(0.8, 0.8, run[2], run)
    assert "e8 is better than e10" in verdict(1.0, 1.0, run[1], run) and "more epochs" in verdict(1.0, 1.0, run[2], run)


def test_cells_are_found_by_their_id_or_its_beginning(tmp_path: Path) -> None:
    (lora := tmp_path / "penny.safetensors").touch()
    cells = {
        "base/p1": {"lora_file": None, "lora": "", "te": 0, "unet": 0},
        "e8/te1.0/unet0.5/p1": {"lora_file": str(lora), "lora": "ab", "te": 1.0, "unet": 0.5},
    }
    (tmp_path / "grid.json").write_text(json.dumps({"grids": [], "cells": cells}))
    choice = find_choice(tmp_path, "e8/te1.0/unet0.5")
    assert (choice.id, choice.digest, choice.te, choice.unet) == ("e8/te1.0/unet0.5/p1", "ab", 1.0, 0.5)
    with pytest.raises(UserError, match="base without LoRA"):
        find_choice(tmp_path, "base")
    with pytest.raises(UserError, match="has no cell 'e8/te1.0/unet0'; its cells are such as e8"):
        find_choice(tmp_path, "e8/te1.0/unet0")
    with pytest.raises(UserError, match="no grid in"):
        find_choice(tmp_path / "elsewhere", "e8")
    (tmp_path / "grid.json").write_text("[")
    with pytest.raises(UserError, match="is damaged"):
        find_choice(tmp_path, "e8")


@pytest.mark.parametrize("place", ["out/penny.safetensors", "out/runs/penny/penny.safetensors"])
def test_a_grid_that_was_moved_with_its_lora_is_chosen_from(place: str, tmp_path: Path) -> None:
    """As the command lays them out, and as a project does; a copy that is named now counts before what was drawn."""
    folder = tmp_path / "out" / "grids" / "penny"
    folder.mkdir(parents=True)
    cell = {"lora_file": str(tmp_path / "before" / "penny.safetensors"), "lora": "ab", "te": 1, "unet": 1}
    (folder / "grid.json").write_text(json.dumps({"grids": [], "cells": {"e8": cell}}))
    with pytest.raises(UserError, match="no longer at .*before.*name it where it lies now"):
        find_choice(folder, "e8")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    assert find_choice(folder, "e8").path == tmp_path / place
    (named := tmp_path / "elsewhere.safetensors").touch()
    other, same = (replace(snapshot(8), path=named, digest=digest) for digest in ("cd", "ab"))
    assert find_choice(folder, "e8", [other]).path == tmp_path / place
    assert find_choice(folder, "e8", [same]).path == named


def test_files_that_name_no_run_are_not_deleted_by_their_names_alone() -> None:
    one, two = snapshot(1, name="penny-000001"), snapshot(2, name="penny-000002")
    assert others_of([one, two], two.path) == [one.path]
    with pytest.raises(UserError, match="doesn't say which run it is of"):
        others_of([dataclasses.replace(one, session=""), two], two.path)


def test_a_run_that_is_going_on_loses_no_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "penny-000001.safetensors"
    path.write_bytes(b"x")
    lock = JobLock(tmp_path / ".penny.running")
    assert lock.acquire()
    with pytest.raises(UserError, match="still going on"):
        delete([path], "penny")
    lock.release(remove=True)
    assert path.exists()
    delete([path], "penny")
    assert list(tmp_path.iterdir()) == []


def test_webuis_plot_names_files_and_both_strengths_and_survives_its_csv() -> None:
    text = webui_plot("penny, smile", [Lora("a, b", "7", 0.5, 1.0), Lora("a, b", "7", 2.0, 1.0)], {"seeds": [1]})
    values = re.search(r"X values  (.*)", text)[1]
    read = [one.strip() for one in next(csv.reader(StringIO(values), skipinitialspace=True))]  # as webui reads it
    assert read == ["smile", "smile <lora:a, b:te=0.5:unet=1>", "smile <lora:a, b:te=2:unet=1>"]
    assert "prompt    penny, smile\n" in text
    assert "prompt    ,\n" in webui_plot("", [Lora("a", "7", 1.0, 1.0)], {}), "it searches for something"
    twice = webui_plot("red hat, hat", [Lora("a", "7", 1.0, 1.0)], {})  # webui puts a value in place of each that it finds
    assert 'X values  "red hat, hat", "red hat, hat <lora:a:te=1:unet=1>"' in twice
    assert "further axis" not in text
    axes = {"sampler": ["Euler a", "DPM++ 2M"], "steps": [20], "clip_skip": [1, 2], "cfg": [5.0, 7.5]}
    more = webui_plot("penny", [Lora("penny", "7", 1.0, 1.0)], axes).split("and for a further axis:\n")[1]
    assert more == "  CFG Scale 5.0, 7.5\n  Sampler   Euler a, DPM++ 2M\n  Clip skip 1, 2"
    both = webui_plot("penny", [Lora("penny-000008", "7", te, unet) for te in (0.5, 1.0) for unet in (0.1, 1.0)], {})
    prompt = re.findall(r"prompt    (.*)", both)[1]
    for axis, place in (("unet=0.1, unet=1", "X"), ("te=0.5, te=1", "Y")):
        assert f"{place} values  {axis}" in both and axis.split(",")[0] in prompt  # webui wants the first one in the prompt
