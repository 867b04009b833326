"""What a detector's faces say about pictures: cut by the border, too small to be learnt, several, none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .faces import Box, Face
from .findings import Finding, Found, Names, enlargement, finding
from .look import Seen

AT_BORDER = 0.01  # of the picture's side: a face that comes so near to it is taken for cut
SMALL = 64  # px of a face as it is trained, 8 squares of the latent picture: its eyes are less than two of them
_SIDES = ("at the left border", "at the upper border", "at the right border", "at the lower border")

FaceLook = tuple[Path, Seen, list[Face]]


def of_faces(looks: Sequence[FaceLook], resolution: tuple[int, int], name: Names) -> list[Finding]:
    """All findings that the faces tell; `looks` are of pictures that can be trained."""
    border, small, several, none = [], [], [], []
    for path, seen, faces in looks:
        if not faces:
            none.append(Found(name(path)))
            continue
        cut = [side for side in _SIDES if any(side in touched(one.box, seen.size) for one in faces)]
        if cut:
            border.append(Found(name(path), "; ".join(cut)))
        side = trained_side(faces, seen.size, resolution)
        if side < SMALL:
            small.append((side, Found(name(path), f"{side:.0f} px as it is trained")))
        if len(faces) > 1:
            several.append(Found(name(path), f"{len(faces)} faces"))
    by_side = [one for _, one in sorted(small, key=lambda pair: pair[0])]
    parts = (("face-at-border", border), ("small-face", by_side), ("several-faces", several), ("no-face", none))
    return [one for code, files in parts for one in finding(code, files)]


def touched(box: Box, size: tuple[int, int]) -> tuple[str, ...]:
    """At which borders a face is that touches them or lies beyond them."""
    x, y, width, height = box
    gaps = (x / size[0], y / size[1], 1 - (x + width) / size[0], 1 - (y + height) / size[1])
    return tuple(side for side, gap in zip(_SIDES, gaps, strict=True) if gap <= AT_BORDER)


def trained_side(faces: Sequence[Face], size: tuple[int, int], resolution: tuple[int, int]) -> float:
    """The longer side of the largest face, in px of the picture as it is trained."""
    return max(max(one.box[2:]) for one in faces) * enlargement(size, resolution)
