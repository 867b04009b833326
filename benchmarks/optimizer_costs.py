"""What optimizers cost: bytes of state for each trained number, and time for a step of a million of them.

    python -m lora_workbench.benchmarks.optimizer_costs [NAME …]

Numbers stand for a LoRA's: pairs of factors of rank 16 for modules of 640 by 640. Time is of the machine that it runs on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ..trainer_core.optimizer_table import TABLE, ParameterGroup
from ..trainer_core.optimizers import make_optimizer
from ..trainer_core.settings import Settings

_PAIRS, _RANK, _WIDTH, _STEPS = 50, 16, 640, 5


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="optimizer_costs", description="Measures what optimizers keep and take.")
    parser.add_argument("names", nargs="*", choices=[[], *TABLE], metavar="OPTIMIZER", help="these alone")
    names = parser.parse_args(argv).names
    print("| optimizer | bytes a number | ms a million numbers |\n|---|---|---|")
    for name in names or TABLE:
        size, milliseconds = cost(name)
        print(f"| {name} | {size:.1f} | {milliseconds:.0f} |", flush=True)
    return 0


def cost(name: str, pairs: int = _PAIRS) -> tuple[float, float]:
    """Bytes of state for each trained number after some steps, and milliseconds a step for a million numbers."""
    draw = torch.Generator().manual_seed(0)
    shapes = [(_RANK, _WIDTH), (_WIDTH, _RANK)] * pairs
    weights = [torch.nn.Parameter(torch.randn(shape, generator=draw) * 0.01) for shape in shapes]
    rate = 1.0 if TABLE[name].adaptive else 1e-4
    optimizer = make_optimizer(Settings.of(optimizer_type=name, learning_rate=rate), [ParameterGroup("unet", weights)])
    count = sum(weight.numel() for weight in weights)
    spent = []
    for _ in range(_STEPS):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=draw) * 1e-3
        start = time.perf_counter()
        optimizer.step()
        spent.append(time.perf_counter() - start)
    held = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(optimizer.state_dict()["state"]))
    return held / count, 1000 * min(spent) / (count / 1e6)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors(one)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
