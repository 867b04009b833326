"""Weights in 8 bits: how exact, how small, and the gradients those of the 8-bit weight itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lora_workbench.trainer_core.models.checkpoint import Model, load_into, load_model
from lora_workbench.trainer_core.models.eight_bit import (
    EightBitConv2d,
    EightBitLinear,
    kept_weight,
    make_eight_bit,
    put_back,
    set_weight,
    to_eight_bit,
)


def eight_bit(module: nn.Module, kind: str) -> nn.Module:
    """The one module, in 8 bits."""
    whole = nn.ModuleDict({"one": module})
    tensors = to_eight_bit("one", module.weight.data, kind)
    make_eight_bit(whole, kind)
    whole.load_state_dict(
        {**{key: tensor for key, tensor in whole.state_dict().items() if "bias" in key}, **tensors}, assign=True
    )
    return whole["one"]


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).square().mean() / expected.square().mean()).sqrt().item()


@pytest.mark.parametrize(("kind", "error"), [("fp8", 0.03), ("int8", 0.01)])
@pytest.mark.parametrize("spread", [1e-4, 1.0, 1e4])
def test_the_error_is_small_whatever_the_weights_size(kind: str, error: float, spread: float) -> None:
    """Uniform rounding to 1/127 of the largest of 512 normal numbers errs by 0.0075; e4m3's 3 bits by 1/16/√3 at most."""
    weight = torch.randn((64, 512), generator=torch.Generator().manual_seed(1)) * spread
    module = nn.Linear(512, 64)
    module.weight.data = weight
    small = eight_bit(module, kind)
    assert relative(small.weight, weight) < error
    assert small.codes.element_size() == 1 and small.weight.shape == (64, 512)


@pytest.mark.parametrize("kind", ["fp8", "int8"])
@pytest.mark.parametrize("make", [lambda: nn.Linear(64, 96), lambda: nn.Conv2d(64, 96, 3, stride=2, padding=1)])
def test_output_and_gradient_are_those_of_the_full_weight_it_stands_for(kind: str, make: object) -> None:
    torch.manual_seed(2)
    module = make()
    small = eight_bit(module, kind)
    assert isinstance(small, (EightBitLinear, EightBitConv2d))
    plain = make()
    plain.load_state_dict({"weight": small.weight, "bias": small.bias})
    x = torch.randn((5, 64) if isinstance(plain, nn.Linear) else (2, 64, 9, 6))
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    a, b = small(ours), plain(theirs)
    (a**2).sum().backward()
    (b**2).sum().backward()
    assert torch.allclose(a, b, atol=1e-5) and torch.allclose(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_nothing_in_full_precision_is_kept_for_the_way_back() -> None:
    small = eight_bit(nn.Linear(256, 256, bias=False), "int8")
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor) or tensor, lambda tensor: tensor):
        small(torch.randn(3, 256, requires_grad=True)).sum()
    assert {tensor.dtype for tensor in saved} == {torch.int8, torch.float32}
    assert max(tensor.numel() for tensor in saved if tensor.dtype == torch.float32) == 256  # the scales


@pytest.mark.parametrize("kind", ["fp8", "int8"])
def test_a_weight_can_be_changed_and_put_back_to_the_bit(kind: str) -> None:
    small = eight_bit(nn.Linear(64, 64), kind)
    before, kept = small.weight.clone(), kept_weight(small)
    set_weight(small, before + 1)
    assert relative(small.weight, before + 1) < 0.03 and not torch.equal(small.weight, before)
    put_back(small, kept)
    assert torch.equal(small.weight, before)


@pytest.mark.parametrize("half", [False, True])
def test_a_model_takes_a_quarter_of_the_memory_and_hardly_differs(half: bool, tiny_sdxl: Path, tmp_path: Path) -> None:
    """The UNet in int8 from an fp32 and from an fp16 file; its first and last convolutions and embeddings stay as they are."""
    path = tmp_path / "half.safetensors" if half else tiny_sdxl
    if half:
        save_file({name: tensor.half() for name, tensor in load_file(tiny_sdxl).items()}, path)
    plain: Model = load_model(path, parts=("unet",))
    small = load_model(path, parts=())
    load_into(small, ("unet",), eight_bit={"unet": "int8"})

    def size(unet: nn.Module) -> int:
        return sum(one.numel() * one.element_size() for one in [*unet.parameters(), *unet.buffers()])

    assert size(small.unet) < 0.35 * size(plain.unet)
    draw = torch.Generator().manual_seed(4)
    given = torch.randn((1, 4, 16, 16), generator=draw), torch.tensor([400]), torch.randn((1, 77, 192), generator=draw)
    added = {"text_embeds": torch.randn((1, 128), generator=draw), "time_ids": torch.tensor([[128.0] * 6])}
    with torch.no_grad():
        full, coarse = (model.unet(*given, added_cond_kwargs=added).sample for model in (plain, small))
    assert 0 < relative(coarse, full) < 0.06
    for name in ("conv_in", "conv_out", "time_embedding.linear_1", "add_embedding.linear_1"):
        assert torch.equal(small.unet.get_submodule(name).weight.float(), plain.unet.get_submodule(name).weight.float())


def test_a_torch_checkpoint_goes_into_8_bits_too(tiny_sd2: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": load_file(tiny_sd2)}, tmp_path / "m.ckpt")
    models = [load_model(path, parts=()) for path in (tiny_sd2, tmp_path / "m.ckpt")]
    for model in models:
        load_into(model, ("text_encoder",), eight_bit={"text_encoder": "fp8"})
    first, second = (model.text_encoder.state_dict() for model in models)
    assert first.keys() == second.keys() and any(tensor.dtype == torch.float8_e4m3fn for tensor in first.values())
    assert all(torch.equal(tensor.float(), second[name].float()) for name, tensor in first.items())
