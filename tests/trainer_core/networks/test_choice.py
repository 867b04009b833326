"""Which modules are trained, at which rank and rate: block weights, kohya's words for blocks, LyCORIS' presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.trainer_core.networks.making import chosen, network_of
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.networks.blocks import NAMES, block_of
from lora_workbench.trainer_core.networks.choice import Choice, choose_network
from lora_workbench.trainer_core.networks.kind_shapes import factorization, power_of_two_factorization
from lora_workbench.trainer_core.networks.kind_targets import PRESETS, kind_targets
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings


def blocks(choice: Choice) -> set[str | None]:
    return {block_of(one.target.name) for one in choice.placed}


def rates(choice: Choice) -> dict[str | None, float]:
    return {block_of(one.target.name): one.rate for one in choice.placed}


def test_a_block_of_weight_0_has_no_modules(random_base: Path) -> None:
    choice = chosen(random_base, "networks.lora", "block_weights=OUTALL")
    assert blocks(choice) == {"BASE", *(name for name in NAMES[17] if name.startswith("OUT"))}
    assert choice.rates() == {1.0}
    alone = chosen(random_base, "networks.lora", "block_weights=0," + ",".join(["0"] * 15 + ["1"]))
    assert blocks(alone) == {"OUT11"}


def test_other_weights_are_factors_of_the_rate(random_base: Path) -> None:
    choice = chosen(random_base, "networks.lora", "block_weights=OUTX", "x=0.2")
    assert choice.rates() == {0.2, 1.0} and rates(choice)["IN01"] == 0.2 and rates(choice)["OUT05"] == 1.0
    model = load_model(random_base)
    network = network_of(model, choice)
    groups = [group for part in ("text_encoder", "unet") for group in network.groups(part)]
    assert {(group.part, group.factor, group.is_up) for group in groups} == {
        ("text_encoder", 0.2, False), ("text_encoder", 0.2, True),
        ("unet", 0.2, False), ("unet", 0.2, True), ("unet", 1.0, False), ("unet", 1.0, True),
    }  # fmt: skip
    assert sum(len(group.parameters) for group in groups) == len(list(network.parameters()))
    network.detach()


def test_what_is_in_no_block_goes_with_the_smallest(random_base: Path) -> None:
    everything = chosen(random_base, "lycoris.kohya", "algo=locon")
    assert None in blocks(everything)
    assert None not in blocks(chosen(random_base, "lycoris.kohya", "algo=locon", "block_weights=OUTALL"))
    assert rates(chosen(random_base, "lycoris.kohya", "algo=locon", "block_weights=OUTX", "x=0.2"))[None] == 0.2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("down_lr_weight=0,0,0,0,0,0,0,0,0,0,0,0", "mid_lr_weight=0"), {"IN01": None, "M00": None, "OUT03": 1.0}),
        (("up_lr_weight=zeros",), {"IN01": 1.0, "M00": 1.0, "OUT03": None}),
        (("up_lr_weight=zeros+.5",), {"OUT03": 0.5, "OUT11": 0.5}),
        (("down_lr_weight=linear",), {"IN01": 1 / 11, "IN08": 8 / 11, "OUT03": 1.0}),
        (("down_lr_weight=reverse_linear+.25",), {"IN01": 10 / 11 + 0.25, "IN08": 3 / 11 + 0.25}),
        (("up_lr_weight=sine",), {"OUT03": 0.4154150130, "OUT11": 1.0}),
        (("up_lr_weight=cosine",), {"OUT03": 0.9096319954, "OUT11": None}),
        (("up_lr_weight=1,1,1,.5",), {"OUT03": 0.5, "OUT04": 1.0}),
        (("up_lr_weight=sine", "block_lr_zero_threshold=0.9"), {"OUT03": None, "OUT11": 1.0}),
        (("mid_lr_weight=0.5",), {"M00": 0.5, "IN01": 1.0}),
    ],
)
def test_kohyas_words(words: tuple[str, ...], expected: dict[str, float | None], random_base: Path) -> None:
    found = rates(chosen(random_base, "networks.lora", *words))
    for block, rate in expected.items():
        assert found.get(block) == (None if rate is None else pytest.approx(rate))


def test_kohyas_words_for_sdxl(tiny_sdxl: Path) -> None:
    choice = chosen(tiny_sdxl, "networks.lora", "conv_dim=2", "mid_lr_weight=0.5,0,0.25", "down_lr_weight=zeros")
    middle = {one.target.name: one.rate for one in choice.placed if block_of(one.target.name) == "M00"}
    assert {rate for name, rate in middle.items() if "middle_block_0" in name} == {0.5}
    assert not any("middle_block_1" in name for name in middle)
    assert {rate for name, rate in middle.items() if "middle_block_2" in name} == {0.25}
    assert not any(block and block.startswith("IN") for block in blocks(choice))


def test_ranks_and_alphas_of_blocks(random_base: Path) -> None:
    dims = ["0"] * 25
    dims[1], dims[12], dims[24] = "2", "6", "8"
    alphas = ["1"] * 24 + ["4"]
    choice = chosen(random_base, "networks.lora", f"block_dims={','.join(dims)}", f"block_alphas={','.join(alphas)}")
    own = {block_of(one.target.name): (one.rank, one.alpha) for one in choice.placed}
    assert own == {"BASE": (4, 2.0), "IN01": (2, 1.0), "M00": (6, 1.0), "OUT11": (8, 4.0)}
    conv = chosen(
        random_base, "networks.lora", f"block_dims={','.join(['2'] * 25)}", f"conv_block_dims={','.join(['3'] * 24 + ['0'])}"
    )
    wide = {block_of(one.target.name): one.rank for one in conv.placed if one.target.kernel > 1}
    assert set(wide.values()) == {3} and "OUT11" not in wide and "IN03" in wide


def test_alpha_0_is_the_rank_of_each_block(random_base: Path) -> None:
    words = (f"block_dims={','.join(['2'] * 25)}", f"conv_block_dims={','.join(['3'] * 25)}", "conv_dim=5", "conv_alpha=0")
    choice = chosen(random_base, "networks.lora", *words, network_alpha=0)
    assert {(one.target.part, one.rank, one.alpha) for one in choice.placed if one.target.kernel == 1} == {
        ("text_encoder", 4, 4.0),
        ("unet", 2, 2.0),
    }
    assert {(one.rank, one.alpha) for one in choice.placed if one.target.kernel > 1} == {(3, 3.0)}


def test_ranks_of_blocks_for_sdxl(tiny_sdxl: Path) -> None:
    dims = ["0"] * 23
    dims[5], dims[11], dims[13] = "2", "3", "5"
    choice = chosen(tiny_sdxl, "networks.lora", f"block_dims={','.join(dims)}", network_train_unet_only=True)
    assert {block_of(one.target.name): one.rank for one in choice.placed} == {"IN04": 2, "M00": 3, "OUT00": 5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("block_weights=NONE",), "the weights of all blocks are 0"),
        (("block_weights=OUTALL", "mid_lr_weight=0"), "can't be given together"),
        (("x=0.5",), "x is for block_weights"),
        (("block_weights=-1" + ",1" * 16,), "a number below 0"),
        (("down_lr_weight=sin",), "down_lr_weight has 'sin'"),
        (("block_dims=1,2",), "block_dims has 2 numbers, but this model's lists have 25"),
        (("block_dims=" + ",".join(["1.5"] * 25),), "whole numbers"),
        (("block_presets=/none.txt", "block_weights=ALL"), "there is no file /none.txt"),
        (("conv_block_alphas=" + ",".join(["1"] * 25),), "conv_block_alphas needs conv_block_dims"),
    ],
)
def test_wrong_words_are_one_sentence(words: tuple[str, ...], message: str, random_base: Path) -> None:
    with pytest.raises(UserError, match=message):
        chosen(random_base, "networks.lora", *words)


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (("networks.dylora", "unit=3"), {}, "must be a multiple of DyLoRA's unit, 3"),
        (("networks.dylora", "conv_dim=8"), {}, "conv_dim must equal network_dim, 4"),
        (("networks.oft",), {"network_dim": 7}, "can't be cut into network_dim 7 blocks"),
        (("lycoris.kohya", "algo=boft"), {"network_dim": 1}, "give a larger network_dim"),
    ],
)
def test_ranks_that_a_kind_cannot_have(
    words: tuple[str, ...], settings: dict[str, Any], message: str, random_base: Path
) -> None:
    with pytest.raises(UserError, match=message):
        chosen(random_base, *words, **settings)


def test_presets_of_ones_own(random_base: Path, tmp_path: Path, own_data_folder: Path) -> None:
    line = "mine:" + ",".join(["0"] * 16 + ["0.5"])
    (tmp_path / "a.txt").write_text(line, encoding="utf-8")
    assert rates(chosen(random_base, "networks.lora", "block_weights=mine", f"block_presets={tmp_path / 'a.txt'}")) == {
        "OUT11": 0.5
    }
    own_data_folder.mkdir()
    (own_data_folder / "lbwpresets.txt").write_text(line.replace("0.5", "0.25"), encoding="utf-8")
    assert rates(chosen(random_base, "networks.lora", "block_weights=mine")) == {"OUT11": 0.25}


def test_nothing_is_computed_below_the_lowest_trained_block(random_base: Path) -> None:
    """With OUT blocks alone and frozen text, no gradient comes to what lies before them; with checkpointing neither."""
    model = load_model(random_base, parts=("text_encoder", "unet"))
    choice = chosen(random_base, "networks.lora", "block_weights=OUTALL", network_train_unet_only=True)
    network = network_of(model, choice)
    network.train()
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.loras.values():
            module.take("lora_up.weight", torch.randn(module.numbers()["lora_up.weight"].shape) * 0.1)
    noisy, states = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 64)
    needed: dict[str, bool] = {}
    hooks = [
        getattr(model.unet, name).register_forward_hook(lambda _m, _i, out, name=name: needed.update({name: _needs(out)}))
        for name in ("conv_in", "mid_block", "conv_out")
    ]
    hooks += [
        block.register_forward_hook(lambda _m, _i, out, name=f"down{number}": needed.update({name: _needs(out)}))
        for number, block in enumerate(model.unet.down_blocks)
    ]
    found = []
    for checkpointing in (False, True):
        if checkpointing:
            model.unet.enable_gradient_checkpointing()
        model.unet.train(checkpointing)
        network.zero_grad(set_to_none=True)
        model.unet(noisy, torch.tensor([400]), states).sample.square().mean().backward()
        assert needed == {name: name == "conv_out" for name in needed} and len(needed) == 7
        found.append([parameter.grad.clone() for parameter in network.parameters()])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two)
        assert one.any()
    for hook in hooks:
        hook.remove()
    network.detach()


def _needs(out: Any) -> bool:
    tensors = (
        [out] if isinstance(out, torch.Tensor) else [one for part in out for one in ([part] if torch.is_tensor(part) else part)]
    )
    return any(tensor.requires_grad for tensor in tensors)


def test_presets_go_to_the_modules_that_lycoris_goes_to(random_base: Path) -> None:
    """With its own targets mended (today's classes, text encoder names), LyCORIS makes the same modules."""
    model = load_model(random_base, parts=("text_encoder", "unet"))
    header = read_header(random_base)
    from lycoris.kohya import LycorisNetworkKohya

    kept = {name: getattr(LycorisNetworkKohya, name) for name in dir(LycorisNetworkKohya) if name.isupper()}
    unet = ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"]
    ends = ["conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"]
    tried = {
        "full": {"unet_target_module": unet, "unet_target_name": ends, "enable_conv": True},
        "full-lin": {"unet_target_module": unet[:2], "unet_target_name": ends[2:], "enable_conv": False},
        "attn-mlp": {"unet_target_module": unet[:1], "unet_target_name": [], "enable_conv": False},
        "attn-only": {"unet_target_module": ["Attention"], "unet_target_name": [], "enable_conv": False},
    }
    try:
        for name, preset in tried.items():
            LycorisNetworkKohya.apply_preset(preset)
            theirs = LycorisNetworkKohya(model.text_encoder, model.unet, lora_dim=4, conv_lora_dim=4, network_module="locon")
            ours = kind_targets(header, PRESETS[name], text_encoder=False, conv=bool(preset["enable_conv"]))
            assert {one.name for one in ours} == {one.lora_name for one in theirs.unet_loras}, name
    finally:
        for attribute, value in kept.items():
            setattr(LycorisNetworkKohya, attribute, value)


def test_presets_for_ia3_and_norms(random_base: Path) -> None:
    header = read_header(random_base)
    ia3 = {one.module.rpartition(".")[2] for one in kind_targets(header, PRESETS["ia3"])}
    assert ia3 == {"to_k", "to_v", "2", "k_proj", "v_proj", "fc2"}
    norms = [one for one in kind_targets(header, PRESETS["full"], norms=True) if one.kind == "norm"]
    assert all(".resnets." in one.module or ".attentions." in one.module for one in norms) and len(norms) == 108
    assert all(one.part == "unet" and one.bias for one in norms)


def test_factors_are_those_of_lycoris() -> None:
    from lycoris.functional.general import factorization as theirs
    from lycoris.functional.general import power2factorization

    for size in (1, 7, 31, 64, 127, 128, 250, 320, 360, 640, 768, 1280, 1920, 2560, 5120):
        for factor in (-1, 1, 2, 3, 4, 8, 16, 64):
            assert factorization(size, factor) == theirs(size, factor)
            if factor > 0:
                found, count = power2factorization(size, factor)
                assert power_of_two_factorization(size, factor) == ((found, count) if count else (0, 0))


def test_notices(random_base: Path) -> None:
    def told(*words: str, **settings: Any) -> str:
        given = {"pretrained_model_name_or_path": str(random_base), "network_module": "lycoris.kohya", **settings}
        return " ".join(choose_network(Settings.of(network_args=list(words), **given), read_header(random_base)).notices)

    assert "network_alpha does nothing with GLoRA" in told("algo=glora", network_alpha=2)
    assert "network_dim does nothing with (IA)^3" in told("algo=ia3", network_dim=2)
    assert "network_dropout does nothing with LoHa" in told("algo=loha", network_dropout=0.1)
    assert "bypass_mode" in told("algo=loha", "bypass_mode=true")
    assert told("algo=locon", network_dropout=0.1, network_dim=4, network_alpha=2) == ""
