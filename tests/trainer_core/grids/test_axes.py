"""Where each cell stands, what it is called, and that the base without LoRA comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.run_snapshots import Snapshot
from lora_workbench.trainer_core.grids.axes import (
    BASE_LABEL,
    Point,
    all_cells,
    lay_out,
    number_points,
    prompt_points,
    snapshot_points,
)
from lora_workbench.trainer_core.problems import WordsError


def snapshot(epoch: int, run: str = "penny") -> Snapshot:
    return Snapshot(Path(f"{run}-{epoch:06d}.safetensors"), run, f"e{epoch}", epoch, None, "7", f"{run}{epoch}", False)


def axes(**changed: list[Point]) -> dict[str, list[Point]]:
    return {
        "snapshots": snapshot_points([snapshot(8)]),
        "te": number_points("te", [1]),
        "unet": number_points("unet", [1]),
        "checkpoints": [Point("m1", "base", Path("base.safetensors"))],
        "prompts": prompt_points([Request("penny", seed=5, cfg=6)]),
        **changed,
    }


def ids(grid: object) -> list[list[str | None]]:
    return [[cell and cell.id for cell in row] for row in grid.rows]


def test_te_against_unet_has_the_base_once_in_a_column_of_its_own() -> None:
    (grid,) = lay_out(axes(te=number_points("te", [0.5, 1]), unet=number_points("unet", [0.1, 2])))
    assert grid.column_labels == [BASE_LABEL, "UNet 0.1", "UNet 2.0"] and grid.row_labels == [
        "text encoder 0.5",
        "text encoder 1.0",
    ]
    assert ids(grid) == [["base", "e8/te0.5/unet0.1", "e8/te0.5/unet2.0"], [None, "e8/te1.0/unet0.1", "e8/te1.0/unet2.0"]]
    cell = grid.rows[1][1]
    assert (cell.te, cell.unet, cell.request.seed, cell.request.cfg) == (1.0, 0.1, 5, 6)


def test_snapshots_against_prompts_have_a_base_for_each_prompt() -> None:
    prompts = prompt_points([Request("a", seed=3), Request("b", "c", seed=4)])
    (grid,) = lay_out(axes(snapshots=snapshot_points([snapshot(1), snapshot(2)]), prompts=prompts))
    assert grid.row_labels == ["a", "b\nnegative: c"]
    assert ids(grid)[1] == ["base/p2", "e1/te1.0/unet1.0/p2", "e2/te1.0/unet1.0/p2"]
    assert grid.rows[1][0].snapshot is None and grid.rows[1][0].request == grid.rows[1][2].request == Request("b", "c", seed=4)


def test_rows_and_columns_as_asked_and_the_base_as_first_row() -> None:
    several = axes(seeds=number_points("seeds", [7, 8]), strength=number_points("strength", [0.5, 1]))
    del several["te"], several["unet"]
    (grid,) = lay_out(several, rows="strength", columns="seeds")
    assert grid.row_labels[0] == BASE_LABEL and grid.column_labels == ["seed 7", "seed 8"]
    assert ids(grid)[0] == ["base/s7", "base/s8"] and ids(grid)[1] == ["e8/te0.5/unet0.5/s7", "e8/te0.5/unet0.5/s8"]


def test_further_axes_make_further_grids_and_without_a_lora_axis_the_base_has_a_grid() -> None:
    several = axes(
        seeds=number_points("seeds", [7, 8]),
        cfg=number_points("cfg", [5, 7.5]),
        snapshots=snapshot_points([snapshot(1), snapshot(2)]),
    )
    grids = lay_out(several, rows="seeds", columns="cfg")
    assert [grid.title for grid in grids] == [
        BASE_LABEL,
        "e1 (penny-000001)",
        "e2 (penny-000002)",
    ]
    assert ids(grids[2])[0] == ["e2/te1.0/unet1.0/s7/cfg5", "e2/te1.0/unet1.0/s7/cfg7.5"]
    assert len(all_cells(grids)) == 12 and grids[0].rows[1][1].request.cfg == 7.5


def test_one_snapshot_alone_stands_beside_the_base_or_without_it() -> None:
    assert ids(lay_out(axes())[0]) == [["base", "e8/te1.0/unet1.0"]]
    assert ids(lay_out(axes(), base=False)[0]) == [["e8/te1.0/unet1.0"]]


def test_loras_of_several_runs_are_told_apart_by_their_files() -> None:
    points = snapshot_points([snapshot(1), snapshot(1, "zibbo")])
    assert [point.id for point in points] == ["penny-000001", "zibbo-000001"]
    with pytest.raises(WordsError, match="Two of the LoRAs are called penny-000001"):
        snapshot_points([snapshot(1), snapshot(1)])


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [("te", "te", "both rows and columns"), ("seeds", None, "seeds has one value only"), ("size", None, "size is no axis")],
)
def test_impossible_places(rows: str, columns: str | None, words: str) -> None:
    with pytest.raises(WordsError, match=words):
        lay_out(axes(te=number_points("te", [0.5, 1])), rows, columns)
