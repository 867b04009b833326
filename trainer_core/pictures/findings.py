"""What was seen in pictures turned into findings: a code, a sentence, a mend, and the files with what of each."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..problems import Severity
from .alike import SIDE, groups, nearly_same
from .look import SCALES, Seen
from .sentences import SENTENCES

Look = tuple[Path, Seen]
TOO_SMALL = 1.5  # times that a picture would be enlarged: from here on it teaches mush
ENLARGED = 1.05
BLURRED = 0.55  # of measures.sharpness; docs/pictures.md has the measurement


@dataclass(frozen=True)
class Found:
    """One file of a finding: its name in the folder, what of it, and the names of those that it is like."""

    name: str
    words: str = ""
    others: tuple[str, ...] = ()
    box: tuple[int, int, int, int] | None = None  # x, y, width, height of what would be left of it, in px


@dataclass(frozen=True)
class Finding:
    """Codes are stable, so that programs and translations can hold on to them."""

    code: str
    severity: Severity
    message: str
    fix: str
    files: tuple[Found, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Names:
    """Files by their names in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def finding(code: str, files: Sequence[Found]) -> list[Finding]:
    """The finding with its sentence, or none where it is about no file."""
    if not files:
        return []
    severity, one, many, fix = SENTENCES[code]
    message = one if len(files) == 1 else many.format(count=len(files))
    return [Finding(code, severity, message, fix, tuple(files))]


def of_pictures(looks: Sequence[Look], resolution: tuple[int, int], name: Names) -> list[Finding]:
    """All findings that the files themselves tell. resolution: the training's, width and height in px."""
    broken = [finding(code, [Found(name(path), seen.reason) for path, seen in looks if seen.code == code])
              for code in ("unreadable", "animated", "tiny")]  # fmt: skip
    good = [(path, seen) for path, seen in looks if not seen.reason]
    found = [*broken, *_sizes(good, resolution, name), _blurred(good, resolution, name), *_doubles(good, name),
             _bars(good, name), *_colours(good, name), *_exif(good, name)]  # fmt: skip
    return [one for some in found for one in some]


def enlargement(size: tuple[int, int], resolution: tuple[int, int]) -> float:
    """How many times a picture is enlarged until it has as many pixels as it is trained with; 1 or less: not at all."""
    return math.sqrt(resolution[0] * resolution[1] / (size[0] * size[1]))


def _sizes(good: Sequence[Look], resolution: tuple[int, int], name: Names) -> Iterable[list[Finding]]:
    small, enlarged = [], []
    for path, seen in good:
        times = enlargement(seen.size, resolution)
        one = Found(name(path), f"{seen.size[0]}×{seen.size[1]} px, enlarged {times:.2g}×")
        if times >= TOO_SMALL:
            small.append(one)
        elif times > ENLARGED:
            enlarged.append(one)
    return finding("too-small", small), finding("enlarged", enlarged)


def _blurred(good: Sequence[Look], resolution: tuple[int, int], name: Names) -> list[Finding]:
    side = math.sqrt(resolution[0] * resolution[1])
    at = min(range(len(SCALES)), key=lambda number: abs(SCALES[number] - side))
    values = [(path, seen.sharp[at]) for path, seen in good]
    files = [(value, Found(name(path), f"sharpness {value:.2f}")) for path, value in values if value is not None]
    return finding("blurred", [one for value, one in sorted(files, key=lambda pair: pair[0]) if value < BLURRED])


def _doubles(good: Sequence[Look], name: Names) -> Iterable[list[Finding]]:
    """Pictures that show the same; each finding names all but the first of a group, which is the largest."""
    by_size = sorted(good, key=lambda one: (-one[1].size[0] * one[1].size[1], name(one[0])))
    same: dict[str, list[Look]] = {}
    for one in by_size:
        same.setdefault(one[1].pixels, []).append(one)
    exact = [Found(name(path), f"the same as {name(first)}", (name(first),))
             for (first, _), *others in same.values() for path, _ in others]  # fmt: skip
    kept = [members[0] for members in same.values()]
    pairs = list(nearly_same(copies([seen for _, seen in kept])))
    near, mirrored = [], []
    upright = groups([(one, other) for one, other, flipped in pairs if not flipped])
    together = {member: group[0] for group in upright for member in group}
    for first, *others in upright:
        near += [_like(kept, one, first, "nearly the same as {}", name) for one in others]
    for first, *others in groups([(one, other) for one, other, flipped in pairs if flipped]):
        own = [one for one in others if together.get(one, one) != together.get(first, first)]
        mirrored += [_like(kept, one, first, "the mirror image of {}", name) for one in own]
    return finding("duplicate", exact), finding("near-duplicate", near), finding("mirrored-duplicate", mirrored)


def _like(kept: Sequence[Look], one: int, first: int, words: str, name: Names) -> Found:
    other = name(kept[first][0])
    return Found(name(kept[one][0]), words.format(other), (other,))


def copies(seen: Sequence[Seen]) -> np.ndarray:
    """[pictures, SIDE, SIDE] of grey bytes."""
    flat = b"".join(base64.b64decode(one.copy) for one in seen)
    return np.frombuffer(flat, np.uint8).reshape(len(seen), SIDE, SIDE)


def _bars(good: Sequence[Look], name: Names) -> list[Finding]:
    files = []
    for path, seen in good:
        if any(seen.bars):
            left, top, right, bottom = seen.bars
            box = (left, top, seen.size[0] - left - right, seen.size[1] - top - bottom)
            files.append(Found(name(path), f"left {left}, top {top}, right {right}, bottom {bottom} px", box=box))
    return finding("bars", files)


def _colours(good: Sequence[Look], name: Names) -> Iterable[list[Finding]]:
    yield finding("colour-profile", [Found(name(path), seen.profile) for path, seen in good if seen.profile])
    yield finding("cmyk", [Found(name(path)) for path, seen in good if seen.mode == "CMYK"])
    yield finding("deep-colour", [Found(name(path), seen.mode) for path, seen in good if seen.deep])
    yield finding("transparent", [Found(name(path)) for path, seen in good if seen.transparent])


def _exif(good: Sequence[Look], name: Names) -> Iterable[list[Finding]]:
    private = [
        Found(name(path), "; ".join([*(["where it was taken (GPS)"] if seen.gps else []), *seen.private]))
        for path, seen in good
        if seen.gps or seen.private
    ]
    yield finding("private-data", private)
    yield finding("turned", [Found(name(path)) for path, seen in good if seen.turned])
