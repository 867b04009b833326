"""The loss curve as an inline SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 40


def loss_curve(losses: Sequence[float]) -> str:
    """Each step's loss as a dot, the running mean over a tenth of the steps as a line, with axes in round numbers."""
    top = _round_up(max(losses))
    last = max(2, len(losses))

    def x(step: float) -> float:
        return LEFT + (step - 1) / (last - 1) * (WIDTH - LEFT - RIGHT)

    def y(loss: float) -> float:
        return HEIGHT - BOTTOM - loss / top * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss by training step">']
    for loss in (0, top / 4, top / 2, 3 * top / 4, top):
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.3g}</text>')
    for step in sorted({1, *(round(1 + part * (last - 1) / 4) for part in range(1, 5))}):
        parts.append(f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">step</text>')
    dots = " ".join(f"M{x(step):.1f} {y(loss):.1f}h0" for step, loss in enumerate(losses, start=1))
    parts.append(f'<path class="dots" d="{dots}"/>')
    line = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in enumerate(running_mean(losses), start=1))
    parts.append(f'<polyline class="mean" points="{line}"/></svg>')
    return "".join(parts)


def running_mean(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and its neighbours: a twentieth of all steps to either side, where there are so many."""
    half = len(losses) // 20
    means = []
    for place in range(len(losses)):
        near = losses[max(0, place - half) : place + half + 1]
        means.append(sum(near) / len(near))
    return means


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 or 10 times a power of ten."""
    if not value > 0 or math.isinf(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if factor * power >= value)
