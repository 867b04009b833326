"""Typed readers of the guide's tables (`data/*.json`): each fact once, with the guide's lines and, where it errs, the truth.

Light: standard library only.
"""

from __future__ import annotations

import functools
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from ..files import read_json
from .entries import (
    AlphaRow,
    Alternative,
    BlockUse,
    Carried,
    Damping,
    DifficultyClass,
    Fact,
    InitialSettings,
    LycorisRow,
    MemoryRow,
    Named,
    OptimizerRow,
    RankRow,
    SimpleForm,
    Use,
)

DATA = Path(__file__).parent / "data"
Entry = TypeVar("Entry")


@functools.cache
def content(name: str) -> dict[str, Any]:
    """A data file as it is written."""
    return read_json(DATA / f"{name}.json")


def rows(name: str, table: str, made_of: type[Entry]) -> tuple[Entry, ...]:
    """A table of a data file as entries of that class; a name that the class lacks is an error of ours."""
    known = [field.name for field in fields(made_of)]  # type: ignore[arg-type]
    found = []
    for row in content(name)[table]:
        unknown = set(row) - set(known)
        if unknown:
            raise ValueError(f"guide data {name}.json, {table}: {made_of.__name__} has no {', '.join(sorted(unknown))}")
        found.append(made_of(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}))
    return tuple(found)


def fact(name: str, *keys: str) -> Fact:
    """A single figure, by its place in a data file."""
    found: Any = content(name)
    for key in keys:
        found = found[key]
    return Fact(**found)


def difficulty_classes() -> tuple[DifficultyClass, ...]:
    return rows("difficulty", "classes", DifficultyClass)


def difficulty(code: str) -> DifficultyClass:
    """The class of that letter, A to I; KeyError for another."""
    return {one.code: one for one in difficulty_classes()}[code.upper()]


def uses() -> tuple[Use, ...]:
    return rows("difficulty", "uses", Use)


def use(code: str) -> Use:
    return {one.code: one for one in uses()}[code]


def shift(code: str) -> dict[str, Any]:
    """The male or the vehicle shift: about, line, until, and `classes` or `from`."""
    return {one["code"]: one for one in content("difficulty")["shifts"]}[code]


def initial_settings() -> tuple[InitialSettings, ...]:
    return rows("kinds", "rows", InitialSettings)


def initial(kind: str, quality: str = "good") -> InitialSettings:
    """The row of a kind; `quality` (good, poor, star) tells characters' rows apart. Vehicles are trained as characters."""
    kind = "character" if kind == "vehicle" else kind
    return next(one for one in initial_settings() if one.kind == kind and one.quality in ("", quality))


def simple_forms() -> tuple[SimpleForm, ...]:
    return rows("simple", "forms", SimpleForm)


def simple_alternatives() -> tuple[Alternative, ...]:
    return rows("simple", "alternatives", Alternative)


def optimizers() -> tuple[OptimizerRow, ...]:
    return rows("optimizers", "optimizers", OptimizerRow)


def optimizer(code: str) -> OptimizerRow | None:
    """The guide's row of an optimizer, in any letter case; None where the guide has none."""
    return {one.code.lower(): one for one in optimizers()}.get(code.lower())


def damping() -> tuple[Damping, ...]:
    return rows("damping", "options", Damping)


def alpha_rows() -> tuple[AlphaRow, ...]:
    return rows("alpha", "rows", AlphaRow)


def rank_rows() -> tuple[RankRow, ...]:
    return tuple(
        RankRow(one["kind"], one["from"], one["rank"], one["about"], one["line"]) for one in content("ranks")["by_pictures"]
    )


def rank_for(kind: str, pictures: int) -> RankRow:
    """The row that counts for a kind with so many pictures. Vehicles are trained as characters."""
    kind = "character" if kind == "vehicle" else kind
    return [one for one in rank_rows() if one.kind == kind and one.pictures <= pictures][-1]


def sdxl_shifts() -> dict[str, Named]:
    return {one.code: one for one in rows("sdxl", "shifts", Named)}


def lycoris() -> tuple[LycorisRow, ...]:
    return rows("lycoris", "kinds", LycorisRow)


def lycoris_facts() -> tuple[Named, ...]:
    return rows("lycoris", "facts", Named)


def carried() -> tuple[Carried, ...]:
    return rows("blocks", "carries", Carried)


def block_uses() -> dict[str, BlockUse]:
    return {one.code: one for one in rows("blocks", "uses", BlockUse)}


def memory_rows() -> tuple[MemoryRow, ...]:
    return rows("memory", "rows", MemoryRow)


def memory_row(family: str, gigabytes: float) -> MemoryRow:
    family = "sdxl" if family == "sdxl" else "sd"
    return [one for one in memory_rows() if one.family == family and one.from_gb <= gigabytes][-1]
