"""What mends a problem of the plan, as plain values: made from a plan, changing nothing. `fixes.py` carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..settings import Settings
from ..settings.dataset_tree import DATASET_FLAGS, SUBSET_FLAGS

if TYPE_CHECKING:
    from ..plan import Plan

# Settings that a dataset file may hold for each of its folders, under the setting's name.
DATASET_OPTIONS = {flag: option for option, flag in {**SUBSET_FLAGS, **DATASET_FLAGS}.items()}


@dataclass(frozen=True)
class Mend:
    """Changes that belong together.

    settings: {name: the new value, None takes it out}; where the run has a dataset file, those that it may hold are changed in
    a copy of it. repeats: {folder: how often its pictures are to be seen}. moves: (from, to) for files and folders.
    first_tags: {caption file: the tag to stand first}. separated: caption files whose wide commas become plain.
    conversions: (picture, the PNG that is to take its place).
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    repeats: Mapping[Path, int] = field(default_factory=dict)
    moves: tuple[tuple[Path, Path], ...] = ()
    first_tags: Mapping[Path, str] = field(default_factory=dict)
    separated: tuple[Path, ...] = ()
    conversions: tuple[tuple[Path, Path], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.settings or self.repeats or self.moves or self.first_tags or self.separated or self.conversions)


Mender = Callable[["Plan"], Mend | None]


def sets(**values: Any) -> Mender:
    """A mend that is always the same settings."""
    return lambda plan: Mend(settings=values)


def takes_out(*names: str) -> Mender:
    """A mend that takes out those of the settings that are given, or that a dataset file may hold."""

    def mend(plan: Plan) -> Mend:
        in_file = DATASET_OPTIONS if plan.settings.dataset_config else {}
        return Mend(settings={name: None for name in names if name in plan.settings.given or name in in_file})

    return mend


def with_arguments(given: Sequence[str] | None, **changes: Any) -> list[str] | None:
    """name=value words with some of them changed, added or (None) taken out; None where nothing is left."""
    kept = [word for word in given or () if word.partition("=")[0].strip() not in changes]
    words = [*kept, *(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in changes.items()
                      if value is not None)]  # fmt: skip
    return words or None


def rank_and_alpha(settings: Settings, rank: int) -> Mend:
    """Another rank; the alpha stays in proportion where it was the rank, and never lies above it."""
    alpha, old = settings.network_alpha, settings.network_dim or 4
    values: dict[str, Any] = {"network_dim": rank}
    if "network_alpha" in settings.given and (alpha == old or alpha > rank):
        values["network_alpha"] = float(rank)
    return Mend(settings=values)
