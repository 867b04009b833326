"""LoRA files on a model for sampling: the same as the attached network, and taken off without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lora_workbench.tests.trainer_core.networks.making import chosen, filled, lora_network, network_of
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.models.text import encode, tokenize
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.block_weights import parse_block_weights
from lora_workbench.trainer_core.networks.blocks import block_of
from lora_workbench.trainer_core.networks.format import save_lora
from lora_workbench.trainer_core.networks.targets import lora_targets
from lora_workbench.trainer_core.problems import UserError


@torch.no_grad()
def outputs(model: object) -> tuple[torch.Tensor, torch.Tensor]:
    states = encode(model.text_encoder, tokenize(model.tokenizer, ["a cat"]))
    torch.manual_seed(0)
    return states, model.unet(torch.randn(1, 4, 8, 8), torch.tensor([300]), torch.randn(1, 77, 64)).sample


def test_applied_equals_the_attached_network_and_leaves_no_trace(tmp_path: Path, model: object, random_base: Path) -> None:
    network = lora_network(
        model, lora_targets(read_header(random_base), conv=True), rank=4, alpha=2, conv_dim=2, conv_alpha=1, seed=0
    )
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.1)
    save_lora(tmp_path / "a.safetensors", network.tensors(), {})
    network.set_multiplier(text_encoder=0.5, unet=0.8)
    expected = outputs(model)
    network.set_multiplier(text_encoder=1.0, unet=1.3)
    twice = outputs(model)
    network.detach()
    before = outputs(model)
    with applied(model, [(tmp_path / "a.safetensors", 0.5, 0.8)]):
        for one, two in zip(outputs(model), expected, strict=True):
            assert torch.allclose(one, two, atol=1e-4)
    with applied(model, [(tmp_path / "a.safetensors", 0.5, 0.8), (tmp_path / "a.safetensors", 0.5, 0.5)]):
        for one, two in zip(outputs(model), twice, strict=True):
            assert torch.allclose(one, two, atol=1e-4)
    assert (before[1] - expected[1]).abs().max() > 0.01
    assert all(torch.equal(one, two) for one, two in zip(outputs(model), before, strict=True))


def test_a_lora_of_another_model_is_refused_and_leaves_no_trace(tmp_path: Path, model: object) -> None:
    before = outputs(model)
    own = {
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": torch.ones(1, 128, 1, 1),
        "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": torch.ones(128, 1, 1, 1),
    }
    other = {
        "lora_unet_input_blocks_4_1_proj_in.lora_down.weight": torch.ones(1, 8),
        "lora_unet_input_blocks_4_1_proj_in.lora_up.weight": torch.ones(8, 1),
    }
    wide = {name: tensor.repeat_interleave(2, 1 if "down" in name else 0) for name, tensor in own.items()}
    for number, (content, words) in enumerate([({**own, **other}, "isn't for this model"), (wide, "doesn't fit this model")]):
        path = tmp_path / f"{number}.safetensors"
        save_lora(path, content, {})
        with pytest.raises(UserError, match=words), applied(model, [(path, 1.0, 1.0)]):
            pass
    assert all(torch.equal(one, two) for one, two in zip(outputs(model), before, strict=True))


def test_block_weights_act_on_each_module_of_their_block(tmp_path: Path, model: object, random_base: Path) -> None:
    """The same as a file whose ups are multiplied by their blocks' weights; what is in no block keeps its strength."""
    choice = chosen(random_base, "lycoris.kohya", "algo=locon")
    network = filled(network_of(model, choice))
    network.detach()
    tensors = network.tensors()
    weights = parse_block_weights("0.5," + ",".join(["0"] * 14 + ["0.25"] * 11), "sd1", whole=True).values
    by_hand = dict(tensors)
    for name, tensor in tensors.items():
        if name.endswith("lora_up.weight") and (block := block_of(name)) is not None:
            by_hand[name] = tensor * weights[block]
    save_lora(tmp_path / "a.safetensors", tensors, {})
    save_lora(tmp_path / "b.safetensors", by_hand, {})
    with applied(model, [(tmp_path / "b.safetensors", 0.8, 0.9)]):
        expected = outputs(model)
    with applied(model, [(tmp_path / "a.safetensors", 0.8, 0.9, weights)]):
        for one, two in zip(outputs(model), expected, strict=True):
            torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)
    with applied(model, [(tmp_path / "a.safetensors", 0.8, 0.9)]):
        assert (outputs(model)[1] - expected[1]).abs().max() > 0.01
