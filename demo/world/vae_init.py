"""Starts an autoencoder as the identity on averaged colours, so that training adds detail instead of finding colour.

With 32 groups over 64 channels a GroupNorm sees two channels at a time and would take a picture's colours away. So
colours travel as pairs (edge + c, edge - c): the sum of a pair is the same for every picture, and `edge`, a large value
along the picture's border, which convolutions can see through their zero padding, holds the variance nearly constant.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

PAIRS = 12  # pairs 0..11 carry red, green, blue in turn; channel CONSTANT carries 1
CONSTANT = 2 * PAIRS
EDGE = 6.0


def make_vae(seed: int) -> AutoencoderKL:
    """The toy world's autoencoder (SD 1.x form, 64 channels on each of four levels), ready to be trained."""
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[64, 64, 64, 64],
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=32,
        sample_size=128,
        scaling_factor=0.18215,
    )
    with torch.no_grad():
        for name, module in vae.named_modules():
            if name.endswith(("conv2", "to_out.0")):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
        _encoder(vae)
        _decoder(vae)
    return vae


def _centre(weight: Tensor, out_channel: int, in_channel: int, value: float) -> None:
    weight[out_channel, in_channel] = 0
    weight[out_channel, in_channel, weight.shape[2] // 2, weight.shape[3] // 2] = value


def _carrying(conv: nn.Conv2d) -> Tensor:
    """Empties the convolution's rows of the carrying channels and returns the weight."""
    conv.weight[: CONSTANT + 1] = 0
    conv.bias[: CONSTANT + 1] = 0
    return conv.weight


def _spread(conv: nn.Conv2d) -> None:
    """Picture or latent channels 0..2 to signed pairs, and the constant."""
    weight = _carrying(conv)
    for pair in range(PAIRS):
        for sign, channel in ((1, 2 * pair), (-1, 2 * pair + 1)):
            _centre(weight, channel, pair % 3, sign)
    conv.bias[CONSTANT] = 1


def _gather(norm: nn.GroupNorm, conv: nn.Conv2d, gain: float) -> None:
    """Pairs back to three channels; four pairs carry each. The bias keeps SiLU where it is nearly straight."""
    norm.bias[: 2 * PAIRS] = 2
    conv.weight[:3] = 0
    conv.bias[:3] = 0
    for pair in range(PAIRS):
        _centre(conv.weight, pair % 3, 2 * pair, gain / 8)
        _centre(conv.weight, pair % 3, 2 * pair + 1, -gain / 8)


def _add_edge(weight: Tensor, taps: list[tuple[int, int]], height: float) -> None:
    """Lets pairs stand `height` higher where a tap falls on padding: sums (1 - neighbour) over the taps."""
    for channel in range(2 * PAIRS):
        for row, column in taps:
            weight[channel, CONSTANT, row, column] -= height
        weight[channel, CONSTANT, 1, 1] += height * len(taps)


def _encoder(vae: AutoencoderKL) -> None:
    _spread(vae.encoder.conv_in)
    heights = (EDGE, EDGE / 2, EDGE / 2)  # averaging halves what earlier levels wrote
    for block, height in zip(vae.encoder.down_blocks, heights, strict=False):
        weight = _carrying(block.downsamplers[0].conv)
        for channel in range(CONSTANT + 1):
            weight[channel, channel, :2, :2] = 0.25
        _add_edge(weight, [(1, 2), (2, 1)], height)
    _gather(vae.encoder.conv_norm_out, vae.encoder.conv_out, gain=2.0)
    vae.encoder.conv_out.weight[4:] *= 0.1
    vae.encoder.conv_out.bias[4:] = -5.0
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.eye_(conv.weight[:, :, 0, 0])
        nn.init.zeros_(conv.bias)


def _decoder(vae: AutoencoderKL) -> None:
    _spread(vae.decoder.conv_in)
    for level, block in enumerate(vae.decoder.up_blocks[:3]):
        weight = _carrying(block.upsamplers[0].conv)
        for channel in range(CONSTANT + 1):
            _centre(weight, channel, channel, 1)
        if level == 0:
            _add_edge(weight, [(0, 1), (1, 0), (1, 2), (2, 1)], EDGE)
    _gather(vae.decoder.conv_norm_out, vae.decoder.conv_out, gain=2.0)
