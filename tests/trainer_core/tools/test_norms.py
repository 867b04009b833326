"""The lengths of changes against changes that are built in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, KINDS, module, write
from lora_workbench.trainer_core.models.header import CheckpointError
from lora_workbench.trainer_core.tools.norms import block_norms, change_of


def whole(kind: str, t: dict[str, torch.Tensor]) -> torch.Tensor:
    """The change itself by each kind's definition, element by element, in float64."""
    t = {suffix: one.double() for suffix, one in t.items()}
    if kind == "lora":
        return t["lora_up.weight"] @ t["lora_down.weight"] / 2
    if kind == "conv":
        return torch.einsum("or,rikl->oikl", t["lora_up.weight"][:, :, 0, 0], t["lora_down.weight"]) / 2
    if kind == "tucker":
        core, up, down = t["lora_mid.weight"], t["lora_up.weight"][:, :, 0, 0], t["lora_down.weight"][:, :, 0, 0]
        return torch.einsum("rskl,or,si->oikl", core, up, down) / 2
    if kind == "loha":
        return (t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"]) / 2
    if kind == "loha_tucker":
        one, two = (torch.einsum("rskl,ro,si->oikl", t[f"hada_t{n}"], t[f"hada_w{n}_a"], t[f"hada_w{n}_b"]) for n in (1, 2))
        return one * two / 2
    if kind == "lokr":
        return torch.kron(t["lokr_w1"], t["lokr_w2"])
    if kind == "lokr_low":
        return torch.kron(t["lokr_w1_a"] @ t["lokr_w1_b"], t["lokr_w2_a"] @ t["lokr_w2_b"])
    if kind == "lokr_tucker":
        second = torch.einsum("rskl,ro,si->oikl", t["lokr_t2"], t["lokr_w2_a"], t["lokr_w2_b"])
        return torch.kron(t["lokr_w1"][:, :, None, None], second.contiguous()) / 2
    if kind == "glora":
        return t["b2.weight"] @ t["b1.weight"] / 2
    return t["diff"] if kind == "full" else t["w_norm"]


@pytest.mark.parametrize("kind", [one for one in KINDS if one != "ia3"])
def test_lengths_are_those_of_the_change(kind: str) -> None:
    tensors = module(kind)
    found = change_of({suffix: one.numpy() for suffix, one in tensors.items()})
    assert found.norm == pytest.approx(float(whole(kind, tensors).norm()), rel=1e-6)
    assert not found.relative


def test_kinds_that_multiply_are_measured_in_parts_of_the_weights() -> None:
    ia3 = change_of({"weight": np.array([0.1, -0.3], np.float32), "on_input": np.array(False)})
    assert ia3.relative and ia3.norm == pytest.approx((0.05) ** 0.5)
    # Cayley's transform of [[0, a], [-a, 0]] turns by 2·atan(a); ‖R − 1‖ is 2·√2·sin(angle / 2) for each block of two.
    a = 0.25
    oft = change_of({"oft_blocks": np.array([[[0, a], [0, 0]]], np.float32)})
    assert oft.relative and oft.norm == pytest.approx(2 * np.sin(np.arctan(a)), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_shares_by_block(tmp_path: Path, dtype: torch.dtype) -> None:
    modules = write(tmp_path / "a.safetensors", "lora", dtype)
    found = block_norms(tmp_path / "a.safetensors")
    squares = {block: float(whole("lora", own).norm()) ** 2 for block, own in modules.items()}
    assert list(found["blocks"]) == list(BLOCKS)
    for block, square in squares.items():
        assert found["blocks"][block]["share"] == pytest.approx(square / sum(squares.values()), rel=1e-6)
        assert found["blocks"][block]["modules"] == 1
    assert (found["family"], found["length"], found["lines"]) == ("sd1", 17, [])


def test_which_list_fits(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    names = {
        "lora_unet_input_blocks_4_1_proj_in": ("sdxl", 12),
        "lora_unet_input_blocks_2_0_in_layers_2": ("sdxl", 20),
        "lora_unet_down_blocks_0_downsamplers_0_conv": ("sd1", 26),
        "lora_unet_mid_block_attentions_0_transformer_blocks_9_ff_net_2": ("sdxl", 12),
    }
    for name, (family, length) in names.items():
        save_file({f"{name}.{suffix}": one for suffix, one in module("lora").items()}, tmp_path / "one.safetensors")
        found = block_norms(tmp_path / "one.safetensors")
        assert (found["family"], found["length"]) == (family, length), name


def test_dora_and_zeros_are_told(tmp_path: Path) -> None:
    write(tmp_path / "dora.safetensors", "dora")
    assert "DoRA" in block_norms(tmp_path / "dora.safetensors")["lines"][0]
    from safetensors.torch import save_file

    name = BLOCKS["IN04"]
    save_file(
        {f"{name}.lora_down.weight": torch.zeros(2, 4), f"{name}.lora_up.weight": torch.zeros(6, 2)}, tmp_path / "0.safetensors"
    )
    found = block_norms(tmp_path / "0.safetensors")
    assert found["lines"] == ["The file changes nothing: all its numbers are 0."] and found["blocks"]["IN04"]["share"] == 0


def test_what_is_no_lora_is_refused_in_a_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"model.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    torch.save({f"{BLOCKS['IN04']}.lora_down.weight": torch.zeros(2, 4)}, tmp_path / "old.pt")
    (tmp_path / "page.safetensors").write_text("<html>")
    for name, words in {"model.safetensors": "not a LoRA", "old.pt": "file of torch", "page.safetensors": "web page"}.items():
        with pytest.raises(CheckpointError, match=words):
            block_norms(tmp_path / name)
