"""Convolutions as products: the same as torch's own, forward and backward, and only where they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from lora_workbench.trainer_core.models import small_convolutions
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.models.small_convolutions import use_plain_convolutions, use_small_convolutions


@pytest.fixture(autouse=True)
def small_weights_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_convolutions, "MIN_WEIGHTS", 6 * 5 * 9)
    monkeypatch.setattr(small_convolutions, "ROWS", 2)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_equals_torchs_convolution(
    monkeypatch: pytest.MonkeyPatch, stride: int, bias: bool, batch: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Conv2d(6, 5, 3, stride=stride, padding=1, bias=bias).requires_grad_(False) for _ in range(2))
    stored = theirs.weight.data.to(dtype)
    ours.load_state_dict(theirs.state_dict())
    ours.weight.data, theirs.weight.data = stored, stored.float()
    use_small_convolutions(ours)
    x = torch.randn(batch, 6, 4, 6, requires_grad=True)
    monkeypatch.setattr(F, "conv2d", lambda *_: pytest.fail("torch's own was called"))
    out = ours(x)
    monkeypatch.undo()
    expected = theirs(x)
    weights = torch.randn_like(expected)
    (gradient,) = torch.autograd.grad((out * weights).sum(), x)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), x)
    assert ours.weight.dtype == dtype
    assert torch.allclose(out, expected, atol=1e-5) and torch.allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_many_pixels_and_autocast_are_left_to_torch(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    module = nn.Conv2d(6, 5, 3, padding=1).requires_grad_(False)
    module.weight.data = module.weight.data.to(dtype)
    use_small_convolutions(module)
    calls, own = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda x, *rest: calls.append(tuple(x.shape)) or own(x, *rest))
    few, many = {torch.float32: ((10, 10), (11, 10)), torch.float16: ((20, 15), (20, 16))}[dtype]
    x = torch.randn(1, 6, *many)
    assert module(x[..., : few[0], : few[1]]).shape == (1, 5, *few)
    assert torch.equal(module(x), own(x, module.weight.float(), module.bias, 1, 1))
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x[..., :4, :4]).dtype == torch.bfloat16
    assert calls == [(1, 6, *many), (1, 6, 4, 4)]


def test_only_large_frozen_ones_are_meant_and_it_can_be_taken_back() -> None:
    point, narrow, wide = nn.Conv2d(60, 50, 1), nn.Conv2d(6, 4, 3), nn.Conv2d(6, 5, 3)
    wide.weight.data = wide.weight.data.half()
    model = nn.ModuleList([point, narrow, wide])
    use_small_convolutions(model)
    assert [one for one in model if "forward" in one.__dict__] == [wide]
    use_plain_convolutions(model, torch.float32)
    assert "forward" not in wide.__dict__ and wide.weight.dtype == torch.float32


def test_a_half_precision_model_computes_what_a_converted_one_does(
    tmp_path: Path, random_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_convolutions, "MIN_WEIGHTS", 128 * 128 * 9)
    monkeypatch.setattr(small_convolutions, "ROWS", 50)
    raw = load_file(random_base)
    half, full = tmp_path / "half.safetensors", tmp_path / "full.safetensors"
    save_file({name: tensor.half() for name, tensor in raw.items()}, half)
    save_file({name: tensor.half().float() for name, tensor in raw.items()}, full)
    one, two = (load_model(path, parts=("unet",)).unet for path in (half, full))
    assert one.mid_block.resnets[0].conv1.weight.dtype == torch.float16
    assert one.mid_block.resnets[0].time_emb_proj.weight.dtype == one.conv_in.weight.dtype == torch.float32
    latents, states = torch.randn(2, 4, 8, 8, requires_grad=True), torch.randn(2, 77, 64)
    outs = [unet(latents, torch.tensor([5, 600]), states).sample for unet in (one, two)]
    gradients = [torch.autograd.grad(out.square().sum(), latents)[0] for out in outs]
    assert torch.allclose(*outs, atol=1e-4) and torch.allclose(*gradients, rtol=1e-3, atol=1e-3)
