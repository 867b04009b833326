"""Results as Markdown: mean and spread over the seeds, and each arm against the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # arm → seed → measures


def cell(values: Sequence[float]) -> str:
    """mean ± standard deviation over the seeds (n - 1)."""
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"


def table(results: Results, columns: Sequence[str], what: Mapping[str, str]) -> str:
    """One row an arm; arms without any result are left out."""
    lines = ["| arm | seeds | " + " | ".join(columns) + " | |", "|---|---|" + "---|" * (len(columns) + 1)]
    for arm, by_seed in results.items():
        rows = list(by_seed.values())
        if rows:
            cells = [_column(rows, name) for name in columns]
            lines.append(f"| `{arm}` | {len(rows)} | " + " | ".join(cells) + f" | {what[arm]} |")
    return "\n".join(lines)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    if any(value is None or isinstance(value, int) for value in values):  # counts of steps; None: not within this training
        return ", ".join("never" if value is None else str(value) for value in values)
    return cell(values) if values else ""


def won(results: Results, column: str) -> str:
    """Which arm has the highest mean, over the seeds that all have, and in how many of these it is the best."""
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in results.values())))
    if not seeds or len(results) < 2:
        return ""
    means = {arm: mean(by_seed[seed][column] for seed in seeds) for arm, by_seed in results.items()}
    best, second, *_ = sorted(means, key=means.__getitem__, reverse=True)
    first = sum(results[best][seed][column] >= max(by_seed[seed][column] for by_seed in results.values()) for seed in seeds)
    shown = f"{column}: `{best}` won with {means[best]:.3f} before `{second}` with {means[second]:.3f}"
    return f"{shown}; it is the best in {first} of {len(seeds)} seeds"


def against(results: Results, arm: str, other: str, column: str) -> str:
    """The difference within pairs of the same seed, with its standard error: what the spread between seeds hides."""
    seeds = sorted(set(results[arm]) & set(results[other]))
    if len(seeds) < 2:
        return ""
    differences = [results[arm][seed][column] - results[other][seed][column] for seed in seeds]
    lower = sum(one < 0 for one in differences)
    error = stdev(differences) / len(differences) ** 0.5
    shown = f"{column}, `{arm}` − `{other}`: {mean(differences):+.4f} ± {error:.4f} (standard error)"
    return f"{shown}; lower in {lower} of {len(seeds)} seeds"
