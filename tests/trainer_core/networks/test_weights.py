"""What each kind makes of a weight: against LyCORIS' own modules, and the layer that computes it anew against autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lora_workbench.tests.trainer_core.networks.making import placed
from lora_workbench.trainer_core.networks.apply import changed_module_weight
from lora_workbench.trainer_core.networks.kind_shapes import in_webui_order, scale_of
from lora_workbench.trainer_core.networks.modules import WeightModule
from lora_workbench.trainer_core.networks.targets import Target
from lora_workbench.trainer_core.networks.weights import bias_difference, changed_weight
from lora_workbench.trainer_core.tools.norms import change_of

LINEAR = Target("lora_unet_a", "unet", "a.to_k", "linear", 24, 16, 1, True)
CONV = Target("lora_unet_a", "unet", "a.conv1", "conv", 24, 16, 3, True)
POINT = Target("lora_unet_a", "unet", "a.proj_in", "conv", 24, 16, 1, True)
INPUT = Target("lora_unet_a", "unet", "a.ff.net.2", "linear", 24, 16, 1, True)
ALL = (LINEAR, CONV, POINT)

# kind, options of ours, class and options of LyCORIS', targets
CASES: tuple[tuple[str, dict[str, Any], str, dict[str, Any], tuple[Target, ...]], ...] = (
    ("lora", {"use_tucker": True}, "locon.LoConModule", {"use_tucker": True}, ALL),
    ("lora", {"dora_wd": True}, "locon.LoConModule", {"weight_decompose": True, "wd_on_out": False}, ALL),
    ("lora", {"rs_lora": True, "use_tucker": True}, "locon.LoConModule", {"rs_lora": True, "use_tucker": True}, (CONV,)),
    ("loha", {}, "loha.LohaModule", {}, ALL),
    ("loha", {"use_tucker": True}, "loha.LohaModule", {"use_tucker": True}, (CONV,)),
    ("loha", {"dora_wd": True}, "loha.LohaModule", {"weight_decompose": True, "wd_on_out": False}, ALL),
    ("lokr", {}, "lokr.LokrModule", {}, ALL),
    ("lokr", {"factor": 2}, "lokr.LokrModule", {"factor": 2}, ALL),
    ("lokr", {"factor": 2, "use_tucker": True}, "lokr.LokrModule", {"factor": 2, "use_tucker": True}, (CONV,)),
    ("lokr", {"decompose_both": True}, "lokr.LokrModule", {"decompose_both": True}, ALL),
    ("lokr", {"full_matrix": True}, "lokr.LokrModule", {"full_matrix": True}, ALL),
    ("lokr", {"unbalanced_factorization": True}, "lokr.LokrModule", {"unbalanced_factorization": True}, ALL),
    ("lokr", {"dora_wd": True}, "lokr.LokrModule", {"weight_decompose": True, "wd_on_out": False}, ALL),
    ("ia3", {}, "ia3.IA3Module", {}, (LINEAR,)),
    ("ia3", {}, "ia3.IA3Module", {"train_on_input": True}, (INPUT,)),
    ("glora", {}, "glora.GLoRAModule", {}, (LINEAR,)),
    ("full", {}, "full.FullModule", {}, ALL),
    ("diag-oft", {}, "diag_oft.DiagOFTModule", {}, ALL),
    ("diag-oft", {"rescaled": True}, "diag_oft.DiagOFTModule", {"rescaled": True}, ALL),
    ("boft", {}, "boft.ButterflyOFTModule", {}, ALL),
    ("boft", {"rescaled": True}, "boft.ButterflyOFTModule", {"rescaled": True}, ALL),
)
EACH = [(*case[:4], target) for case in CASES for target in case[4]]
NAMES = [f"{kind}-{'-'.join(options) or 'plain'}-{target.module}" for kind, options, _, _, target in EACH]


def base_of(target: Target) -> nn.Module:
    torch.manual_seed(3)
    kernel = target.kernel
    base = nn.Linear(24, 16) if target.kind == "linear" else nn.Conv2d(24, 16, kernel, padding=kernel // 2)
    return base.requires_grad_(False)


def theirs(path: str, base: nn.Module, rank: int, alpha: float, options: dict[str, Any]) -> Any:
    """LyCORIS' module with random numbers."""
    import importlib

    module_name, _, class_name = path.partition(".")
    module = getattr(importlib.import_module(f"lycoris.modules.{module_name}"), class_name)(
        "lora_unet_a", base, lora_dim=rank, alpha=alpha, **options
    )
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn_like(parameter) * 0.2
            parameter.copy_(parameter * (1 + noise) if "dora" in name or name == "rescale" else noise)
    return module


def acting_weight(module: Any, base: nn.Module, target: Target) -> torch.Tensor:
    """The weight with which LyCORIS' forward acts, told from what it makes of unit vectors."""
    module.eval()
    bias = base.bias + module.bias.detach() if module.name == "full" else base.bias
    with torch.no_grad():
        if target.kind == "linear":
            return (module(torch.eye(24)) - bias).t()
        unit = torch.zeros(24 * target.kernel**2, 24, target.kernel, target.kernel)
        unit.view(24 * target.kernel**2, -1).fill_diagonal_(1.0)
        middle = target.kernel // 2
        out = module(unit)[:, :, middle, middle] - bias
        return out.t().reshape(16, 24, target.kernel, target.kernel)


@pytest.mark.parametrize(("constraint", "shortens"), [(0.01, True), (10.0, False)])
def test_a_constraint_in_others_files_shortens_the_turn(constraint: float, shortens: bool) -> None:
    base = base_of(ALL[0])
    module = theirs("diag_oft.DiagOFTModule", base, 4, 1.0, {"constraint": constraint})
    tensors = {name: tensor.detach() for name, tensor in module.state_dict().items()}
    acting = acting_weight(module, base, ALL[0])
    torch.testing.assert_close(changed_module_weight(tensors, base.weight), acting, atol=1e-5, rtol=1e-5)
    free = changed_module_weight({"oft_blocks": tensors["oft_blocks"]}, base.weight)
    assert torch.allclose(free, acting, atol=1e-3) is not shortens
    measured = change_of({name: tensor.numpy() for name, tensor in tensors.items()}).norm
    assert (measured < 0.5 * change_of({"oft_blocks": tensors["oft_blocks"].numpy()}).norm) is shortens


@pytest.mark.parametrize(("kind", "own", "path", "options", "target"), EACH, ids=NAMES)
@pytest.mark.parametrize("alpha", [4.0, 2.0])
def test_weights_are_those_of_lycoris(
    kind: str, own: dict[str, Any], path: str, options: dict[str, Any], target: Target, alpha: float
) -> None:
    base = base_of(target)
    module = theirs(path, base, 4, alpha, options)
    tensors = in_webui_order({name: tensor.detach() for name, tensor in module.state_dict().items()})
    if kind == "full":  # until it is applied its numbers are the difference, and its state_dict takes the base off once more
        tensors = {"diff": module.weight.detach(), "diff_b": module.bias.detach()}
    scale = scale_of(tensors, float(tensors.pop("alpha"))) if "alpha" in tensors else 1.0
    ours = changed_weight(tensors, base.weight, scale)
    merged, merged_bias = module.get_merged_weight(1.0, base.weight.shape, base.weight.device)
    # Its get_merged_weight multiplies the scale of LoHa and LoKr in twice, unlike its forward and webui.
    if alpha == 4.0 or kind not in ("loha", "lokr"):
        torch.testing.assert_close(ours, merged.detach(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours, acting_weight(module, base, target), atol=1e-5, rtol=1e-5)
    assert (ours - base.weight).abs().max() > 0.002
    if kind == "full":
        torch.testing.assert_close(base.bias + bias_difference(tensors), merged_bias.detach())
    rank = 4 if kind not in ("ia3", "full") else 1
    shapes = placed(target, rank, alpha, kind, **own).shapes
    assert {suffix: tuple(tensor.shape) for suffix, tensor in tensors.items()} == shapes


@pytest.mark.parametrize(("kind", "own", "target"), [(kind, own, target) for kind, own, _, _, target in EACH], ids=NAMES)
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_layer_and_gradients_are_those_of_its_formula(kind: str, own: dict[str, Any], target: Target, strength: float) -> None:
    base = base_of(target)
    module = WeightModule(placed(target, 4, 2.0, kind, **own), base, seed=1)
    torch.manual_seed(6)
    with torch.no_grad():
        for name, value in module.numbers().items():
            module.take(name, value + torch.randn(value.shape) * 0.1)
    module.multiplier = strength
    module.attach()
    x = torch.randn(2, 5, 24) if target.kind == "linear" else torch.randn(2, 24, 5, 5)
    grounds = [x.requires_grad_(), *module.values]
    way = torch.randn_like(base(x))
    found = torch.autograd.grad((base(x) * way).sum(), grounds)

    tensors = module._tensors(list(module.values))
    changed = changed_weight(tensors, base.weight, scale_of(tensors, module.alpha))
    weight, more = base.weight + strength * (changed - base.weight), bias_difference(tensors)
    bias = base.bias if more is None else base.bias + strength * more
    layer = torch.nn.functional.linear if target.kind == "linear" else torch.nn.functional.conv2d
    out = layer(x, weight, bias) if target.kind == "linear" else layer(x, weight, bias, padding=target.kernel // 2)
    torch.testing.assert_close(base(x), out, atol=1e-5, rtol=1e-5)
    for one, two in zip(found, torch.autograd.grad((out * way).sum(), grounds), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)
    module.detach()


@pytest.mark.parametrize(("kind", "own", "target"), [(kind, own, target) for kind, own, _, _, target in EACH], ids=NAMES)
def test_nothing_is_changed_at_first(kind: str, own: dict[str, Any], target: Target) -> None:
    base = base_of(target)
    module = WeightModule(placed(target, 4, 2.0, kind, **own), base, seed=1)
    tensors = module._tensors(list(module.values))
    torch.testing.assert_close(changed_weight(tensors, base.weight, scale_of(tensors, module.alpha)), base.weight)
    again = WeightModule(placed(target, 4, 2.0, kind, **own), base, seed=1)
    assert all(torch.equal(one, two) for one, two in zip(module.values, again.values, strict=True))


def test_a_layer_keeps_no_weight_for_its_gradients() -> None:
    """Beside input and trained numbers nothing is kept: the changed weight and what led to it are computed again."""
    base = base_of(LINEAR)
    module = WeightModule(placed(LINEAR, 4, 2.0, "loha"), base, seed=1)
    module.attach()
    kept: list[tuple[int, ...]] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(tuple(one.shape)) or one, lambda one: one):
        base(torch.randn(3, 24, requires_grad=True))
    assert sorted(kept) == sorted([(3, 24), *(tuple(value.shape) for value in module.values)])


@pytest.mark.parametrize(("kind", "own"), [("loha", {}), ("lokr", {"factor": 2}), ("lora", {"use_tucker": True}), ("full", {})])
def test_shrinking_shrinks_the_whole_difference(kind: str, own: dict[str, Any]) -> None:
    base = base_of(CONV)
    module = WeightModule(placed(CONV, 4, 2.0, kind, **own), base, seed=1)
    torch.manual_seed(6)
    with torch.no_grad():
        for name, value in module.numbers().items():
            module.take(name, torch.randn(value.shape) * 0.1)

    def difference() -> torch.Tensor:
        tensors = module._tensors(list(module.values))
        return changed_weight(tensors, base.weight, scale_of(tensors, module.alpha)) - base.weight

    before = difference().detach()
    torch.testing.assert_close(module.norm_squared(), before.square().sum(), rtol=1e-4, atol=1e-6)
    module.shrink(torch.tensor(0.25))
    torch.testing.assert_close(difference().detach(), before * 0.25, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("kind", "own", "target"), [("loha", {}, LINEAR), ("lokr", {"factor": 2}, CONV), ("full", {}, LINEAR)])
def test_bases_in_8_bits_are_changed_as_they_are(kind: str, own: dict[str, Any], target: Target) -> None:
    """The change is added to the weight that the 8 bits stand for."""
    from lora_workbench.trainer_core.models.eight_bit import EightBitConv2d, EightBitLinear, to_eight_bit

    base: Any = base_of(target)
    weight = base.weight.detach()
    del base.weight
    base.__class__ = EightBitLinear if target.kind == "linear" else EightBitConv2d
    for name, tensor in to_eight_bit("base", weight, "int8").items():
        base.register_buffer(name.removeprefix("base."), tensor)
    module = WeightModule(placed(target, 4, 2.0, kind, **own), base, seed=1)
    torch.manual_seed(6)
    with torch.no_grad():
        for name, value in module.numbers().items():
            module.take(name, value + torch.randn(value.shape) * 0.1)
    module.attach()
    tensors = module._tensors(list(module.values))
    changed = changed_weight(tensors, base.weight, scale_of(tensors, module.alpha))
    bias = base.bias if bias_difference(tensors) is None else base.bias + bias_difference(tensors)
    x = torch.randn(2, 24) if target.kind == "linear" else torch.randn(2, 24, 5, 5)
    layer = torch.nn.functional.linear if target.kind == "linear" else torch.nn.functional.conv2d
    expected = layer(x, changed, bias) if target.kind == "linear" else layer(x, changed, bias, padding=1)
    torch.testing.assert_close(base(x), expected, atol=1e-5, rtol=1e-5)
    assert 0 < (base.weight - weight).abs().max() < 0.01
    base(x).sum().backward()
    assert all(value.grad is not None for value in module.values)
