"""LoRA files with holes, numbers that are none, nothing in them, or for other models: one sentence each, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, write
from lora_workbench.trainer_core.commands import main

Tensors = dict[str, torch.Tensor]
DOWN, UP, ALPHA = (f"{BLOCKS['IN04']}.{suffix}" for suffix in ("lora_down.weight", "lora_up.weight", "alpha"))
DOES: dict[str, list[str]] = {
    "resize": ["--new_rank", "1"],
    "bake": ["--block_weights", "OUTD"],
    "cut": ["--rank", "1"],
}


def changed(path: Path, change: Callable[[Tensors], Tensors]) -> Path:
    write(path, "lora")
    save_file({key: tensor.contiguous() for key, tensor in change(load_file(path)).items()}, path)
    return path


def without(tensors: Tensors, key: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if name != key}


def with_number(tensors: Tensors, number: float) -> Tensors:
    tensors[UP][1, 0] = number
    return tensors


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: without(one, UP), "has no lora_up.weight; get the file again"),
        (lambda one: {**one, UP: one[UP][:, :1]}, "are [2, 4] and [6, 1], of other ranks"),
        (lambda one: {**one, UP: one[UP][:, :0], DOWN: one[DOWN][:0]}, "is empty"),
        (lambda one: with_number(one, float("nan")), f"numbers that are not finite in {BLOCKS['IN04']}"),
        (lambda one: with_number(one, float("-inf")), f"numbers that are not finite in {BLOCKS['IN04']}"),
    ],
)
def test_what_is_damaged_is_not_worked_on(change: Any, told: str, tmp_path: Path, capsys: Any) -> None:
    path, good = changed(tmp_path / "a.safetensors", change), tmp_path / "good.safetensors"
    write(good, "lora")
    out, before = tmp_path / "out.safetensors", path.read_bytes()
    commands = [[name, str(path), *words] for name, words in DOES.items()]
    commands.append(["merge", "--models", str(good), str(path), "--ratios", "1", "1"])
    for words in commands:
        assert main([*words, "--out", str(out)]) == 1, words
        error = capsys.readouterr().err
        assert told in error and len(error.splitlines()) == 1, words
    assert not out.exists() and path.read_bytes() == before
    status = main(["inspect", str(path)])
    heard = capsys.readouterr()
    if "finite" in told:
        assert status == 0 and f"note: 1 module holds numbers that are not finite, {BLOCKS['IN04']}" in heard.out
        assert "nan" not in heard.out
    else:
        assert status == 1 and told in heard.err


def test_what_changes_nothing_has_nothing_to_keep(tmp_path: Path, capsys: Any) -> None:
    ups = changed(tmp_path / "ups.safetensors", lambda one: {key: tensor * ("up" not in key) for key, tensor in one.items()})
    alphas = changed(
        tmp_path / "a.safetensors", lambda one: {key: tensor * ("alpha" not in key) for key, tensor in one.items()}
    )
    for path in (ups, alphas):
        assert main(["resize", str(path), "--new_rank", "1"]) == 1
        assert f"{path.name} changes nothing: all of it is 0" in capsys.readouterr().err


def test_loras_for_other_models_are_not_merged(tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "good.safetensors", "lora")
    name = "lora_unet_double_blocks_0_img_attn_proj"
    other = changed(
        tmp_path / "flux.safetensors", lambda one: {key.replace(key.split(".")[0], name): t for key, t in one.items()}
    )
    assert main(["merge", "--models", str(tmp_path / "good.safetensors"), str(other), "--ratios", "1", "1", "--out", "x"]) == 1
    assert f"flux.safetensors is for no Stable Diffusion 1.x, 2.x or XL (it changes {name})" in capsys.readouterr().err
    assert main(["inspect", str(other)]) == 0 and "family:    other" in capsys.readouterr().out
