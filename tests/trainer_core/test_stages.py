"""A run in stages: one axis of steps and epochs, the optimizer's memory across them, and states on both sides of a border."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.trainer_core.preparing import Prepared, begun, prepared_run
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.networks.format import read_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.resuming import Resumed, _refuse_other_lengths
from lora_workbench.trainer_core.run import _go_on
from lora_workbench.trainer_core.state import load_state
from lora_workbench.trainer_core.train import _loop


@pytest.fixture(scope="module")
def prepared(tiny_sd2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Two pictures, one a step: an epoch has two steps."""
    ready = prepared_run(tiny_sd2, tmp_path_factory.mktemp("stages"), save_every_n_steps=None)
    yield ready
    ready.events.close()


def trained(prepared: Prepared, out: Path, **changes: Any) -> dict[str, torch.Tensor]:
    run, state, saver = begun(prepared, out, **changes)
    return read_lora(_loop(run, state, saver, prepared.events))[0]


def gone_on(prepared: Prepared, saved: Path, out: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """A run that begins anew in the stage of a state, as `prepare` does, and takes that in."""
    resumed = Resumed(saved, *load_state(saved))
    run, _, saver = begun(prepared, out, number=resumed.state.stage, resume=saved, **changes)
    return read_lora(_loop(run, _go_on(run, resumed), saver, prepared.events))[0]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"optimizer_type": "AdamW"},
        {"optimizer_type": "Prodigy", "learning_rate": 1, "unet_lr": 1, "text_encoder_lr": [0.5]},
        {"optimizer_type": "AdamWScheduleFree", "ema_decay": None},
    ],
    ids=lambda one: one["optimizer_type"],
)
def test_stages_that_change_nothing_change_nothing(prepared: Prepared, tmp_path: Path, optimizer: dict[str, Any]) -> None:
    """The optimizer keeps all that it has learnt, and the second stage's first epoch is the run's third."""
    one = trained(prepared, tmp_path / "one", stages=[{"max_train_steps": 6}], **optimizer)
    stages = [{"max_train_epochs": 2}, {"max_train_steps": 2}]
    assert same(trained(prepared, tmp_path / "two", stages=stages, **optimizer), one)


TWO = [
    {"max_train_steps": 3, "lr_scheduler": "linear", "lr_warmup_steps": 1},
    {"max_train_steps": 3, "lr_scheduler": "cosine", "unet_lr": 2e-4, "min_snr_gamma": 5, "max_grad_norm": 0.5},
]
MIXED: dict[str, dict[str, Any]] = {
    "AdamW": {"optimizer_type": "AdamW", "ema_decay": 0.9, "network_dropout": 0.1, "stages": TWO},
    "without text encoder": {
        "optimizer_type": "Prodigy",
        "learning_rate": 1.0,
        "stages": [{"max_train_steps": 3}, {"max_train_steps": 3, "text_encoder_lr": [0.0], "unet_lr": 0.5}],
    },
    "text encoder later": {
        "optimizer_type": "Prodigy",
        "learning_rate": 1.0,
        "stages": [{"max_train_steps": 3, "text_encoder_lr": [0.0]}, {"max_train_steps": 3, "lr_scheduler": "cosine"}],
    },
    "another optimizer": {
        "stages": [
            {"max_train_steps": 3, "optimizer_type": "AdamW8bit", "lr_scheduler": "linear"},
            {"max_train_steps": 3, "optimizer_type": "ProdigyPlusScheduleFree", "learning_rate": 1.0},
        ],
    },
}


@pytest.mark.parametrize("name", MIXED)
def test_a_run_goes_on_to_the_bit_from_either_side_of_a_border(prepared: Prepared, tmp_path: Path, name: str) -> None:
    changes = {**MIXED[name], "save_every_n_steps": 1}
    whole = trained(prepared, tmp_path / "whole", **changes)
    for step in (3, 5):  # exactly at the border, and behind it
        state = tmp_path / "whole" / f"penny-step{step:08d}-state"
        assert load_state(state)[0].stage == (1 if step == 3 else 2)
        assert same(gone_on(prepared, state, tmp_path / f"from-{step}", **changes), whole), f"from step {step}"


def test_rates_epochs_and_saves_on_one_axis(prepared: Prepared, tmp_path: Path) -> None:
    """Three steps of an epoch with two end in the middle of it; the next stage begins an epoch of its own."""
    before = len(list(read_events(prepared.events.folder)))
    trained(prepared, tmp_path, save_every_n_epochs=1, save_state=False, unet_lr=1e-3, stages=TWO)
    events = list(read_events(prepared.events.folder))[before:]
    steps = [one for one in events if one["kind"] == "progress"]
    assert [one["step"] for one in steps] == list(range(1, 7))
    assert [one["epoch"] for one in steps] == [1, 1, 2, 3, 3, 4]
    rates = [one["lr"]["unet"] for one in steps]
    assert rates == pytest.approx([0, 1e-3, 0.5e-3, 2e-4, 2e-4 * 0.75, 2e-4 * 0.25], abs=1e-9)
    assert [(one["stage"], one["stages"], one["step"]) for one in events if one["kind"] == "stage"] == [(2, 2, 3)]
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == ["penny-000001.safetensors", "penny-000002.safetensors", "penny-000003.safetensors", "penny.safetensors"]


def test_a_part_that_a_stage_leaves_out_stays_as_it_is(prepared: Prepared, tmp_path: Path) -> None:
    changes = {**MIXED["without text encoder"], "save_every_n_steps": 3}
    last = trained(prepared, tmp_path, **changes)
    border, _ = read_lora(tmp_path / "penny-step00000003.safetensors")
    changed = {name for name in last if not torch.equal(last[name], border[name])}
    assert changed and all(name.startswith("lora_unet_") for name in changed)
    assert any(bool(border[name].any()) for name in border if name.startswith("lora_te_") and "lora_up" in name)


def test_states_of_other_stages_are_refused(prepared: Prepared, tmp_path: Path) -> None:
    trained(prepared, tmp_path / "whole", save_every_n_steps=1, stages=TWO)
    state = load_state(tmp_path / "whole" / "penny-step00000005-state")[0]

    def look(*stages: dict[str, Any]) -> None:
        run, _, _ = begun(prepared, tmp_path / "again", stages=list(stages))
        _refuse_other_lengths(Path("x-state"), state, run.settings, [stage.stretch for stage in run.stages])

    def refusal(*stages: dict[str, Any]) -> str:
        with pytest.raises(UserError) as refused:
            look(*stages)
        return str(refused.value)

    third = {"max_train_steps": 3}
    assert "it is in stage 2, here there is 1; give all stages" in refusal({"max_train_steps": 9})
    assert "its stage 2 began after step 3, here it begins after step 2" in refusal({"max_train_steps": 2}, third)
    assert "it has 2 steps an epoch, here there are 1" in refusal(TWO[0], {**third, "gradient_accumulation_steps": 2})
    assert "has 5 steps done, and the plan has 4" in refusal(TWO[0], {"max_train_steps": 1})
    assert "has 5 steps done in stage 2, which ends after step 4" in refusal(TWO[0], {"max_train_steps": 1}, third)
    look(TWO[0], {"max_train_steps": 9}, third)


def test_a_finished_run_goes_on_in_another_stage(prepared: Prepared, tmp_path: Path) -> None:
    """Its settings, with what they were as the first stage and another behind: nothing before is trained again."""
    short = {"max_train_steps": 3, "lr_scheduler": "linear"}
    trained(prepared, tmp_path / "one", save_state_on_train_end=True, **short)
    stages = [short, {"max_train_steps": 2, "lr_scheduler": "cosine"}]
    before = len(list(read_events(prepared.events.folder)))
    longer = gone_on(prepared, tmp_path / "one" / "penny-state", tmp_path / "longer", stages=stages)
    assert [one["step"] for one in list(read_events(prepared.events.folder))[before:] if one["kind"] == "progress"] == [4, 5]
    assert same(longer, trained(prepared, tmp_path / "two", stages=stages))


def test_the_optimizers_memory_goes_on_and_another_one_begins_anew(prepared: Prepared, tmp_path: Path) -> None:
    def moments(*stages: dict[str, Any]) -> set[int]:
        run, state, saver = begun(prepared, tmp_path / str(len(stages)), stages=list(stages), save_state_on_train_end=True)
        path = _loop(run, state, saver, prepared.events)
        _, _, machinery = load_state(path.with_name("penny-state"))
        return {int(one["step"]) for one in machinery["optimizer"]["state"].values()}

    first, last = {"max_train_steps": 3}, {"max_train_steps": 2, "lr_scheduler": "cosine"}
    assert moments(first, last) == {5}
    assert moments(first, {**last, "optimizer_args": ["weight_decay=0.1"]}) == {2}
