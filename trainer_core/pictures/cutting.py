"""New picture files made of a dataset's: a part, a copy without bars, a plain copy. What is there is never touched.

Where each is from is written down before the file itself (provenance.json), so that the same words again finish what was cut
off and do nothing twice, and so that only files of ours, as we made them, are ever taken back.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps

from ...tagger.captions import Change, caption_file, read_caption
from ...tagger.framing import reframed
from ...tagger.journal import apply_changes
from ..events import JobLock
from ..files import file_sha256, write_atomically
from ..picture_files import opened, upright
from ..problems import UserError
from ..provenance import forget_provenance, read_provenance, tell_provenance
from .look import profile_name
from .memory import Told

Box = tuple[int, int, int, int]  # x, y, width, height in px of the upright picture
MADE = "picture_cut"  # what our entries of provenance.json have, and others' haven't
_LOCK = ".cutting"
_SMALLEST = 16


@dataclass(frozen=True)
class Cut:
    """What is asked for. kind: becomes part of the new name; tags: new in the caption; part: not the whole figure any more."""

    source: Path
    kind: str
    box: Box | None = None
    tags: tuple[str, ...] = ()
    part: bool = True


@dataclass
class Made:
    """New files, those that were there from before, and captions that could not be written with the reason."""

    files: list[Path] = field(default_factory=list)
    there: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    change: int | None = None


@dataclass
class TakenBack:
    """Names of our files that are gone, and of those left because they were changed since."""

    gone: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def write_cuts(folder: Path, cuts: Sequence[Cut], target: Path | None, extension: str, told: Told | None = None) -> Made:
    """Writes each cut as a PNG file into `target`, or beside its source where that is None, with its caption.

    folder: the dataset; told: after each, and what it raises ends the writing. UserError where a picture can't be cut so; what
    was written before it stays, with its captions.
    """
    made, changes = Made(), []
    root = root_of(folder, target)
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        try:
            for number, cut in enumerate(cuts, start=1):
                path, change, is_new = _written(root, cut, target or cut.source.parent, extension)
                (made.files if is_new else made.there).append(path)
                changes += [change] if change else []
                if told:
                    told(number, len(cuts), path)
        finally:
            _captioned(root, changes, made)
    return made


def _captioned(root: Path, changes: Sequence[Change], made: Made) -> None:
    """Writes the captions as one change that can be undone."""
    if changes:
        what = f"captions of {len(changes)} cut picture" + ("s" if len(changes) > 1 else "")
        batch = apply_changes(root, changes, what)
        made.failed, made.change = batch.failed, batch.number


def root_of(folder: Path, target: Path | None) -> Path:
    """Where provenance and undo of the new files lie: the dataset, or the target where that lies elsewhere."""
    return folder if target is None or target == folder or folder in target.parents else target


def _written(root: Path, cut: Cut, place: Path, extension: str) -> tuple[Path, Change | None, bool]:
    """(the file, its caption where that is still to be written, whether the file is new)."""
    digest, box = file_sha256(cut.source), list(cut.box) if cut.box else None
    asked = {"source": _name(root, cut.source), "source_sha256": digest, MADE: cut.kind, "box": box}
    known = read_provenance(root)
    text = read_caption(caption_file(cut.source, extension)).text.strip()
    caption = reframed(text, cut.tags, cut.part) if text or cut.tags else ""
    again = next((name for name, one in known.items() if (root / name).parent == place
                  and all(one.get(key) == value for key, value in asked.items())), None)  # fmt: skip
    path = root / again if again else _free(place, f"{cut.source.stem}-{cut.kind}", known, root, extension)
    if again and path.is_file():
        return path, None, False
    content = encoded(plain_picture(cut.source, cut.box))
    if not again:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        told = {**asked, "sha256": hashlib.sha256(content).hexdigest(), "time": now}
        tell_provenance(root, path, {**told, "caption": caption, "caption_extension": extension})
    write_atomically(path, content)
    target = caption_file(path, extension)
    return path, Change(target, None, caption.encode("utf-8")) if caption and not target.exists() else None, True


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if root in path.parents else str(path)


def _free(place: Path, stem: str, known: dict[str, Any], root: Path, extension: str) -> Path:
    """A name whose picture and caption are free in any spelling, and that no other cut is to get."""
    place.mkdir(parents=True, exist_ok=True)
    taken = {path.stem.lower() for path in place.iterdir()}
    taken |= {Path(name).stem.lower() for name in known if (root / name).parent == place}
    number = 1
    while (candidate := stem if number == 1 else f"{stem}-{number}").lower() in taken:
        number += 1
    return place / f"{candidate}.png"


def plain_picture(path: Path, box: Box | None = None) -> Image.Image:
    """The picture upright in 8-bit sRGB, of an animated one the first; the box of it. UserError where it can't be so."""
    try:
        with opened(path.read_bytes()) as image:
            picture = _in_srgb(image)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise UserError(f"{path} can't be read as a picture ({error}): leave it out.") from error
    if box is None:
        return picture
    x, y, width, height = box
    if min(x, y) < 0 or min(width, height) < _SMALLEST or x + width > picture.width or y + height > picture.height:
        raise UserError(
            f"The rectangle {x},{y},{width},{height} does not lie in {path.name}, which is {picture.width}×{picture.height} "
            f"px: give left, top, width and height of at least {_SMALLEST} px within it."
        )
    return picture.crop((x, y, x + width, y + height))


def _in_srgb(image: Image.Image) -> Image.Image:
    """Colours as they are meant, where the picture says how (its ICC profile)."""
    profile = image.info.get("icc_profile")
    if not profile_name(profile):
        return upright(image)
    if image.mode != "CMYK":
        image = upright(image)
    else:
        image = ImageOps.exif_transpose(image)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # damaged, or for other colours than these: the numbers are all there is
        return upright(image)


def encoded(picture: Image.Image) -> bytes:
    """A PNG file's bytes, with nothing but the picture."""
    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    content = io.BytesIO()
    clean.save(content, "PNG")
    return content.getvalue()


def made_in(root: Path) -> dict[str, dict[str, Any]]:
    """Our files of a dataset: {name: what is told of it}, the oldest first."""
    return {name: told for name, told in read_provenance(root).items() if MADE in told}


def take_back(root: Path, names: Sequence[str] | None = None) -> TakenBack:
    """Removes files that we made, with their captions, where both are still as they were made; None: all of them.

    UserError for a name that is none of ours.
    """
    with _alone(root):
        ours = made_in(root)
        for name in names or ():
            if name not in ours:
                raise UserError(f"{name} was not made by this command in {root}: it is left alone.")
        done, captions = TakenBack(), []
        for name in ours if names is None else names:
            reason, caption = _changed(root, name, ours[name])
            if reason:
                done.left.append((name, reason))
                continue
            captions += [caption] if caption else []
            (root / name).unlink(missing_ok=True)
            done.gone.append(name)
        if captions:
            apply_changes(root, captions, "captions of cut pictures, taken back")
        if done.gone:
            forget_provenance(root, set(done.gone))
    return done


def _changed(root: Path, name: str, told: dict[str, Any]) -> tuple[str, Change | None]:
    """(why it is to be left alone or "", its caption's removal)."""
    path = root / name
    if path.is_file() and file_sha256(path) != told.get("sha256"):
        return "the picture was changed since", None
    caption = read_caption(caption_file(path, str(told.get("caption_extension", ".txt"))))
    if caption.content is None:
        return "", None
    if caption.content != str(told.get("caption", "")).encode("utf-8"):
        return "its caption was changed since", None
    return "", Change(caption.path, caption.content, None)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Holds the folder for this process; UserError where another one cuts pictures there."""
    if not root.is_dir():
        raise UserError(f"The folder {root} is missing: give the folder that the pictures are in.")
    lock = JobLock(root / _LOCK)
    if not lock.acquire():
        raise UserError(f"Another run is cutting pictures in {root}: wait for it, then start this one again.")
    try:
        yield
    finally:
        lock.release(remove=True)
