"""What a grid varies: points along axes, cells where they cross, and which cell stands in which place of which grid."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..generate.lora_words import with_words, written_out
from ..generate.request import Lora, Request
from ..generate.run_snapshots import Snapshot
from ..problems import WordsError

LORA_AXES = ("snapshots", "te", "unet", "strength", "lbw", "x")  # what the base without LoRA doesn't have
OTHER_AXES = ("together", "checkpoints", "prompts", "seeds", "cfg", "sampler", "steps", "clip_skip")
AXES = (*LORA_AXES, *OTHER_AXES)
SAME_AS = {"epochs": "snapshots", "loras": "snapshots"}
_COLUMNS = ("snapshots", "strength", "unet", "te", "lbw", "x", "together", "cfg", "checkpoints", "sampler", "steps",
            "clip_skip", "seeds", "prompts")  # fmt: skip
_ROWS = ("prompts", "te", "x", "lbw", "together", "seeds", "checkpoints", "cfg", "sampler", "steps",
         "clip_skip", "strength", "unet", "snapshots")  # fmt: skip
BASE = "base"
BASE_LABEL = "base, without LoRA"


@dataclass(frozen=True)
class Point:
    """One value of an axis: its part of a cell's id, how a picture is labelled, and the value."""

    id: str
    label: str
    value: Any


@dataclass(frozen=True)
class Cell:
    """One picture. Without a snapshot it is the base's; `request` is complete but for the snapshot.

    `lbw`, `x`: the snapshot's block weights, as in a prompt of webui's.
    """

    id: str
    checkpoint: Path
    snapshot: Snapshot | None
    te: float
    unet: float
    request: Request
    lbw: str = ""
    x: float | None = None

    def lora(self) -> Lora | None:
        """The snapshot as a LoRA on top of the checkpoint; None in the base's cells."""
        if self.snapshot is None:
            return None
        one = self.snapshot
        return Lora(one.name, one.digest, self.te, self.unet, self.lbw, self.x, str(one.path))

    def loras(self) -> tuple[Lora, ...]:
        """All that are put on: the snapshot, and those of the prompt and of `together`."""
        own = self.lora()
        return (*([own] if own else []), *self.request.loras)


@dataclass(frozen=True)
class Grid:
    """Cells in rows and columns; None leaves a place empty."""

    title: str
    row_labels: list[str]
    column_labels: list[str]
    rows: list[list[Cell | None]] = field(default_factory=list)


Axes = Mapping[str, Sequence[Point]]


def strength_text(value: float) -> str:
    """1.0, 0.5, 0.25: always with a point, so that a cell's id can't be misread."""
    return repr(float(value))


def number_points(axis: str, values: Sequence[float]) -> list[Point]:
    """Points of te, unet, strength, seeds or cfg."""
    unlike = list(dict.fromkeys(values))
    if axis == "strength":
        return [
            Point(f"te{strength_text(one)}/unet{strength_text(one)}", f"strength {strength_text(one)}", float(one))
            for one in unlike
        ]
    if axis in ("te", "unet"):
        name = "text encoder" if axis == "te" else "UNet"
        return [Point(f"{axis}{strength_text(one)}", f"{name} {strength_text(one)}", float(one)) for one in unlike]
    short, name = ("s", "seed") if axis == "seeds" else ("cfg", "CFG")
    return [Point(f"{short}{one:g}" if axis == "cfg" else f"{short}{one}", f"{name} {one:g}", one) for one in unlike]


def sampling_points(axis: str, values: Sequence[Any]) -> list[Point]:
    """Points of sampler, steps or clip_skip."""
    names = {"steps": "{} steps", "clip_skip": "clip skip {}"}
    ids = {"sampler": "by", "steps": "n", "clip_skip": "clip"}
    words = [(one, str(one).replace(" ", "_").replace("+", "p")) for one in dict.fromkeys(values)]
    return [Point(f"{ids[axis]}{word}", names.get(axis, "{}").format(one), one) for one, word in words]


def snapshot_points(snapshots: Sequence[Snapshot]) -> list[Point]:
    """Labels alone where all are of one run, else names of files."""
    alone = len({one.run for one in snapshots}) <= 1 and len({one.label for one in snapshots}) == len(snapshots)
    ids = [one.label if alone else one.name for one in snapshots]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice:
        raise WordsError(f"Two of the LoRAs are called {twice}: webui couldn't tell them apart, so give one another name.")
    return [Point(id_, id_ if not alone else f"{one.label} ({one.name})", one) for id_, one in zip(ids, snapshots, strict=True)]


def prompt_points(requests: Sequence[Request]) -> list[Point]:
    points = []
    for number, one in enumerate(requests, start=1):
        label = with_words(one) or "(no prompt)"
        points.append(Point(f"p{number}", f"{label}\nnegative: {one.negative}" if one.negative else label, one))
    return points


def block_points(lists: Sequence[str]) -> list[Point]:
    """Block weights: presets by their names, lists by their numbers."""
    unlike = list(dict.fromkeys(lists))
    places = [one for one in unlike if "," in one]
    ids = [f"list{places.index(one) + 1}" if one in places else f"lbw{one or 'ALL'}" for one in unlike]
    return [Point(id_, one or "all blocks", written_out(one)) for id_, one in zip(ids, unlike, strict=True)]


def x_points(values: Sequence[float]) -> list[Point]:
    """Values of X in block weights."""
    return [Point(f"x{strength_text(one)}", f"X = {strength_text(one)}", float(one)) for one in dict.fromkeys(values)]


def together_points(sets: Sequence[tuple[Lora, ...]]) -> list[Point]:
    """Further LoRAs that are put on together with the snapshot; an empty set is the snapshot alone."""
    return [
        Point(f"w{number}", " ".join(one.word() for one in loras) or "alone", loras)
        for number, loras in enumerate(dict.fromkeys(sets), start=1)
    ]


def lay_out(axes: Axes, rows: str | None = None, columns: str | None = None, base: bool = True) -> list[Grid]:
    """Grids of all cells, the base without LoRA first; what is neither in rows nor in columns makes further grids."""
    varied = [name for name in AXES if len(axes.get(name, ())) > 1]
    rows, columns = _placed(varied, rows, columns)
    others = [name for name in varied if name not in (rows, columns)]
    in_columns, in_rows = columns in LORA_AXES, rows in LORA_AXES
    grids = []
    if base and not in_columns and not in_rows:
        plain = [name for name in others if name not in LORA_AXES]
        grids += [_grid(axes, rows, columns, one, base_only=True) for one in _crossings(axes, plain)]
    for one in _crossings(axes, others):
        grid = _grid(axes, rows, columns, one)
        grids.append(_with_base(grid, axes, rows, columns, one) if base else grid)
    return grids


def _placed(varied: Sequence[str], rows: str | None, columns: str | None) -> tuple[str | None, str]:
    """The axes of rows and columns: as asked, else the usual ones of those that vary."""
    for name in (rows, columns):
        if name is not None and name not in AXES:
            raise WordsError(f"{name} is no axis; there are {', '.join((*AXES, *SAME_AS))}.")
    if rows is not None and rows == columns:
        raise WordsError(f"{rows} can't be both rows and columns: choose another axis for one of them.")
    for name in (rows, columns):
        if name is not None and name not in varied and name != "snapshots":
            raise WordsError(f"{name} has one value only: give it several, or leave it out of rows and columns.")
    columns = columns or next((name for name in _COLUMNS if name in varied and name != rows), None)
    rows = rows or next((name for name in _ROWS if name in varied and name != columns), None)
    return rows, columns or "snapshots"


def _crossings(axes: Axes, names: Sequence[str]) -> list[dict[str, Point]]:
    return [dict(zip(names, points, strict=True)) for points in itertools.product(*(axes[name] for name in names))]


def _grid(axes: Axes, rows: str | None, columns: str, others: Mapping[str, Point], base_only: bool = False) -> Grid:
    down = [{rows: point} for point in axes[rows]] if rows else [{}]
    across = axes[columns]
    labels = [point.label for name, point in others.items()]
    title = ", ".join([BASE_LABEL, *labels] if base_only else labels)
    cells: list[list[Cell | None]] = [
        [_cell(axes, {**others, **row, columns: point}, base_only) for point in across] for row in down
    ]
    return Grid(title, [point.label for row in down for point in row.values()], [point.label for point in across], cells)


def _with_base(grid: Grid, axes: Axes, rows: str | None, columns: str, others: Mapping[str, Point]) -> Grid:
    """The base as first column, or first row; one picture where rows and columns are both the LoRA's."""
    if columns in LORA_AXES:
        down = [{rows: point} for point in axes[rows]] if rows else [{}]
        first = [_cell(axes, {**others, **row}, True) for row in down]
        shown: list[Cell | None] = [first[0], *[None] * (len(first) - 1)] if rows in LORA_AXES else [*first]
        cells = [[one, *row] for one, row in zip(shown, grid.rows, strict=True)]
        return Grid(grid.title, grid.row_labels, [BASE_LABEL, *grid.column_labels], cells)
    if rows in LORA_AXES:
        first_row: list[Cell | None] = [_cell(axes, {**others, columns: point}, True) for point in axes[columns]]
        return Grid(grid.title, [BASE_LABEL, *grid.row_labels], grid.column_labels, [first_row, *grid.rows])
    return grid


def _cell(axes: Axes, chosen: Mapping[str, Point], base: bool) -> Cell:
    """The cell where the chosen points cross; axes that nothing was chosen of have one value."""
    at = {name: chosen.get(name, points[0]) for name, points in axes.items() if points}
    parts = [BASE] if base else [at[name].id for name in LORA_AXES if name in at]
    parts += [at[name].id for name in OTHER_AXES if len(axes.get(name, ())) > 1]
    strength = at["strength"].value if "strength" in at else None
    te, unet = (strength, strength) if strength is not None else (at["te"].value, at["unet"].value)
    request = at["prompts"].value
    if "seeds" in at:
        request = replace(request, seed=at["seeds"].value)
    if "cfg" in at:
        request = replace(request, cfg=float(at["cfg"].value))
    request = replace(request, **{name: at[name].value for name in ("sampler", "steps", "clip_skip") if name in at})
    if "together" in at:
        request = replace(request, loras=(*request.loras, *at["together"].value))
    if base:
        return Cell("/".join(parts), at["checkpoints"].value, None, 0.0, 0.0, request)
    lbw, x = (at[name].value if name in at else default for name, default in (("lbw", ""), ("x", None)))
    return Cell("/".join(parts), at["checkpoints"].value, at["snapshots"].value, te, unet, request, lbw, x)


def all_cells(grids: Sequence[Grid]) -> list[Cell]:
    """Each cell once, in the order of the grids."""
    return list({cell.id: cell for grid in grids for row in grid.rows for cell in row if cell is not None}.values())
