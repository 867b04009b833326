"""The learning experiments: what they say of their figures, and that an arm is trained and measured from end to end."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from lora_workbench.benchmarks.learning.__main__ import main
from lora_workbench.benchmarks.learning.datasets import DATASETS, prompts
from lora_workbench.benchmarks.learning.experiments import EXPERIMENTS
from lora_workbench.benchmarks.learning.next_run import choose
from lora_workbench.benchmarks.learning.tables import against, cell, table, won
from lora_workbench.demo.run.recipe import load_recipe
from lora_workbench.demo.world.pictures import balanced_contexts
from lora_workbench.demo.world.tagger_data import HYBRID_BODIES
from lora_workbench.trainer_core.advise.command import build_parser as advise_parser
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.optimizer_checks import optimizer_problems
from lora_workbench.trainer_core.settings import Settings

RESULTS = {
    "none": {1: {"drift": 0.2}, 2: {"drift": 0.4}},
    "matched": {1: {"drift": 0.1}, 2: {"drift": 0.54}, 3: {"drift": 9.0}},
    "empty": {},
}


def test_a_cell_is_mean_and_spread_over_the_seeds():
    assert cell([0.1, 0.3]) == "0.200 ± 0.141"
    assert cell([0.1]) == "0.100"


def test_the_table_has_a_row_for_each_arm_that_was_measured():
    lines = table(RESULTS, ["drift", "kept"], dict.fromkeys(RESULTS, "what it is")).splitlines()
    assert len(lines) == 4
    assert table({"none": {1: {"learnt": 60}, 2: {"learnt": None}}}, ["learnt"], {"none": ""}).endswith("| 60, never |  |")
    assert lines[2] == "| `none` | 2 | 0.300 ± 0.141 |  | what it is |"


def test_arms_are_compared_within_the_seeds_that_both_have():
    text = against(RESULTS, "matched", "none", "drift")
    assert "+0.0200 ± 0.1200" in text and "lower in 1 of 2 seeds" in text
    assert against(RESULTS, "matched", "empty", "drift") == ""


def test_who_won_is_said_for_the_seeds_that_all_have():
    measured = {
        "one": {1: {"kept": 0.5}, 2: {"kept": 0.9}},
        "two": {1: {"kept": 0.8}, 2: {"kept": 0.8}, 3: {"kept": 0.1}},
    }
    assert won(measured, "kept") == "kept: `two` won with 0.800 before `one` with 0.700; it is the best in 1 of 2 seeds"
    assert won({**measured, "three": {}}, "kept") == won({"one": measured["one"]}, "kept") == ""


def test_runs_in_stages_are_as_long_as_those_in_one():
    lengths = []
    for arm in EXPERIMENTS["stages"]:
        values = {name: value for name, value in {**load_recipe().training, **arm.training}.items() if value is not None}
        lengths.append([one.max_train_steps for one in Settings.from_dict(values).stage_settings()])
    assert [sum(one) for one in lengths] == [load_recipe().training["max_train_steps"]] * 4
    assert [len(one) for one in lengths] == [1, 1, 2, 2]


def test_the_cell_with_least_drift_is_chosen_among_those_that_agree_with_their_prompts():
    cells = {"base": {"lora_file": None}}
    for te, unet, agreement, drift in ((1, 1, 0.90, 0.5), (1, 0.5, 0.89, 0.2), (0.5, 0.5, 0.7, 0.1)):
        for number, lean in enumerate((-0.05, 0.05)):
            cells[f"{te}/{unet}/{number}"] = {
                "lora_file": "x", "te": te, "unet": unet, "numbers": {"agreement": agreement + lean, "drift": drift}
            }  # fmt: skip
    assert choose(cells) == "1/0.5/0"


@pytest.mark.parametrize(("experiment", "arm"), [(name, arm) for name, arms in EXPERIMENTS.items() for arm in arms])
def test_every_arm_has_settings_that_the_trainer_takes(experiment, arm):
    values = {name: value for name, value in {**load_recipe().training, **arm.training}.items() if value is not None}
    settings = Settings.from_dict({"pretrained_model_name_or_path": "x.safetensors", "train_data_dir": "x", **values})
    assert [one.message for one in optimizer_problems(settings) if one.severity == "error"] == []
    assert settings.network_options().keys() >= {word.partition("=")[0] for word in values.get("network_args", ())}


def test_an_arm_is_trained_measured_and_kept(tmp_path: Path, toy_base, capsys):
    words = ["reg", "--arms", "none", "--seeds", "1", "--samples", "2", "--steps", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    result = read_json(tmp_path / "reg" / "none" / "seed-1" / "result.json")
    assert Path(result["lora"]).is_file() and 0 < result["drift"] < 0.5
    assert result["kept"] > 0.5, "one step can't have undone the base"
    assert f"| `none` | 1 | {result['concept_after']:.3f} |" in capsys.readouterr().out
    Path(result["lora"]).unlink()
    assert main([*words, "--table_only"]) == 0, "what was measured is not measured again"


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda one: one.name)
def test_a_toy_dataset_is_told_and_judged_by_what_it_shows(dataset):
    assert advise_parser().parse_args(["pictures", *dataset.answers]).kind
    trained = [dataset.words_of(dataset.creature_of(context, random.Random(1))) for context in balanced_contexts("zibbo", 5, 1)]
    wanted = prompts(dataset, 6, 1, trained)
    assert not {frozenset(one) for one in wanted} & {frozenset(one) for one in trained}
    assert all(tag not in words for words in wanted for tag in dataset.judged), "the activation tag stands for these"
    assert all(words[0] == "1creature" for words in wanted)
    assert dataset.hybrid == all(any(body in words for body in HYBRID_BODIES) for words in wanted)


def test_advised_settings_are_trained_as_they_are(tmp_path: Path, toy_base, monkeypatch):
    monkeypatch.setitem(DATASETS, "poor", dataclasses.replace(DATASETS["poor"], pictures=4))
    words = ["advise", "--arms", "poor", "--seeds", "1", "--samples", "2", "--steps", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    folder = tmp_path / "advise" / "poor" / "seed-1"
    result = read_json(folder / "result.json")
    assert Path(result["lora"]).is_file() and result["concept_after"] < 0.5, "one step teaches nothing"
    assert result["advised"]["reg_data_dir"] == str(folder / "pictures_reg") and result["advised"]["resolution"] == "128"
    assert len(list((folder / "pictures_reg").glob("*/*.png"))) == 4
