"""What is measured in a picture's pixels: how sharp it is, and how wide the bars around it are. Arrays [height, width]."""

from __future__ import annotations

import numpy as np

_REACH = 9  # pixels over which the picture is blurred once more
_FAINT = 6.0  # grey levels: differences below are a compressor's noise, not edges
_TILE = 32  # pixels
_PLAIN = 3.0  # grey levels of change a pixel that a tile needs to tell anything
_SHARPEST = 90  # percentile of the tiles: a sharp subject before a blurred background is sharp

_SAME = 14  # grey levels that a bar's pixels may differ by: JPEG's
_OF_LINE = 0.99  # share of a line's pixels that must be the bar's
_INSIDE = 4  # lines behind the bar's edge that are looked at
_EDGE_ALONG, _ONE_SIDED = 0.5, 0.75  # share of the edge that must differ from the bar, with a bar opposite and without
_LEAST, _MOST = 0.015, 0.4  # a bar's share of the side
_DARK, _LIGHT = 24, 231  # a bar on one side alone must be black or white: skies and walls end in straight lines too


def sharpness(grey: np.ndarray) -> float | None:
    """0 (blurred) to 1 (sharp) in the sharpest tenth of the picture's tiles; None where there are no edges to tell by.

    The idea is Crété-Roffet et al. 2007, "The blur effect": a sharp picture loses most of its differences between neighbouring
    pixels when it is blurred, a blurred one hardly any. Here by tiles, without differences that noise makes. The variance
    of the Laplacian, the usual measure, tells flat drawings from blurred photos badly: it grows with what is shown.
    """
    values = grey.astype(np.float32)
    lost = np.zeros(_tiled(values).shape[:2], np.float32)
    whole = np.zeros_like(lost)
    for axis in (0, 1):
        before = np.abs(np.diff(values, axis=axis))
        after = np.abs(np.diff(_blurred(values, axis), axis=axis))
        before[before < _FAINT] = 0
        pad = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        whole += _tiled(np.pad(before, pad)).sum((2, 3))
        lost += _tiled(np.pad(np.maximum(before - after, 0), pad)).sum((2, 3))
    told = whole > _PLAIN * _TILE * _TILE
    if not told.any():
        told = whole > _PLAIN * _TILE  # one line across a tile
    if not told.any():
        return None
    return float(np.percentile(lost[told] / whole[told], _SHARPEST))


def _blurred(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean over `_REACH` pixels along an axis; the border's pixels are repeated."""
    around = _REACH // 2
    pad = [(around + 1, around), (0, 0)] if axis == 0 else [(0, 0), (around + 1, around)]
    sums = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
    ends, begins = (sums[_REACH:], sums[:-_REACH]) if axis == 0 else (sums[:, _REACH:], sums[:, :-_REACH])
    return ((ends - begins) / _REACH).astype(np.float32)


def _tiled(values: np.ndarray) -> np.ndarray:
    """[tiles down, tiles across, height, width of a tile]; what is left over at the right and below is left out."""
    tile = min(_TILE, *values.shape)
    down, across = values.shape[0] // tile, values.shape[1] // tile
    cut = values[: down * tile, : across * tile]
    return cut.reshape(down, tile, across, tile).swapaxes(1, 2)


def bars(grey: np.ndarray) -> tuple[int, int, int, int]:
    """Widths in pixels of the bars (left, top, right, bottom) of one colour around the picture; 0 where there is none.

    A plain background is no bar: behind a bar's edge nearly the whole line is another colour at once, while a figure before a
    background begins with a few pixels.
    """
    values = grey.astype(np.int16)
    height = values.shape[0]
    top, bottom = _pair(values)
    inner = values[top : height - bottom]
    left, right = _pair(inner.T)
    return left, top, right, bottom


def _pair(values: np.ndarray) -> tuple[int, int]:
    """Widths of the bars at the first and the last lines."""
    first, last = _bar(values), _bar(values[::-1])
    alike = first and last and abs(float(np.median(values[0])) - float(np.median(values[-1]))) <= _SAME
    found = []
    for width, lines in ((first, values), (last, values[::-1])):
        found.append(width if width and _is_bar(lines, width, bool(alike)) else 0)
    return found[0], found[1]


def _bar(lines: np.ndarray) -> int:
    """How many lines from the first on are of one colour, the first line's; 0 where too few or too many are."""
    colour = float(np.median(lines[0]))
    same = (np.abs(lines - colour) <= _SAME).mean(axis=1) >= _OF_LINE
    width = len(same) if same.all() else int(np.argmin(same))
    return width if max(2, _LEAST * len(lines)) <= width <= _MOST * len(lines) else 0


def _is_bar(lines: np.ndarray, width: int, alike: bool) -> bool:
    colour = float(np.median(lines[0]))
    if not alike and _DARK < colour < _LIGHT:
        return False
    behind = lines[width : width + _INSIDE]
    along = (np.abs(behind - colour) > _SAME).any(axis=0).mean()
    return bool(along >= (_EDGE_ALONG if alike else _ONE_SIDED))
