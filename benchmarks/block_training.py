"""What a step costs when only some blocks of a full-size UNet are trained: CPU seconds, and the products that are needed.

    python -m lora_workbench.benchmarks.block_training --base sd15.safetensors --threads 1

The base is made of random weights where the file doesn't exist. The text encoder is frozen throughout; a LoRA of rank 16 is
trained on the blocks that each preset names. CPU seconds are the process's, of forward and backward together (median).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

PRESETS = ("ALL", "OUTALL", "INALL")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Measure steps that train some blocks of a full-size UNet.")
    parser.add_argument("--base", type=Path, required=True, help="checkpoint; made where it doesn't exist")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--conv_dim", type=int, help="convolutions too")
    words = parser.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = str(words.threads)
    import torch

    from ..trainer_core.models.checkpoint import load_model
    from .make_checkpoint import make_checkpoint

    torch.set_num_threads(words.threads)
    if not words.base.is_file():
        make_checkpoint(words.base, "sd15")
    model = load_model(words.base, parts=("unet",))
    print(f"{words.resolution} px, batch 1, {words.threads} threads, torch {torch.__version__}")
    found = {preset: _measured(model, words, preset) for preset in PRESETS}
    seconds, products = found["ALL"]
    for preset, (own, own_products) in found.items():
        print(
            f"{preset:7} {own:6.2f} CPU s a step ({own / seconds:4.0%})   "
            f"{own_products / 1e9:6.0f} GFLOP ({own_products / products:4.0%})"
        )
    return 0


def _measured(model: Any, words: argparse.Namespace, preset: str) -> tuple[float, int]:
    """CPU seconds of a step, and the floating-point operations of its products, forward and backward."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ..trainer_core.models.header import read_header
    from ..trainer_core.networks.choice import choose_network
    from ..trainer_core.networks.network import Network
    from ..trainer_core.settings import Settings

    arguments = [f"block_weights={preset}", *([f"conv_dim={words.conv_dim}"] if words.conv_dim else [])]
    settings = Settings.of(network_dim=16, network_alpha=8, network_args=arguments, network_train_unet_only=True)
    choice = choose_network(settings, read_header(words.base))
    network = Network.of(model, choice.placed, options=choice.options, seed=0)
    network.train()
    torch.manual_seed(0)
    size = words.resolution // 8
    noisy, states, way = torch.randn(1, 4, size, size), torch.randn(1, 227, 768), torch.randn(1, 4, size, size)

    def step() -> None:
        (model.unet(noisy, torch.tensor([400]), states).sample * way).sum().backward()
        network.zero_grad(set_to_none=True)

    step()
    taken = []
    for _ in range(words.steps):
        started = time.process_time()
        step()
        taken.append(time.process_time() - started)
    with FlopCounterMode(display=False, custom_mapping=_uncounted()) as counter:
        step()
    network.detach()
    return median(taken), counter.get_total_flops()


def _uncounted() -> dict[Any, Any]:
    """Products that torch's counter doesn't know: those added in place, and attention on a CPU."""
    import torch

    def added(_own: Any, left: Any, right: Any, *_more: Any, **_named: Any) -> int:
        return 2 * left[0] * left[1] * right[1]

    def attention(query: Any, key: Any, *_more: Any, **_named: Any) -> int:
        batch, heads, rows, width = query
        return 4 * batch * heads * rows * key[2] * width  # scores, and values

    def attention_backward(_gradient: Any, query: Any, key: Any, *_more: Any, **_named: Any) -> int:
        return attention(query, key) * 5 // 2  # scores again, and gradients of the weights, values, queries and keys

    aten = torch.ops.aten
    return {
        aten.addmm_: added,
        aten._scaled_dot_product_flash_attention_for_cpu: attention,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
