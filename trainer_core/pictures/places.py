"""Which part of a picture a word means: a rectangle in px or per cent, the details, the upper half, the face."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..problems import UserError
from .cutting import Box, plain_picture

_STEP = 8  # windows for details lie this fraction of their side apart
_EDGE = 12.0  # grey levels between neighbours from which they are detail
_OVERLAP = 0.15  # of a window's area that two may share
_UPPER = 0.5  # of the figure's height
_GROUND = 24  # grey levels that a plain background varies by
_FACE = re.compile(r"_(\d+)_(\d+)_(\d+)_(\d+)$")  # kohya's face tools name files …_cx_cy_w_h
_AROUND = 1.6  # a face's crop, as times of the face
_HAIR, _WAIST, _SHOULDERS = 0.7, 4.0, 4.0  # above and below a face's upper edge, and across, as times of the face


def rectangle(text: str, size: tuple[int, int], name: str) -> Box:
    """`x,y,width,height` in px, or each with % of the picture's side. UserError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    try:
        if len(parts) != 4:
            raise ValueError
        values = [_length(part, size[number % 2]) for number, part in enumerate(parts)]
    except ValueError:
        raise UserError(
            f"{text!r} is no rectangle for {name}: give left,top,width,height in px, such as 100,40,512,512, or with % each."
        ) from None
    return values[0], values[1], values[2], values[3]


def _length(text: str, side: int) -> int:
    return round(float(text[:-1]) * side / 100) if text.endswith("%") else int(text)


def named_face(path: Path, size: tuple[int, int]) -> Box | None:
    """The square around the face whose place the file's name tells, as kohya's face tools write it; None where it doesn't."""
    told = _FACE.search(path.stem)
    if told is None:
        return None
    x, y, width, height = (int(part) for part in told.groups())
    return square(x, y, max(width, height) * _AROUND, size)


def face_crop(face: Box, size: tuple[int, int]) -> Box:
    """The square around a face, with the hair and chin around it."""
    x, y, width, height = face
    return square(x + width / 2, y + height / 2, max(width, height) * _AROUND, size)


def half_body(face: Box, size: tuple[int, int]) -> Box:
    """From above the hair to about the waist, as wide as shoulders and arms are, of what lies in the picture."""
    x, y, width, height = face
    side = max(width, height)
    middle = x + width / 2
    left, right = max(0, round(middle - _SHOULDERS * side / 2)), min(size[0], round(middle + _SHOULDERS * side / 2))
    top, bottom = max(0, round(y - _HAIR * side)), min(size[1], round(y + _WAIST * side))
    return left, top, right - left, bottom - top


def square(x: float, y: float, side: float, size: tuple[int, int]) -> Box:
    """The square of that side around a point, moved and made smaller until it lies in the picture."""
    whole = int(min(side, *size))
    left = int(min(max(x - whole / 2, 0), size[0] - whole))
    top = int(min(max(y - whole / 2, 0), size[1] - whole))
    return left, top, whole, whole


def upper_half(path: Path) -> Box:
    """The upper half of what stands before a plain background, else of the picture."""
    grey = _grey(path)
    x, y, width, height = figure(grey)
    return x, y, width, max(16, round(height * _UPPER))


def figure(grey: np.ndarray) -> Box:
    """The box of all that differs from a plain border; the whole picture where the border isn't plain."""
    height, width = grey.shape
    border = np.concatenate([grey[0], grey[:, 0], grey[:, -1]])  # a figure may stand on the lower border
    ground = float(np.median(border))
    if (np.abs(border - ground) > _GROUND).mean() > 0.1:
        return 0, 0, width, height
    told = np.abs(grey - ground) > _GROUND
    rows, columns = np.flatnonzero(told.mean(axis=1) > 0.005), np.flatnonzero(told.mean(axis=0) > 0.005)
    if len(rows) < 16 or len(columns) < 16:
        return 0, 0, width, height
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def details(path: Path, resolution: tuple[int, int], count: int) -> list[Box]:
    """The windows with the most edges in them: squares of the training's size where the picture is large enough, else half of
    its shorter side. None for a picture that shows nothing."""
    grey = _grey(path)
    height, width = grey.shape
    side = int(min((resolution[0] * resolution[1]) ** 0.5, min(width, height) / 2))
    if side < 16:
        raise UserError(f"{path.name} is too small ({width}×{height} px) to cut details out of it: leave it out.")
    edges = np.zeros((height + 1, width + 1))
    told = np.zeros((height, width))
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis=axis)))
        told += np.where(steps > _EDGE, steps, 0)
    edges[1:, 1:] = told.cumsum(0).cumsum(1)
    step = max(1, side // _STEP)
    tops, lefts = np.arange(0, height - side + 1, step), np.arange(0, width - side + 1, step)
    sums = (edges[np.ix_(tops + side, lefts + side)] - edges[np.ix_(tops, lefts + side)]
            - edges[np.ix_(tops + side, lefts)] + edges[np.ix_(tops, lefts)])  # fmt: skip
    found: list[Box] = []
    while len(found) < count and sums.max() > 0:
        row, column = np.unravel_index(int(sums.argmax()), sums.shape)
        top, left = int(tops[row]), int(lefts[column])
        found.append((left, top, side, side))
        down, across = (np.clip(side - np.abs(places - at), 0, None) for places, at in ((tops, top), (lefts, left)))
        sums[np.outer(down, across) > _OVERLAP * side * side] = 0
    return found


def _grey(path: Path) -> np.ndarray:
    return np.asarray(plain_picture(path).convert("L"), np.float32)
