"""The report: every picture of a folder looked at, what was found, and how it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...tagger.cache import opened_store
from ...tagger.folder import pictures_of
from ..problems import UserError
from .face_findings import of_faces
from .faces import Face
from .findings import Finding, Found, Look, Names, finding, of_pictures
from .hints import Hints, collected
from .memory import Told, faces_in, look_at
from .sentences import FLAGS

_ORDER = ("error", "warning", "note")
_NAMED = 8  # files named in a terminal


@dataclass(frozen=True)
class Detected:
    """A detector of faces: as it was asked for, and its file."""

    asked: str
    file: Path


@dataclass(frozen=True)
class Report:
    """`sizes`: {name: [width, height]} of those that can be trained. `detector`: the one of faces, as it was asked for, or "";
    `faces`: {name: what it saw} of the same pictures."""

    folder: Path
    count: int
    resolution: tuple[int, int]
    findings: tuple[Finding, ...]
    sizes: dict[str, tuple[int, int]]
    detector: str = ""
    faces: dict[str, list[Face]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "pictures": self.count,
            "resolution": list(self.resolution),
            "findings": [one.as_dict() for one in self.findings],
            "sizes": self.sizes,
            "detector": self.detector,
            "faces": {name: [[*one.box, one.score] for one in faces] for name, faces in self.faces.items() if faces},
        }

    def text(self) -> str:
        """For the terminal."""
        width, height = self.resolution
        lines = [f"{self.folder}: {self.count} pictures, looked at for training at {width}×{height}"]
        for one in self.findings:
            lines.append(f"  {one.severity}: {one.message} [{one.code}]")
            lines += [f"      {found.name}" + (f": {found.words}" if found.words else "") for found in one.files[:_NAMED]]
            lines += [f"      … and {len(one.files) - _NAMED} more (--json has all)"] if len(one.files) > _NAMED else []
            flag = FLAGS.get(one.code)
            lines.append(f"    → {one.fix}" + (f" ({flag})" if flag else ""))
        return "\n".join(lines if self.findings else [*lines, "  nothing was found that should be mended."])

    def of(self, code: str) -> list[str]:
        """Names of the pictures that a finding is about."""
        return [found.name for one in self.findings if one.code == code for found in one.files]


def make_report(
    folder: Path, resolution: tuple[int, int], extension: str, cache: Path, told: Told, detector: Detected | None = None
) -> Report:
    """Looks at all pictures of the folder and the folders in it; UserError where there is none. `detector`: that faces are
    looked for with."""
    pictures = listed(folder)
    looks = list(look_at(pictures, cache, told))
    name = Names(folder)
    found = of_pictures(looks, resolution, name)
    found += _hinted(looks, extension, cache, name)
    faces: dict[Path, list[Face]] = {}
    if detector is not None:
        good = {path: seen for path, seen in looks if not seen.reason}
        faces = dict(faces_in(list(good), cache, told, detector.file))
        found += of_faces([(path, good[path], own) for path, own in faces.items()], resolution, name)
    found.sort(key=lambda one: _ORDER.index(one.severity))
    sizes = {name(path): seen.size for path, seen in looks if not seen.reason}
    seen_faces = {name(path): own for path, own in faces.items()}
    return Report(folder, len(pictures), resolution, tuple(found), sizes, detector.asked if detector else "", seen_faces)


def listed(folder: Path) -> list[Path]:
    """The folder's pictures by name, those of the folders in it too; hidden ones are none."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} is missing: give the folder that the pictures are in.")
    return [Path(path) for path, _ in pictures_of(folder, recursive=True)]


def _hinted(looks: Sequence[Look], extension: str, cache: Path, name: Names) -> list[Finding]:
    """What tags tell, and of how many pictures they can't tell."""
    good = [path for path, seen in looks if not seen.reason]
    with opened_store(cache) as store:
        told, unseen = collected(good, Hints(store, extension))
    found = [finding(code, [Found(name(path), tags) for path, tags in files]) for code, files in told.items()]
    return [one for some in (*found, finding("not-tagged", [Found(name(path)) for path in unseen])) for one in some]
