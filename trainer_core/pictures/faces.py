"""A detector of faces on onnxruntime: a picture in, rectangles out.

Two kinds of files are read, told by what they give: YOLO's export (versions 8 to 12: RGB of 0…1, one output [1, 4 + classes,
places] of centre, size and scores in px of the input) and YuNet's (BGR of 0…255, outputs cls_8, obj_8, bbox_8 and so on for
squares of 8, 16 and 32 px; Wu, Peng and Yu 2023). Both are given the picture at the input's upper left corner.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..problems import UserError

Box = tuple[int, int, int, int]  # x, y, width, height in px of the upright picture; a face's may reach beyond it

_USUAL, _STEP = 640, 32  # px of the longer side where the input may be of any size, and what both sides are multiples of
_GREY = 114  # what YOLO is trained with beside pictures
_STRIDES = (8, 16, 32)
# Scores from which a face is believed, and the share that two may have in common: the detectors' authors' own.
_YOLO_SCORE, _YOLO_SHARED = 0.25, 0.7
_YUNET_SCORE, _YUNET_SHARED = 0.6, 0.3
_YUNET_SIZES = (1.0, 0.4)  # of the input: it knows faces of 10 to 300 px, so that a close-up is shown to it smaller too

_DAMAGES = (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError,
            Image.DecompressionBombError)  # fmt: skip


@dataclass(frozen=True)
class Face:
    """`score`: 0 to 1, how sure the detector is."""

    box: Box
    score: float


@dataclass(frozen=True)
class FaceDetector:
    """A loaded detector; make one with `load`. `side`: of its input in px, None where that may be of any size."""

    path: Path
    session: Any
    side: tuple[int, int] | None
    classes: tuple[int, ...]
    is_yunet: bool

    @classmethod
    def load(cls, path: Path) -> FaceDetector:
        """UserError where the file is no detector of a kind that is known here."""
        from ...tagger.model import session_of

        session, _ = session_of(path, 1)  # several pictures are looked at beside each other
        (entry, *others), outputs = session.get_inputs(), session.get_outputs()
        names = {one.name for one in outputs}
        is_yunet = all(f"{part}_{stride}" in names for part in ("cls", "obj", "bbox") for stride in _STRIDES)
        shape = list(entry.shape)
        if others or len(shape) != 4 or shape[1] not in (3, "3") or not (is_yunet or _is_yolo(outputs)):
            raise UserError(
                f"{path} is no detector of faces that can be read: it must be YOLO's export (one output `[1, 4 + "
                "classes, places]`) or YuNet's."
            )
        sides = [one for one in shape[2:] if isinstance(one, int) and one > 0]
        side = (sides[1], sides[0]) if len(sides) == 2 else None
        return cls(path, session, side, _face_classes(session.get_modelmeta().custom_metadata_map), is_yunet)

    def faces(self, picture: Image.Image) -> list[Face]:
        """The faces of an upright RGB picture, the surest first."""
        sizes, shared = (_YUNET_SIZES, _YUNET_SHARED) if self.is_yunet else ((1.0,), _YOLO_SHARED)
        found = np.concatenate([self._seen(picture, share) for share in sizes])
        return [_face(row) for row in distinct(found, shared)]

    def _seen(self, picture: Image.Image, share: float) -> np.ndarray:
        """[faces, 5]: left, top, right, bottom in px of the picture, and the score; `share` of the input is filled."""
        shown, scale = placed(picture, self.side, share, 0 if self.is_yunet else _GREY)
        if self.is_yunet:
            pixels = np.ascontiguousarray(shown[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
        else:
            pixels = np.ascontiguousarray(shown.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        given = self._asked(pixels)
        if self.is_yunet:
            rows = yunet_rows(given, shown.shape[1])
        else:
            rows = yolo_rows(next(iter(given.values()))[0], self.classes)
        rows[:, :4] /= scale
        return rows

    def _asked(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """What the model gives, by name; UserError where it fails, or gives other numbers than its kind does."""
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        names = [one.name for one in self.session.get_outputs()]
        try:
            given = self.session.run(names, {self.session.get_inputs()[0].name: pixels})
        except (state.Fail, state.InvalidArgument, state.RuntimeException, state.NotImplemented) as error:
            why = str(error).splitlines()[0]
            raise UserError(f"{self.path} can't look for faces: give another detector ({why}).") from None
        if not self.is_yunet and not 4 < given[0].shape[1] < given[0].shape[2]:
            shape = "×".join(map(str, given[0].shape))
            raise UserError(f"{self.path} gives {shape} numbers, which are no faces of YOLO's: give another detector.")
        return dict(zip(names, given, strict=True))


def _is_yolo(outputs: Sequence[Any]) -> bool:
    shape = outputs[0].shape
    return len(outputs) == 1 and len(shape) == 3 and (not isinstance(shape[1], int) or shape[1] > 4)


def _face_classes(metadata: Mapping[str, str]) -> tuple[int, ...]:
    """Which of a detector's classes are faces, by the names that YOLO writes into the file; () for all of them."""
    try:
        names = ast.literal_eval(metadata.get("names", "{}"))
    except (ValueError, SyntaxError):
        return ()
    if not isinstance(names, dict):
        return ()
    return tuple(number for number, name in names.items() if isinstance(number, int) and "face" in str(name).lower())


def placed(picture: Image.Image, side: tuple[int, int] | None, share: float, ground: int) -> tuple[np.ndarray, float]:
    """([height, width, 3] of bytes with the picture at the upper left, how many times larger than the picture it is there)."""
    width, height = side or (_USUAL, _USUAL)
    scale = share * min(width / picture.width, height / picture.height)
    small = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if side is None:
        width, height = (-(-one // _STEP) * _STEP for one in small)
    shown = np.full((height, width, 3), ground, np.uint8)
    shown[: small[1], : small[0]] = np.asarray(picture.resize(small, Image.Resampling.BILINEAR))
    return shown, scale


def yolo_rows(given: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """[faces, 5] of an output [4 + classes, places]."""
    scores = given[4:][list(classes)] if classes else given[4:]
    best = scores.max(axis=0)
    kept = best >= _YOLO_SCORE
    x, y, width, height = given[:4, kept]
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2, best[kept]], axis=1).astype(np.float64)


def yunet_rows(given: Mapping[str, np.ndarray], width: int) -> np.ndarray:
    """[faces, 5] of the outputs for an input of that width: squares in rows, each with a shift of its middle and a size."""
    rows = []
    for stride in _STRIDES:
        parts = {part: given[f"{part}_{stride}"].reshape(-1, last) for part, last in (("cls", 1), ("obj", 1), ("bbox", 4))}
        score = np.sqrt(np.clip(parts["cls"], 0, 1) * np.clip(parts["obj"], 0, 1))[:, 0]
        (kept,) = np.nonzero(score >= _YUNET_SCORE)
        down, across = np.divmod(kept, width // stride)
        box = parts["bbox"][kept].astype(np.float64)
        x, y = (across + box[:, 0]) * stride, (down + box[:, 1]) * stride
        half_width, half_height = np.exp(box[:, 2]) * stride / 2, np.exp(box[:, 3]) * stride / 2
        rows.append(np.stack([x - half_width, y - half_height, x + half_width, y + half_height, score[kept]], axis=1))
    return np.concatenate(rows)


def distinct(rows: np.ndarray, shared: float) -> list[np.ndarray]:
    """The surest first, without those that share more than `shared` of their area with a surer one."""
    kept: list[np.ndarray] = []
    for row in rows[np.argsort(-rows[:, 4], kind="stable")]:
        if all(overlap(row, other) <= shared for other in kept):
            kept.append(row)
    return kept


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """The area that two rectangles share, of the area that both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(row[2] - row[0]) * (row[3] - row[1]) for row in (one, other)]
    return float(width * height / (sum(areas) - width * height))


def _face(row: np.ndarray) -> Face:
    left, top, right, bottom = (round(float(one)) for one in row[:4])
    return Face((left, top, right - left, bottom - top), round(float(row[4]), 3))


def face_look(detector: FaceDetector) -> Callable[[Path], list[Face]]:
    """Looks into a file; a picture that can't be read has no face."""
    from ..picture_files import opened, upright

    def look(path: Path) -> list[Face]:
        try:
            with opened(path.read_bytes()) as image:
                picture = upright(image)
        except _DAMAGES:  # the report names such files by other findings
            return []
        return detector.faces(picture)

    return look
