"""Baking: the file that comes out acts as the one that went in does with block weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, KINDS, write
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.networks.kind_shapes import scale_of
from lora_workbench.trainer_core.networks.weights import bias_difference, changed_weight
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.bake import METADATA, Wanted, bake

# BASE, IN01, 02, 04, 05, 07, 08, M00, OUT03 … OUT11: half, a negative one, nothing, all.
LIST = "0.5,1,1,-0.25,1,1,1,0,1,1,1,1,1,1,1,1,1"
STRENGTHS = {"BASE": 0.5, "IN04": -0.25, "M00": 0.0, "OUT05": 1.0}


def change(own: dict[str, torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    tensors = {suffix: one for suffix, one in own.items() if suffix != "alpha"}
    return changed_weight(tensors, weight, scale_of(tensors, float(own["alpha"]) if "alpha" in own else None)) - weight


def weight_for(kind: str) -> torch.Tensor:
    torch.manual_seed(9)
    shape = (6,) if kind == "norm" else (6, 4, 3, 3) if "tucker" in kind or kind == "conv" else (6, 4)
    return torch.randn(shape)


def read(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """{block: tensors} of a file of BLOCKS."""
    names = {name: block for block, name in BLOCKS.items()}
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(path).items():
        name, _, suffix = key.partition(".")
        found.setdefault(names[name], {})[suffix] = tensor
    return found


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_acts_as_with_block_weights(tmp_path: Path, kind: str) -> None:
    modules = write(tmp_path / "in.safetensors", kind)
    before = (tmp_path / "in.safetensors").read_bytes()
    done = bake(tmp_path / "in.safetensors", Wanted(LIST), tmp_path / "out.safetensors")
    baked, weight = read(tmp_path / "out.safetensors"), weight_for(kind)
    assert set(baked) == {"BASE", "IN04", "OUT05"}
    for block, own in baked.items():
        assert torch.allclose(change(own, weight), STRENGTHS[block] * change(modules[block], weight), atol=1e-5), block
        first, second = bias_difference(own), bias_difference(modules[block])
        assert (first is None) == (second is None)
        assert first is None or torch.allclose(first, STRENGTHS[block] * second)
    assert (done.modules, done.scaled, done.left_out, done.elsewhere) == (4, 2, 1, 0)
    assert (tmp_path / "in.safetensors").read_bytes() == before


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounded_once_from_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    modules = write(tmp_path / "in.safetensors", "lora", dtype)
    bake(tmp_path / "in.safetensors", Wanted(LIST), tmp_path / "out.safetensors")
    baked = read(tmp_path / "out.safetensors")
    for block, own in baked.items():
        expected = (modules[block]["lora_up.weight"].float() * STRENGTHS[block]).to(dtype)
        assert torch.equal(own["lora_up.weight"], expected) and own["lora_up.weight"].dtype == dtype
        assert torch.equal(own["lora_down.weight"], modules[block]["lora_down.weight"])
        assert torch.equal(own["alpha"], modules[block]["alpha"])


def test_what_was_taken_away_is_measured(tmp_path: Path) -> None:
    modules = write(tmp_path / "in.safetensors", "lora")
    done = bake(tmp_path / "in.safetensors", Wanted(LIST), tmp_path / "out.safetensors")
    norms = {block: float(change(own, torch.zeros(6, 4)).norm()) for block, own in modules.items()}
    total = sum(norm**2 for norm in norms.values()) ** 0.5
    assert done.before == pytest.approx(total)
    assert done.after == pytest.approx(sum((STRENGTHS[one] * norm) ** 2 for one, norm in norms.items()) ** 0.5)
    assert done.change == pytest.approx(sum(((1 - STRENGTHS[one]) * norm) ** 2 for one, norm in norms.items()) ** 0.5 / total)


def test_metadata_stays_and_says_what_was_done(tmp_path: Path) -> None:
    write(tmp_path / "in.safetensors", "lora", ss_output_name="penny", sshs_model_hash="old", note="kept")
    bake(tmp_path / "in.safetensors", Wanted("OUTX", 0.5, te=0.5), tmp_path / "out.safetensors")
    told = metadata(tmp_path / "out.safetensors")
    assert (told["ss_output_name"], told["note"]) == ("penny", "kept")
    record = json.loads(told[METADATA])
    assert (record["of"], record["of_sshs_model_hash"], record["block_weights"]) == ("in.safetensors", "old", "OUTX")
    assert record["blocks"] == {"BASE": 0.25, "IN04": 0.5, "M00": 0.5, "OUT05": 1.0}
    content = (tmp_path / "out.safetensors").read_bytes()
    data = content[8 + int.from_bytes(content[:8], "little") :]
    assert told["sshs_model_hash"] == hashlib.sha256(data).hexdigest()
    bake(tmp_path / "out.safetensors", Wanted("ALL0.5"), tmp_path / "again.safetensors")
    assert json.loads(json.loads(metadata(tmp_path / "again.safetensors")[METADATA])["before"]) == record


@pytest.mark.parametrize(
    ("kind", "words", "told"),
    [
        ("lora", "ALL", "nothing in in.safetensors would change: all of its modules have weight 1"),
        ("lora", "NONE", "nothing of in.safetensors would be left"),
        ("lora", "1,1,1", "has 3 numbers"),
        ("lora", "MINE", "there is no preset 'MINE'"),
        ("lora", "OUTX", "has X: give its value"),
        ("dora", LIST, "kind DoRA, which can be baked with blocks of weight 0 and 1 alone, and BASE has 0.5"),
        ("oft", LIST, "kind OFT"),
    ],
)
def test_what_cannot_be_baked_is_refused(tmp_path: Path, kind: str, words: str, told: str) -> None:
    write(tmp_path / "in.safetensors", kind)
    with pytest.raises(UserError, match=told.replace("(", r"\(")):
        bake(tmp_path / "in.safetensors", Wanted(words), tmp_path / "out.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["in.safetensors"]


def test_turning_kinds_can_lose_whole_blocks(tmp_path: Path) -> None:
    write(tmp_path / "in.safetensors", "boft")
    done = bake(tmp_path / "in.safetensors", Wanted("OUTALL"), tmp_path / "out.safetensors")
    assert set(read(tmp_path / "out.safetensors")) == {"BASE", "OUT05"} and done.left_out == 2


def test_more_than_half_can_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in.safetensors", "lora", torch.float16)
    with pytest.raises(UserError, match="more than F16 can hold"):
        bake(tmp_path / "in.safetensors", Wanted("ALL0.5", unet=1e6), tmp_path / "out.safetensors")


def test_in_no_block_only_the_units_strength_counts(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    module = {"lora_down.weight": torch.ones(1, 2), "lora_up.weight": torch.ones(2, 1)}
    names = ("lora_unet_time_embedding_linear_1", BLOCKS["IN04"])
    save_file(
        {f"{name}.{suffix}": one.clone() for name in names for suffix, one in module.items()}, tmp_path / "in.safetensors"
    )
    done = bake(tmp_path / "in.safetensors", Wanted("NONE", unet=0.5), tmp_path / "out.safetensors")
    left = load_file(tmp_path / "out.safetensors")
    assert set(left) == {f"{names[0]}.lora_down.weight", f"{names[0]}.lora_up.weight"} and done.elsewhere == 1
    assert left[f"{names[0]}.lora_up.weight"].tolist() == [[0.5], [0.5]]


def run(capsys: Any, *words: str) -> tuple[int, str, str]:
    status = main(["bake", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    path, data = tmp_path / "in.safetensors", tmp_path / "data"
    write(path, "lora")
    data.mkdir()
    (data / "lbwpresets.txt").write_text(f"MINE:{LIST}\n", encoding="utf-8")
    status, out, _ = run(capsys, str(path), "--block_weights", "MINE", "--data_dir", str(data))
    assert status == 0 and "4 modules: 2 scaled, 1 left out" in out and str(tmp_path / "in-MINE.safetensors") in out
    assert run(capsys, str(path), "--block_weights", "MINE", "--data_dir", str(data))[0] == 0
    assert (tmp_path / "in-MINE-2.safetensors").is_file()
    status, out, _ = run(
        capsys, str(path), "--block_weights", ",".join(LIST.split(",")[:17]), "--out", str(tmp_path / "x" / "y")
    )
    assert status == 0 and (tmp_path / "x" / "y.safetensors").is_file()


def test_the_command_replaces_nothing_unasked(tmp_path: Path, capsys: Any) -> None:
    path, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    write(path, "lora")
    out.write_text("mine")
    words = (str(path), "--block_weights", "OUTX", "--x", "0.5", "--out")
    status, _, error = run(capsys, *words, str(out))
    assert status == 1 and "is there already" in error and out.read_text() == "mine"
    assert run(capsys, *words, str(out), "--overwrite")[0] == 0 and out.stat().st_size > 100
    status, _, error = run(capsys, *words, str(path), "--overwrite")
    assert status == 1 and "can't be the one" in error
    assert run(capsys, *words, str(out), "--te", "nan")[0] == 2
    assert run(capsys, str(tmp_path / "no.safetensors"), "--block_weights", "ALL0.5")[0] == 1
