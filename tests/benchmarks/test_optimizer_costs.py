"""What an optimizer keeps for each number is what its method needs."""

from __future__ import annotations

import pytest

from lora_workbench.benchmarks.optimizer_costs import cost


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("AdamW", 8, 8.1), ("Lion", 4, 4.1), ("SGDNesterov", 4, 4.1), ("AdamW8bit", 2, 2.5), ("AdaFactor", 0, 1)],
)
def test_state_for_each_number(name: str, least: float, most: float) -> None:
    size, milliseconds = cost(name, pairs=2)
    assert least <= size <= most and milliseconds > 0
