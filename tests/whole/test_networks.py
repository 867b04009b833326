"""Whole trainings of other kinds of network, of some blocks alone, and on a base with LoRAs merged in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.tests.whole.command import run, safetensors
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings, read_settings

Words = Callable[..., list[str]]


def settings(words: list[str]) -> Settings:
    return read_settings(words, "train")


def keys(path: Path) -> set[str]:
    data = path.read_bytes()
    return set(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])) - {"__metadata__"}


@pytest.mark.parametrize(
    ("module", "arguments", "suffixes"),
    [
        ("lycoris.kohya", "algo=loha train_norm=true rank_dropout=0.1", {"hada_w1_a", "w_norm", "alpha"}),
        ("networks.dylora", "unit=1", {"lora_down.weight", "lora_up.weight", "alpha"}),
        ("lycoris.kohya", "algo=full preset=attn-only", {"diff", "diff_b"}),
        ("lycoris.kohya", "algo=diag-oft rescaled=true preset=attn-only", {"oft_blocks", "rescale"}),
    ],
)
def test_a_resumed_run_equals_one_that_was_never_stopped(
    module: str, arguments: str, suffixes: set[str], words: Words, tmp_path: Path
) -> None:
    options = {"network_module": module, "network_args": arguments, "max_train_steps": 3, "scale_weight_norms": 1}
    whole = train_room.train(settings(words(**options, save_every_n_steps=2, save_state=True)))
    state = tmp_path / "out" / "penny-step00000002-state"
    resumed = words(**options, resume=state, job_dir=tmp_path / "resumed", output_dir=tmp_path / "out2")
    assert safetensors(train_room.train(settings(resumed)))[1] == safetensors(whole)[1]
    metadata = safetensors(whole)[0]
    assert metadata["ss_network_module"] == module
    given = dict(word.split("=") for word in arguments.split())
    told = {name: value.lower() for name, value in json.loads(metadata["ss_network_args"]).items()}
    assert given.items() <= told.items()
    assert suffixes <= {key.partition(".")[2] for key in keys(whole)}
    assert make_plan(settings(words(**options))).file_size_bytes == pytest.approx(whole.stat().st_size, abs=20)


def test_out_blocks_alone(words: Words, tmp_path: Path) -> None:
    options = {"network_args": "block_weights=OUTX x=0", "network_train_unet_only": True}
    path = train_room.train(settings(words(**options)))
    assert {key.split("_blocks_")[0] for key in keys(path)} == {"lora_unet_up"}
    plan = make_plan(settings(words(**options)))
    assert plan.file_size_bytes == pytest.approx(path.stat().st_size, abs=20)
    assert safetensors(path)[0]["ss_network_args"] == '{"x": "0.0", "block_weights": "OUTX"}'
    time = plan.forecast.time  # the run has measured its steps, the first of five aside
    assert time.known == "measured" and time.seconds and "on 3 steps" in time.words


def test_blocks_learn_at_their_rates(words: Words, tmp_path: Path) -> None:
    """With SGD a first step moves the ups in proportion to their rate: half as far where the block's weight is a half."""
    import torch
    from safetensors.torch import load_file

    options = {"optimizer_type": "SGDNesterov", "max_train_steps": 1, "lr_scheduler": "constant", "max_grad_norm": 0}
    plain = load_file(train_room.train(settings(words(**options))))
    numbers = ["1"] * 8 + ["0.5"] * 9
    some = words(**options, network_args="block_weights=" + ",".join(numbers), job_dir=tmp_path / "b", output_name="b")
    halved = load_file(train_room.train(settings(some)))
    for name, tensor in plain.items():
        if name.endswith("lora_up.weight"):
            factor = 0.5 if "_up_blocks_" in name else 1.0
            torch.testing.assert_close(halved[name], tensor * factor, rtol=1e-4, atol=1e-9)


def test_adaptive_optimizers_take_blocks_at_other_rates(words: Words, tmp_path: Path) -> None:
    some = words(
        optimizer_type="Prodigy",
        learning_rate=1,
        network_args="block_weights=OUTX x=0.2",
        max_train_steps=2,
        lr_scheduler="constant",
    )
    train_room.train(settings(some))
    assert any(event["kind"] == "done" for event in read_events(tmp_path / "job"))


def test_loras_merged_into_the_base_change_what_is_learnt(words: Words, tmp_path: Path) -> None:
    strong = train_room.train(settings(words(learning_rate="1e-1", output_name="strong", max_train_steps=3)))
    losses = []
    for number, strength in enumerate((None, 0.0, 1.0)):
        more = {} if strength is None else {"base_weights": strong, "base_weights_multiplier": strength}
        folder = tmp_path / f"job-{number}"
        path = train_room.train(settings(words(**more, max_train_steps=1, output_name=f"n{number}", job_dir=folder)))
        losses.append(next(event["loss"] for event in read_events(folder) if event["kind"] == "progress"))
        assert len(keys(path)) == 630
    assert losses[0] == losses[1] != losses[2]


def test_what_the_plan_refuses_and_says(words: Words, tmp_path: Path) -> None:
    def codes(**options: object) -> dict[str, str]:
        return {one.code: one.message for one in make_plan(settings(words(**options))).problems}

    assert "has 3 numbers" in codes(network_args="block_weights=1,2,3")["network"]
    assert "there is no preset 'OUTER'" in codes(network_args="block_weights=OUTER")["network"]
    assert "25 numbers" in codes(network_args="block_weights=" + ",".join(["1"] * 25))["network-note"]
    assert "Forge refuses" in codes(network_module="lycoris.kohya", network_args="algo=ia3")["network-not-in-forge"]
    assert "usual rates" in codes(network_module="lycoris.kohya", network_args="algo=ia3", learning_rate="1e-4")["ia3-rate"]
    assert (
        "Forge fails" in codes(network_module="lycoris.kohya", network_args="algo=lokr use_tucker=true")["network-not-in-forge"]
    )
    assert "network-not-in-forge" not in codes(network_module="lycoris.kohya", network_args="algo=loha")
    assert "rank-default" not in codes(network_module="lycoris.kohya", network_args="algo=full", network_dim=None)
    assert "base-weights" in codes(base_weights=tmp_path / "none.safetensors")
    lora = train_room.train(settings(words(max_train_steps=1)))
    assert (
        "another kind than LoHa"
        in codes(network_module="lycoris.kohya", network_args="algo=loha", network_weights=lora)["network-weights-kind"]
    )
    with pytest.raises(UserError, match="has 3 numbers"):
        train_room.train(settings(words(network_args="block_weights=1,2,3", job_dir=tmp_path / "x")))


def test_one_sentence_at_the_command_line(words: Words) -> None:
    done = run("train", *words(network_module="lycoris.kohya", network_args="algo=lohaa"), status=2)
    assert "did you mean loha?" in done.stderr and "Traceback" not in done.stderr
