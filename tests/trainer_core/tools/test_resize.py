"""Fewer ranks: the best that there are, by the Eckart–Young value of the change that is built in full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, module, write
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.networks.format import by_module, read_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.resize import METADATA, Wanted, resize

LINEAR, CONV = "lora_unet_mid_block_attentions_0_proj_in", "lora_unet_down_blocks_0_downsamplers_0_conv"


def lora(rank: int, alpha: float, conv: bool = False, seed: int = 0, fall: float = 0.7) -> dict[str, torch.Tensor]:
    """A module of a weight [24, 20], or [24, 20, 3, 3]; its singular values fall about as `fall` has it."""
    generator = torch.Generator().manual_seed(seed)
    up = torch.randn(24, rank, generator=generator) * fall ** torch.arange(rank)
    down = torch.randn(rank, 20, *([3, 3] if conv else []), generator=generator)
    return {
        "alpha": torch.tensor(alpha),
        "lora_down.weight": down,
        "lora_up.weight": up[:, :, None, None] if conv else up,
    }


def save(path: Path, modules: dict[str, dict[str, torch.Tensor]], **metadata: str) -> Path:
    save_file({f"{name}.{suffix}": one.clone() for name, own in modules.items() for suffix, one in own.items()}, path, metadata)
    return path


def dense(own: dict[str, torch.Tensor]) -> torch.Tensor:
    """The change built in full, in float64, by the definition."""
    up, down = own["lora_up.weight"].double().flatten(1), own["lora_down.weight"].double()
    if "lora_mid.weight" in own:
        built = torch.einsum("rskl,or,si->oikl", own["lora_mid.weight"].double(), up, down.flatten(1))
        return built.flatten(1) * (float(own["alpha"]) / down.shape[0])
    return up @ down.flatten(1) * (float(own["alpha"]) / down.shape[0])


def test_the_error_is_eckart_and_youngs(tmp_path: Path) -> None:
    modules = {LINEAR: lora(16, 4.0), CONV: lora(12, 6.0, conv=True, seed=1)}
    path = save(tmp_path / "in.safetensors", modules)
    before = path.read_bytes()
    done = resize(path, Wanted(5, 3), tmp_path / "out.safetensors")
    made = by_module(read_lora(tmp_path / "out.safetensors")[0])
    squares = 0.0
    for name, rank in ((LINEAR, 5), (CONV, 3)):
        values = torch.linalg.svdvals(dense(modules[name]))
        least = float(values[rank:].square().sum())
        assert float((dense(made[name]) - dense(modules[name])).norm()) == pytest.approx(least**0.5, rel=1e-4)
        assert made[name]["lora_down.weight"].shape == (rank, *modules[name]["lora_down.weight"].shape[1:])
        scale = float(modules[name]["alpha"]) / modules[name]["lora_down.weight"].shape[0]
        assert float(made[name]["alpha"]) == pytest.approx(scale * rank)
        squares += least
    assert done.error == pytest.approx(squares**0.5, rel=1e-4) and done.allowed == pytest.approx(squares**0.5, rel=1e-6)
    assert done.before == pytest.approx(sum(float(dense(own).norm()) ** 2 for own in modules.values()) ** 0.5, rel=1e-6)
    assert (done.modules, done.shortened, done.ranks) == (2, 2, (3, 5)) and path.read_bytes() == before


def test_tuckers_form_is_built_out(tmp_path: Path) -> None:
    modules = {CONV: module("tucker")}
    done = resize(save(tmp_path / "in.safetensors", modules), Wanted(1), tmp_path / "out.safetensors")
    made = by_module(read_lora(tmp_path / "out.safetensors")[0])[CONV]
    assert set(made) == {"alpha", "lora_down.weight", "lora_up.weight"} and made["lora_down.weight"].shape == (1, 4, 3, 3)
    least = float(torch.linalg.svdvals(dense(modules[CONV]))[1:].norm())
    assert float((dense(made) - dense(modules[CONV])).norm()) == pytest.approx(least, rel=1e-4)
    assert done.error == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize(("method", "parameter"), [("sv_ratio", 8.0), ("sv_cumulative", 0.8), ("sv_fro", 0.97)])
def test_dynamic_methods_go_by_singular_values(method: str, parameter: float, tmp_path: Path) -> None:
    modules = {LINEAR: lora(16, 4.0), CONV: lora(12, 6.0, conv=True, seed=1, fall=0.4)}
    path = save(tmp_path / "in.safetensors", modules)
    resize(path, Wanted(16, method=method, parameter=parameter), tmp_path / "out.safetensors")
    tensors, metadata = read_lora(tmp_path / "out.safetensors")
    ranks = []
    for name, own in by_module(tensors).items():
        rank = own["lora_down.weight"].shape[0]
        values = torch.linalg.svdvals(dense(modules[name]))
        if method == "sv_ratio":
            assert values[0] / values[rank - 1] < parameter <= values[0] / values[rank]
        elif method == "sv_cumulative":
            assert values[: rank - 1].sum() < parameter * values.sum() <= values[:rank].sum()
        else:
            assert values[: rank - 1].norm() < parameter * values.norm() <= values[:rank].norm()
        ranks.append(rank)
    assert len(set(ranks)) == 2 and metadata["ss_network_dim"] in map(str, ranks)
    capped = resize(path, Wanted(2, method=method, parameter=parameter), tmp_path / "capped.safetensors")
    assert capped.ranks[1] == 2


def test_what_is_short_enough_or_without_ranks_keeps_its_bytes(tmp_path: Path) -> None:
    norm = {"w_norm": torch.randn(6), "b_norm": torch.randn(6)}
    modules = {LINEAR: lora(8, 2.0), CONV: lora(2, 2.0, conv=True), "lora_unet_down_blocks_0_resnets_0_norm1": norm}
    path = save(tmp_path / "in.safetensors", modules, ss_network_args=json.dumps({"algo": "lora", "conv_dim": "2"}))
    done = resize(path, Wanted(4), tmp_path / "out.safetensors")
    before, after = load_file(path), load_file(tmp_path / "out.safetensors")
    assert all(torch.equal(before[key], after[key]) for key in before if not key.startswith(LINEAR))
    assert (done.shortened, done.others) == (1, 1)
    metadata = read_lora(tmp_path / "out.safetensors")[1]
    assert (metadata["ss_network_dim"], metadata["ss_network_alpha"]) == ("4", "1")
    assert json.loads(metadata["ss_network_args"]) == {"algo": "lora", "conv_dim": "2", "conv_alpha": "2"}


def test_half_precision_stays_and_its_rounding_is_in_the_error(tmp_path: Path) -> None:
    write(tmp_path / "in.safetensors", "lora", torch.bfloat16, ss_output_name="penny")
    done = resize(tmp_path / "in.safetensors", Wanted(1), tmp_path / "out.safetensors")
    tensors, metadata = read_lora(tmp_path / "out.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert metadata["ss_output_name"] == "penny" and json.loads(metadata[METADATA])["new_rank"] == 1
    before = by_module(read_lora(tmp_path / "in.safetensors")[0])
    after = by_module(tensors)
    left = sum(float((dense(before[name]) - dense(after[name])).norm()) ** 2 for name in BLOCKS.values()) ** 0.5
    assert done.error == pytest.approx(left, rel=1e-6) and done.error > done.allowed
    resize(tmp_path / "in.safetensors", Wanted(1, precision="float"), tmp_path / "wide.safetensors")
    assert {tensor.dtype for tensor in load_file(tmp_path / "wide.safetensors").values()} == {torch.float32}


@pytest.mark.parametrize(("kind", "rank", "told"), [("loha", 1, "it is of the kind LoHa"),
                                                    ("dora", 1, "kind DoRA"), ("lora", 2, "Nothing in")])  # fmt: skip
def test_what_cannot_be_shortened_is_refused(kind: str, rank: int, told: str, tmp_path: Path) -> None:
    write(tmp_path / "in.safetensors", kind)
    with pytest.raises(UserError, match=told):
        resize(tmp_path / "in.safetensors", Wanted(rank), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    path = save(tmp_path / "in.safetensors", {LINEAR: lora(16, 4.0)})
    assert main(["resize", str(path), "--new_rank", "4"]) == 0
    said = capsys.readouterr().out
    assert "1 modules: 1 shortened; now rank 4" in said and "these ranks allow" in said
    assert (tmp_path / "in-rank4.safetensors").is_file()
    kohyas = [
        "resize",
        "--model",
        str(path),
        "--dynamic_method",
        "sv_fro",
        "--new_rank",
        "16",
        "--save_to",
        str(tmp_path / "x"),
    ]
    assert main([*kohyas, "--dynamic_param", "0.9"]) == 0 and (tmp_path / "x.safetensors").is_file()
    for words, status, told in (
        ([*kohyas, "--overwrite"], 2, "needs --dynamic_param"),
        ([*kohyas, "--overwrite", "--dynamic_param", "3"], 2, "between 0 and 1"),
        ([*kohyas, "--dynamic_param", "0.9"], 1, "is there already"),
        (["resize", str(path), "--out", str(path), "--overwrite"], 1, "can't be the one"),
        (["resize", str(tmp_path / "none.safetensors")], 1, "There is no model"),
        (["resize"], 2, "give the LoRA's file"),
    ):
        capsys.readouterr()
        assert main(words) == status
        error = capsys.readouterr().err
        assert told in error and len(error.splitlines()) == 1
