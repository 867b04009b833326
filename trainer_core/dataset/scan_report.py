"""What a scan tells about pictures and captions: problems with the names of the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path

from .caption_files import CaptionText
from .folders import Findings, Listing
from .items import Subset
from .pictures import Look

HIGHEST_CFG = 7.0  # drawn pictures that are trained should not be above it


def names(paths: Sequence[Path], limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(path.name for path in paths[:limit])
    return shown if len(paths) <= limit else f"{shown} and {len(paths) - limit} more"


def count_of(things: Sized, name: str) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def tell_looks(kept: Sequence[tuple[Path, Look]], findings: Findings) -> None:
    rotated = [path for path, look in kept if look.rotated]
    if rotated:
        findings.tell(
            "note", "exif-rotation", f"{count_of(rotated, 'picture')} turned upright as the camera noted: {names(rotated)}."
        )
    transparent = [path for path, look in kept if look.transparent]
    if transparent:
        findings.tell(
            "note",
            "transparency",
            f"{count_of(transparent, 'picture')} with transparency, trained on white: {names(transparent)}.",
            "Put a background behind them where white is not wanted.",
        )
    glaring = [path for path, look in kept if look.cfg is not None and look.cfg > HIGHEST_CFG]
    if glaring:
        findings.tell(
            "note",
            "cfg-high",
            f"{count_of(glaring, 'picture')} drawn with a CFG above {HIGHEST_CFG:g}, as their PNG info says: {names(glaring)}.",
            "Such pictures teach glaring colours and hard contrasts: draw them anew with a CFG of 5 to 7.",
        )


def tell_shared(paths: Sequence[Path], files: Sequence[Path | None], findings: Findings) -> None:
    """Pictures of a folder that differ in their extension only share a caption."""
    by_stem: dict[str, list[Path]] = {}
    for path in paths:
        by_stem.setdefault(path.stem, []).append(path)
    captions = dict(zip(paths, files, strict=True))
    for group in by_stem.values():
        caption = captions[group[0]]
        if len(group) > 1 and caption is not None:
            shown = ", ".join(path.name for path in group)
            fix = "Give one of them another name, with a caption of its own."
            findings.tell("warning", "caption-shared", f"{shown} in {caption.parent} share the caption {caption.name}.", fix)


def tell_captions(
    subset: Subset,
    paths: Sequence[Path],
    files: Sequence[Path | None],
    read: Mapping[Path, CaptionText],
    listing: Listing,
    findings: Findings,
) -> None:
    """Missing and empty captions, other encodings, several lines and escapes."""
    tell_missing(subset, [path for path, file in zip(paths, files, strict=True) if file is None], len(paths), listing, findings)
    empty = [file for file, content in read.items() if not content.text]
    if empty:
        stand_in = _stand_in(subset)
        fix = "Write a caption into them, or remove them."
        message = f"{count_of(empty, 'empty caption')} in {subset.folder}, trained {stand_in}: {names(empty)}."
        findings.tell("warning", "caption-empty", message, fix)
    for encoding in sorted({content.encoding for content in read.values() if content.encoding}):
        which = [file for file, content in read.items() if content.encoding == encoding]
        findings.tell(
            "warning",
            "caption-encoding",
            f"{count_of(which, 'caption')} in {subset.folder} not in UTF-8, read as {encoding}: {names(which)}.",
            "Look whether their tags are right below, and save them as UTF-8.",
        )
    lines = [file for file, content in read.items() if content.lines > 1]
    if lines and not subset.options.enable_wildcard:
        message = (
            f"{count_of(lines, 'caption')} in {subset.folder} with several lines, all of which are trained: {names(lines)}."
        )
        findings.tell(
            "note", "caption-lines", message, "Set enable_wildcard where one of the lines is to be chosen at each step."
        )
    escaped = [file for file, content in read.items() if content.unescaped]
    if escaped:
        message = (
            f"Backslashes before brackets are taken off in {count_of(escaped, 'caption')} in {subset.folder}: {names(escaped)}."
        )
        findings.tell("note", "caption-escapes", message, "They belong to prompts only.")


def tell_missing(subset: Subset, missing: Sequence[Path], count: int, listing: Listing, findings: Findings) -> None:
    """Pictures without a caption; caption files of another extension than the one that is read are a likely mistake."""
    if not missing or subset.options.ignore_captions:
        return
    unread = [listing.other_captions[path.stem] for path in missing if path.stem in listing.other_captions]
    if unread:
        extensions = sorted({file.suffix for file in unread})
        findings.tell(
            "warning",
            "caption-extension",
            f"{count_of(unread, 'caption')} ({', '.join(extensions)}) in {subset.folder} not read, because caption_extension "
            f"is {subset.options.caption_extension}: their pictures are trained {_stand_in(subset)}.",
            f"Set caption_extension to {extensions[0]}.",
        )
    elif len(missing) == count:
        if not subset.is_reg:
            findings.tell(
                "note", "keyword-style", f"No captions in {subset.folder}: all its pictures are trained {_stand_in(subset)}."
            )
    else:
        findings.tell(
            "warning",
            "captions-missing",
            f"{len(missing)} of {count} pictures in {subset.folder} have no caption and are trained {_stand_in(subset)}: "
            f"{names(missing)}.",
            "Caption them, or leave all captions away with ignore_captions.",
        )


def _stand_in(subset: Subset) -> str:
    return f"with the caption “{subset.class_tokens}”" if subset.class_tokens else "without any caption"
