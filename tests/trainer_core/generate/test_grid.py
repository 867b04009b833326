"""Grids: every picture whole and in its place, labels where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lora_workbench.trainer_core.generate.grid import draw_grid

COLOURS = [["#ff0000", "#00ff00", "#0000ff"], ["#ffff00", "#ff00ff", "#00ffff"]]


def place(grid: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of what has the colour; it must be a full rectangle."""
    wanted = tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
    rows, columns = np.nonzero((np.asarray(grid) == wanted).all(axis=2))
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert len(rows) == (right - left) * (bottom - top)
    return int(left), int(top), int(right - left), int(bottom - top)


def grid_of(**labels: object) -> Image.Image:
    return draw_grid([[Image.new("RGB", (64, 48), colour) for colour in row] for row in COLOURS], **labels)


def test_pictures_stand_in_rows_and_columns() -> None:
    grid = grid_of(row_labels=["one", "two"], column_labels=["a", "b", "c"], title="Title")
    places = [[place(grid, colour) for colour in row] for row in COLOURS]
    assert all(one[2:] == (64, 48) for row in places for one in row)
    for row in places:
        assert len({top for _, top, _, _ in row}) == 1
        assert [left for left, *_ in row] == sorted({left for left, *_ in row})
    assert places[0][0][1] + 48 < places[1][0][1]
    assert [one[0] for one in places[0]] == [one[0] for one in places[1]]


def test_labels_are_written_beside_and_above() -> None:
    plain, labelled = grid_of(), grid_of(row_labels=["one", "two"], column_labels=["a", "b", "c"])
    left, top, *_ = place(labelled, COLOURS[0][0])
    pixels = np.asarray(labelled.convert("L"))
    assert (pixels[top:, :left] < 128).any() and (pixels[:top, left:] < 128).any()
    left, top, *_ = place(plain, COLOURS[0][0])
    pixels = np.asarray(plain.convert("L"))
    assert not (pixels[top:, :left] < 128).any() and not (pixels[:top] < 128).any()


def test_long_labels_stay_in_the_picture() -> None:
    grid = grid_of(row_labels=["long words " * 12, "x" * 80], column_labels=["many words in a label", "b", "c"])
    edges = np.asarray(grid.convert("L"))
    assert (edges[:, 0] > 200).all() and (edges[:, -1] > 200).all()
    for row in COLOURS:
        for colour in row:
            assert place(grid, colour)[2:] == (64, 48)  # no label is written over a picture


@pytest.mark.parametrize("labels", [{"row_labels": ["one"]}, {"column_labels": ["a", "b"]}])
def test_labels_that_do_not_fit_are_an_error(labels: dict) -> None:
    with pytest.raises(ValueError, match="label"):
        grid_of(**labels)
