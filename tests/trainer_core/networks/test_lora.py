"""What the LoRA modules compute: against the delta merged into the weight, autograd's formula and LyCORIS."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lora_workbench.tests.trainer_core.networks.making import filled, lora_network, lora_shapes, placed
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.models.text import encode, tokenize
from lora_workbench.trainer_core.networks.lora import LoraModule
from lora_workbench.trainer_core.networks.network import Network
from lora_workbench.trainer_core.networks.targets import Target, lora_targets
from lora_workbench.trainer_core.problems import UserError

LINEAR = Target("lora_unet_a", "unet", "a", "linear", 6, 5)
CONV = Target("lora_unet_a", "unet", "a", "conv", 6, 5, 3)
POINT = Target("lora_unet_a", "unet", "a", "conv", 6, 5, 1)


def network_on(model: object, base: Path, conv: bool = False, **more: object) -> Network:
    options = {"rank": 4, "alpha": 2.0, "seed": 1, **({"conv_dim": 3, "conv_alpha": 1.5} if conv else {}), **more}
    return lora_network(model, lora_targets(read_header(base), conv=conv), **options)


def alone(target: Target, rank: int = 4, alpha: float = 2.0, **options: float) -> tuple[LoraModule, nn.Module]:
    torch.manual_seed(0)
    base = (
        nn.Linear(6, 5)
        if target.kind == "linear"
        else nn.Conv2d(6, 5, target.kernel, stride=2 if target.kernel > 1 else 1, padding=target.kernel // 2)
    )
    base.requires_grad_(False)
    module = LoraModule(placed(target, rank, alpha), base, seed=0)
    nn.init.normal_(module.up)
    for name, value in options.items():
        setattr(module, name, value)
    module.attach()
    return module, base


def merged(module: LoraModule) -> torch.Tensor:
    delta = module.up.flatten(1) @ module.down.flatten(1) * module.alpha / module.rank
    return module.base.weight + module.multiplier * delta.view(module.base.weight.shape)


def plain(module: LoraModule, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    base = module.base
    if module.target.kind == "linear":
        return nn.functional.linear(x, weight, base.bias)
    return nn.functional.conv2d(x, weight, base.bias, base.stride, base.padding)


INPUTS = {"linear": (2, 7, 6), "conv": (2, 6, 8, 8)}


@pytest.mark.parametrize("target", [LINEAR, POINT, CONV])
def test_forward_and_gradients_equal_the_merged_weights(target: Target) -> None:
    """With W' = W + s·U·D and G = dL/dW': dL/dU = s·G·Dᵀ, dL/dD = s·Uᵀ·G, and dL/dx is the merged layer's."""
    module, base = alone(target)
    module.multiplier = 0.7
    x = torch.randn(INPUTS[target.kind], requires_grad=True)
    other = x.detach().clone().requires_grad_()
    out = base(x)
    weights = torch.randn_like(out)
    (out * weights).sum().backward()

    full = merged(module).detach().requires_grad_()
    expected = plain(module, full, other)
    (expected * weights).sum().backward()
    scale, gradient = 0.7 * 2.0 / 4, full.grad.flatten(1)
    assert torch.allclose(out, expected, atol=1e-5)
    assert torch.allclose(x.grad, other.grad, atol=1e-5)
    assert torch.allclose(module.up.grad.flatten(1), scale * gradient @ module.down.flatten(1).T, atol=1e-4)
    assert torch.allclose(module.down.grad.flatten(1), scale * module.up.flatten(1).T @ gradient, atol=1e-4)
    assert base.weight.grad is None


@pytest.mark.parametrize("target", [LINEAR, CONV])
def test_forward_equals_lycoris(target: Target) -> None:
    from lycoris.modules.locon import LoConModule

    module, base = alone(target)
    x = torch.randn(INPUTS[target.kind])
    ours = base(x)
    module.detach()
    theirs = LoConModule("a", base, 1.0, lora_dim=4, alpha=2.0)
    theirs.lora_down.weight.data, theirs.lora_up.weight.data = module.down.data, module.up.data
    theirs.apply_to()
    assert torch.allclose(ours, base(x), atol=1e-5)


def test_bf16_autocast_gives_the_base_layers_dtype_and_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    for target in (LINEAR, POINT, CONV):
        module, base = alone(target)
        x = torch.randn(INPUTS[target.kind])
        expected = base(x)
        with torch.autocast("cpu", torch.bfloat16):
            out = base(x)
        assert out.dtype == torch.bfloat16 and torch.allclose(out.float(), expected, atol=0.1)
        out.float().sum().backward()
        assert module.up.grad.dtype == torch.float32 and module.up.grad.abs().sum() > 0


def test_a_new_network_changes_nothing_and_its_start_is_kaiming_uniform(model: object, random_base: Path) -> None:
    ids = tokenize(model.tokenizer, ["a cat"])
    with torch.no_grad():
        before = encode(model.text_encoder, ids)
        network = network_on(model, random_base, conv=True)
        assert torch.equal(encode(model.text_encoder, ids), before)
    for module in network.loras.values():
        assert not module.up.any()
        bound = (module.base.weight[0].numel()) ** -0.5
        assert module.down.abs().max() <= bound and module.down.std().item() == pytest.approx(bound / 3**0.5, rel=0.25)


def test_the_start_is_keyed_by_seed_and_name_not_by_what_else_is_trained(model: object, random_base: Path) -> None:
    whole = network_on(model, random_base).tensors()
    header = read_header(random_base)
    part = lora_network(model, lora_targets(header, text_encoder=False), rank=4, alpha=1, seed=1).tensors()
    other = lora_network(model, lora_targets(header, text_encoder=False), rank=4, alpha=1, seed=2).tensors()
    downs = [name for name in part if name.endswith("lora_down.weight")]
    assert all(torch.equal(part[name], whole[name]) for name in downs)
    assert not any(torch.equal(part[name], other[name]) for name in downs)
    assert len({part[name].flatten()[0].item() for name in downs}) == len(downs)


def unet_output(model: object, states: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.no_grad():
        return model.unet(torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), states).sample


def test_multiplier_zero_and_detach_give_the_base_back(model: object, random_base: Path) -> None:
    states = torch.randn(2, 77, 64)
    base = unet_output(model, states)
    network = filled(network_on(model, random_base, conv=True))
    full = unet_output(model, states)
    assert (full - base).abs().max() > 0.01
    network.set_multiplier(text_encoder=1, unet=0)
    assert torch.equal(unet_output(model, states), base)
    assert "forward" not in model.unet.mid_block.attentions[0].proj_in.__dict__
    network.set_multiplier(text_encoder=0, unet=1)
    assert torch.equal(unet_output(model, states), full)
    network.detach()
    assert torch.equal(unet_output(model, states), base)
    assert not any("forward" in module.__dict__ for part in (model.unet, model.text_encoder) for module in part.modules())


def test_the_whole_model_equals_one_with_merged_weights(model: object, random_base: Path) -> None:
    network = filled(network_on(model, random_base, conv=True))
    states = torch.randn(2, 77, 64)
    out = unet_output(model, states)
    network.detach()
    for module in network.loras.values():
        module.base.weight.data = merged(module).detach()
    assert torch.allclose(unet_output(model, states), out, atol=1e-4)


def test_no_gradient_flows_below_the_first_trained_module(model: object, random_base: Path) -> None:
    filled(lora_network(model, lora_targets(read_header(random_base), text_encoder=False), rank=2, alpha=2, seed=0))
    states = encode(model.text_encoder, tokenize(model.tokenizer, ["a cat", "x"]))
    assert not states.requires_grad
    seen = {}
    block = model.unet.down_blocks[0]
    for name, module in (("resnet", block.resnets[0]), ("proj_in", block.attentions[0].proj_in)):
        module.register_forward_hook(lambda _module, _inputs, output, name=name: seen.__setitem__(name, output.requires_grad))
    model.unet(torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), states)
    assert seen == {"resnet": False, "proj_in": True}


def test_clip_skip_leaves_the_last_layers_modules_in_the_file_with_zero_up(model: object, random_base: Path) -> None:
    network = network_on(model, random_base)
    with torch.no_grad():
        for module in network.part("text_encoder"):
            module.up.normal_()
        for module in network.part("text_encoder")[-6:]:
            module.up.zero_()
    encode(model.text_encoder, tokenize(model.tokenizer, ["a cat"]), clip_skip=2).square().sum().backward()
    untouched = {
        name for name, module in network.loras.items() if module.target.part == "text_encoder" and module.up.grad is None
    }
    assert untouched == {name for name in network.loras if "_layers_2_" in name} and len(untouched) == 6
    assert untouched == {
        name.split(".")[0]
        for name, tensor in network.tensors().items()
        if name.endswith("lora_up.weight") and "lora_te" in name and not tensor.any()
    }


def test_gradient_checkpointing_gives_the_same_gradients(model: object, random_base: Path) -> None:
    from lora_workbench.trainer_core.models.memory import prepare_for_training

    network = filled(network_on(model, random_base, dropout=0.2, rank_dropout=0.3, module_dropout=0.2))
    ids, latents, steps = tokenize(model.tokenizer, ["a cat", "x"]), torch.randn(2, 4, 8, 8), torch.tensor([3, 700])

    def gradients() -> list[torch.Tensor | None]:
        network.zero_grad()
        torch.manual_seed(5)
        model.unet(latents, steps, encode(model.text_encoder, ids)).sample.square().mean().backward()
        return [None if one.grad is None else one.grad.clone() for one in network.parameters()]

    before = gradients()
    prepare_for_training(model, SimpleNamespace(xformers=False, gradient_checkpointing=True), torch.device("cpu"))
    calls = []
    model.unet.up_blocks[1].resnets[1].register_forward_pre_hook(lambda *_: calls.append("unet"))
    layer = getattr(model.text_encoder, "text_model", model.text_encoder).encoder.layers[0]
    layer.register_forward_pre_hook(lambda *_: calls.append("text"))
    after = gradients()
    assert calls == ["text", "unet", "unet", "text"]  # run again in the backward pass
    for one, two in zip(before, after, strict=True):
        assert (one is None) == (two is None) and (one is None or torch.allclose(one, two, atol=1e-6))


def test_rank_dropout_drops_ranks_per_picture_and_makes_up_for_them() -> None:
    """up and down chosen so that output r is rank r of the hidden values: each is 0 or 1/(1-p) times itself."""
    for target in (LINEAR, CONV):
        module, base = alone(target, rank=5, alpha=5.0, rank_dropout=0.4)
        with torch.no_grad():
            base.weight.zero_()
            base.bias.zero_()
            module.up.copy_(torch.eye(5).view(module.up.shape))
        x = torch.randn(400, 3, 6) if target.kind == "linear" else torch.randn(400, 6, 4, 4)
        module.eval()
        full = base(x)
        module.train()
        ratio = base(x) / full
        ratio = ratio.flatten(1, -2) if target.kind == "linear" else ratio.flatten(2).transpose(1, 2)
        assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-3)  # the same for all tokens of a picture
        values = ratio[:, 0]
        assert ((values.abs() < 1e-3) | ((values - 1 / 0.6).abs() < 1e-2)).all()
        assert (values.abs() < 1e-3).float().mean() == pytest.approx(0.4, abs=0.05)
        assert len(values.round(decimals=1).unique(dim=0)) > 20


def test_dropout_drops_single_values_and_module_dropout_whole_modules() -> None:
    module, base = alone(LINEAR, rank=5, alpha=5.0, dropout=0.3)
    with torch.no_grad():
        base.weight.zero_()
        base.bias.zero_()
        module.up.copy_(torch.eye(5))
    x = torch.randn(200, 5, 6)
    full = base.eval() and module.eval() and base(x)
    module.train()
    ratio = base(x) / full
    assert (ratio.abs() < 1e-3).float().mean() == pytest.approx(0.3, abs=0.03)
    assert ((ratio.abs() < 1e-3) | ((ratio - 1 / 0.7).abs() < 1e-2)).all()

    module, base = alone(LINEAR, module_dropout=0.25)
    x = torch.randn(2, 3, 6)
    without, whole = plain(module, base.weight, x), plain(module, merged(module), x)
    outs = [base(x) for _ in range(400)]
    left_out = [torch.allclose(out, without, atol=1e-6) for out in outs]
    assert all(one or torch.allclose(out, whole, atol=1e-5) for one, out in zip(left_out, outs, strict=True))
    assert sum(left_out) / 400 == pytest.approx(0.25, abs=0.08)
    module.eval()
    assert not any(torch.allclose(base(x), without, atol=1e-6) for _ in range(50))


def test_scale_weight_norms_against_the_whole_product(model: object, random_base: Path) -> None:
    network = filled(network_on(model, random_base, conv=True))
    with torch.no_grad():
        for number, module in enumerate(network.loras.values()):
            module.up.mul_(number % 5)
    products = [(merged(module) - module.base.weight).detach() for module in network.loras.values()]
    norms = torch.stack([product.norm() for product in products])
    limit = norms.median().item()
    said = network.scale_weight_norms(limit)
    after = norms.clamp(max=limit)
    assert said["keys_scaled"] == int((norms > limit).sum()) > 50
    assert said["average_norm"] == pytest.approx(after.mean().item(), rel=1e-4)
    assert said["maximum_norm"] == pytest.approx(limit, rel=1e-4)
    for module, product, norm, new in zip(network.loras.values(), products, norms, after, strict=True):
        now = merged(module) - module.base.weight
        assert torch.allclose(now, product * (new / norm.clamp(min=1e-12)), atol=1e-5)


def test_file_tensors_are_kohyas(model: object, random_base: Path) -> None:
    network = network_on(model, random_base, conv=True)
    tensors = network.tensors()
    expected = {
        name: shape
        for target in lora_targets(read_header(random_base), conv=True)
        for name, shape in lora_shapes(target, 4, 3).items()
    }
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == expected
    alphas = {tensor.item() for name, tensor in tensors.items() if name.endswith(".alpha")}
    assert alphas == {2.0, 1.5}
    assert [len(network.trainable(part)) for part in ("text_encoder", "unet")] == [36, 2 * (len(network.loras) - 18)]


def test_network_weights_bring_their_alpha_into_the_scale(model: object, random_base: Path) -> None:
    """kohya keeps the new alpha's scale while loading the file's alpha: another strength without a word."""
    states = torch.randn(2, 77, 64)
    first = filled(network_on(model, random_base, alpha=1.0))
    expected, tensors = unet_output(model, states), {name: tensor.clone() for name, tensor in first.tensors().items()}
    first.detach()
    second = network_on(model, random_base, alpha=4.0)
    assert second.load(tensors) == []
    assert torch.equal(unet_output(model, states), expected)
    assert all(module.scale == 0.25 for module in second.loras.values())
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in second.tensors().items())


def test_network_weights_that_do_not_fit_are_named(model: object, random_base: Path) -> None:
    network = network_on(model, random_base)
    tensors = network.tensors()
    name = "lora_unet_mid_block_attentions_0_proj_in"
    with pytest.raises(UserError, match=rf"{name}\.lora_down has the shape \[8, 128, 1, 1\]"):
        network.load({**tensors, f"{name}.lora_down.weight": torch.zeros(8, 128, 1, 1)})
    with pytest.raises(UserError, match="no module lora_unet_up_blocks_0_resnets_0_conv1"):
        network.load({**tensors, "lora_unet_up_blocks_0_resnets_0_conv1.lora_down.weight": torch.zeros(4, 8, 3, 3)})
    with pytest.raises(UserError, match="holds no module of this network"):
        network.load({"lora_te1_x.lora_down.weight": torch.zeros(1)})
    with pytest.raises(UserError, match=f"lacks {name}.lora_up"):
        network.load({key: tensor for key, tensor in tensors.items() if key != f"{name}.lora_up.weight"})
    network.detach()
    unet_only = lora_network(model, lora_targets(read_header(random_base), text_encoder=False), rank=4, alpha=2, seed=0)
    assert len(unet_only.load(tensors)) == 18


def test_a_forward_that_was_replaced_before_is_used_and_given_back() -> None:
    torch.manual_seed(0)
    base = nn.Conv2d(6, 5, 3).requires_grad_(False)
    base.forward = lambda x: 10.0 + torch.zeros(len(x), 5, x.shape[2] - 2, x.shape[3] - 2)
    own = base.forward
    module = LoraModule(placed(CONV, 4, 4.0), base, seed=0)
    module.attach()
    assert torch.equal(base(torch.randn(1, 6, 5, 5)), torch.full((1, 5, 3, 3), 10.0))
    module.detach()
    assert base.forward is own
