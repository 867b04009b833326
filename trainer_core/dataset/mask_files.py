"""Which masks belong to which pictures: files of the same name in a folder of their own, in the picture's shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..picture_names import is_picture
from .folders import Findings, entries
from .items import Size, Subset
from .picture_memory import look_at
from .pictures import Look
from .scan_report import count_of, names

_SHAPE = 0.02  # sides are whole pixels: so far may the ratio of a smaller mask's sides be off


def find_masks(
    subset: Subset, pictures: Sequence[tuple[Path, Size]], memory: Path, findings: Findings, decode: bool = False
) -> dict[Path, Path]:
    """{picture: its mask}; pictures with their upright sizes. A mask of another shape than its picture's is an error.

    decode: every mask is decoded once. Masks lie in conditioning_data_dir, or in its folder that has the name of the subset's.
    """
    folder = subset.options.conditioning_data_dir
    if folder is None:
        return {}
    try:
        files = _files(folder / subset.name if (folder / subset.name).is_dir() else folder)
    except OSError as error:
        why = f"The folder {folder} (conditioning_data_dir) can't be read ({error.strerror or error})."
        findings.tell("error", "folder-missing", why, "Check the path given as conditioning_data_dir.")
        return {}
    found = {path: files[path.stem] for path, _ in pictures if path.stem in files}
    without = [path for path, _ in pictures if path not in found]
    if without and not subset.is_reg:
        message = f"{count_of(without, 'picture')} without a mask in {folder}, trained whole: {names(without)}."
        findings.tell("warning", "mask-missing", message, "Give the mask the picture's name, for instance 001.png.")
    looks = dict(zip(found, look_at(list(found.values()), memory, decode)[0], strict=True))
    _tell_sizes({path: size for path, size in pictures if path in found}, found, looks, findings)
    return found


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in entries(folder) if path.is_file() and is_picture(path.name)}


def _tell_sizes(sizes: dict[Path, Size], masks: dict[Path, Path], looks: dict[Path, Look], findings: Findings) -> None:
    resized = []
    for path, (width, height) in sizes.items():
        look, mask = looks[path], masks[path]
        if look.reason:
            message = f"The mask {mask} can't be used: {look.reason}."
            findings.tell("error", "mask-unusable", message, "Save it anew, or take it away.")
        elif abs(look.size[0] * height / (look.size[1] * width) - 1) > _SHAPE:
            message = f"The mask {mask} is {look.size[0]}×{look.size[1]} and its picture {width}×{height}: another shape."
            findings.tell("error", "mask-shape", message, "Save the mask in the picture's size.")
        elif look.size != (width, height):
            resized.append(mask)
    if resized:
        message = f"{count_of(resized, 'mask')} of another size than the picture, resized to it: {names(resized)}."
        findings.tell("note", "mask-resized", message)
