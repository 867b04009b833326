"""Convolutions as products: the same as torch's own, forward and backward, and only where they are meant."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lora_workbench.trainer_core.models import small_convolutions
from lora_workbench.trainer_core.models.small_convolutions import use_small_convolutions


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_equals_torchs_convolution(monkeypatch: pytest.MonkeyPatch, stride: int, bias: bool, batch: int) -> None:
    monkeypatch.setattr(small_convolutions, "MIN_WEIGHTS", 1)
    torch.manual_seed(0)
    ours, theirs = (nn.Conv2d(6, 5, 3, stride=stride, padding=1, bias=bias).requires_grad_(False) for _ in range(2))
    ours.load_state_dict(theirs.state_dict())
    use_small_convolutions(ours)
    monkeypatch.setattr(nn.Conv2d, "forward", lambda *_: pytest.fail("torch's own was called"))
    x = torch.randn(batch, 6, 4, 6, requires_grad=True)
    out = ours(x)
    monkeypatch.undo()
    expected = theirs(x)
    weights = torch.randn_like(expected)
    (gradient,) = torch.autograd.grad((out * weights).sum(), x)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), x)
    assert torch.allclose(out, expected, atol=1e-5) and torch.allclose(gradient, expected_gradient, atol=1e-5)


def test_other_sizes_dtypes_and_layers_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_convolutions, "MIN_WEIGHTS", 6 * 5 * 9)
    point, narrow, trained = nn.Conv2d(60, 50, 1), nn.Conv2d(6, 4, 3), nn.Conv2d(6, 5, 3)
    frozen = nn.Conv2d(6, 5, 3, padding=1)
    for module in (point, narrow, frozen):
        module.requires_grad_(False)
    use_small_convolutions(nn.ModuleList([point, narrow, trained, frozen]))
    assert [one for one in (point, narrow, trained, frozen) if "forward" in one.__dict__] == [frozen]
    calls = []
    monkeypatch.setattr(nn.Conv2d, "forward", lambda _module, x: calls.append(tuple(x.shape)) or x)
    frozen(torch.zeros(1, 6, 10, 10))
    frozen(torch.zeros(1, 6, 11, 10))
    with torch.autocast("cpu", torch.bfloat16):
        frozen(torch.zeros(1, 6, 4, 4))
    assert calls == [(1, 6, 11, 10), (1, 6, 4, 4)]
