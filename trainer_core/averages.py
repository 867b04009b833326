"""The exponential moving average (EMA) of a LoRA's weights, kept beside the weights that are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch


class MovingAverage:
    """average ← d · average + (1 - d) · weights after each step, with d = min(decay, (1 + n) / (10 + n)) at step n.

    The smaller share in the beginning lets it forget what the weights were before they had learnt anything.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.steps = list(parameters), decay, 0
        self.values = [parameter.detach().float().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights after an optimizer step."""
        self.steps += 1
        share = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for value, parameter in zip(self.values, self.parameters, strict=True):
            value.mul_(share).add_(parameter.float(), alpha=1 - share)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within, the network holds the average; afterwards what it trains, to the bit."""
        kept = [parameter.detach().clone() for parameter in self.parameters]
        self._put(self.values)
        try:
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: Sequence[torch.Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "values": list(self.values)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError where the state is of another network."""
        values = state["values"]
        if [tuple(one.shape) for one in values] != [tuple(one.shape) for one in self.values]:
            raise ValueError("its average is of other weights")
        self.steps = int(state["steps"])
        for value, saved in zip(self.values, values, strict=True):
            value.copy_(saved)
