"""The two taggers' networks, small and unlike each other, and their ONNX files with the WD taggers' interface."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .tagger_data import INPUT, POOL


def _conv(into: int, out: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, size, stride, size // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class PlainNet(nn.Module):
    """The demo's tagger: a plain stack of convolutions; the places of the last 4 by 4 map count."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        widths = [(3, 24, 2), (24, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2), (96, 96, 1), (96, 128, 2)]
        self.body = nn.Sequential(*[_conv(*one) for one in widths])
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128 * 16, labels))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, labels] of pictures [B, 3, 64, 64] in -1..1."""
        return self.head(self.body(x).flatten(1))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _conv(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.second(self.first(x))))


class ResidualNet(nn.Module):
    """The judge: residual blocks, and means over the sixteen parts of the picture."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(3, 24, 2, 5),
            _Residual(24),
            _conv(24, 56, 2),
            _Residual(56),
            _conv(56, 112, 2),
            _Residual(112),
            _conv(112, 112),
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(112 * 16, labels))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, labels] of pictures [B, 3, 64, 64] in -1..1."""
        return self.head(F.avg_pool2d(self.body(x), 2).flatten(1))


class WdInterface(nn.Module):
    """float32 [N, 448, 448, 3] BGR 0..255 in, probabilities [N, labels] out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        return torch.sigmoid(self.net(F.avg_pool2d(pictures.permute(0, 3, 1, 2), POOL) / 127.5 - 1))


def export_onnx(net: nn.Module, path: str) -> None:
    """Writes the network behind the WD interface; the number of pictures stays free."""
    torch.onnx.export(
        WdInterface(net).eval(),
        (torch.zeros(2, INPUT, INPUT, 3),),
        path,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch_size"}, "output": {0: "batch_size"}},
        opset_version=17,
        dynamo=False,
    )
