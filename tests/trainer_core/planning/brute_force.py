"""Counts what a training does by going through every single picture; shares no code with the plan that it is compared with.

The rules are those of docs/datasets.md: kohya's folders `N_name`, kohya's sizes, each picture `N` times an epoch, batches of
one size each, and a reason for whatever isn't trained.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

Size = tuple[int, int]
PICTURES = re.compile(r".+\.(png|jpe?g|webp|bmp)", re.IGNORECASE)
CAPTIONS = re.compile(r"(.+)\.(txt|caption|cap|tags)", re.IGNORECASE)
FOREIGN = re.compile(r".+\.(gif|avif|heic|jxl|tiff?|psd|svg|jfif|ico|tga)", re.IGNORECASE)
BESIDE = re.compile(r".+\.(npz|jsonl?|toml|ya?ml|csv|md|log|safetensors|bak)", re.IGNORECASE)
NUMBERED = re.compile(r"([+-]?\d+)(_.*)?", re.DOTALL)
UNSEEN = re.compile(r"\..*|thumbs\.db|desktop\.ini|__macosx|__pycache__", re.IGNORECASE)


@dataclass
class Counted:
    """`buckets`: {size: pictures that an epoch shows in it}; `batches`: each of the epoch as (size, pictures)."""

    steps: int = 0
    epochs: int = 0
    buckets: Counter[Size] = field(default_factory=Counter)
    batches: list[tuple[Size, int]] = field(default_factory=list)
    ignored: set[Path] = field(default_factory=set)


def count(words: dict[str, Any]) -> Counted:
    """Counts the run that these settings describe; `words` holds every setting that matters."""
    found = Counted()
    shown = [size for size, repeats in _trained(words["train_data_dir"], words, found) for _ in range(repeats)]
    if words["reg_data_dir"]:
        shown += _regularization(words, len(shown), found)
    found.buckets.update(shown)
    for size in set(shown):
        waiting = shown.count(size)
        while waiting > 0:
            taken = min(waiting, words["train_batch_size"] * words["num_processes"])
            found.batches.append((size, taken))
            waiting -= taken
    groups = len(range(0, len(found.batches), words["gradient_accumulation_steps"]))
    if groups and words["max_train_epochs"]:
        found.epochs, found.steps = words["max_train_epochs"], groups * words["max_train_epochs"]
    elif groups:
        while found.steps < words["max_train_steps"]:
            found.steps, found.epochs = min(found.steps + groups, words["max_train_steps"]), found.epochs + 1
    return found


def _regularization(words: dict[str, Any], total: int, found: Counted) -> list[Size]:
    """As many as there are training pictures: each time the one whose share of all repeats is due."""
    pictures = _trained(words["reg_data_dir"], words, found, named=True)
    whole, shown, used = sum(repeats for _, repeats, _ in pictures), [], set()
    for number in range(1, total + 1):
        gone = 0
        for size, repeats, path in pictures:
            gone += repeats
            if gone * total >= number * whole:
                shown.append(size)
                used.add(path)
                break
    found.ignored |= {path for _, _, path in pictures} - used
    return shown


def _trained(root: Path, words: dict[str, Any], found: Counted, named: bool = False) -> list[Any]:
    """(size, repeats) of every picture in the folders that count, in the order of their names; with `named` its path too."""
    inside = [path for path in sorted(root.iterdir(), key=lambda one: one.name) if not UNSEEN.fullmatch(path.name)]
    folders = [path for path in inside if path.is_dir()]
    numbered = {path: int(match[1]) for path in folders if (match := NUMBERED.fullmatch(path.name))}
    found.ignored |= {path for path in folders if numbered.get(path, 0) < 1}
    if numbered:
        found.ignored |= {
            path for path in inside if path.is_file() and (PICTURES.fullmatch(path.name) or FOREIGN.fullmatch(path.name))
        }
        subsets = {path: repeats for path, repeats in numbered.items() if repeats > 0}
    else:
        subsets = {root: words["dataset_repeats"]}
    result = []
    for folder, repeats in subsets.items():
        for path, size in _pictures(folder, words, found):
            result.append((size, repeats, path) if named else (size, repeats))
    return result


def _pictures(folder: Path, words: dict[str, Any], found: Counted) -> list[tuple[Path, Size]]:
    result = []
    files = [path for path in sorted(folder.iterdir(), key=lambda one: one.name) if not UNSEEN.fullmatch(path.name)]
    stems = {path.name[: path.name.rindex(".")] for path in files if path.is_file() and PICTURES.fullmatch(path.name)}
    for path in files:
        if path.is_dir():
            found.ignored.add(path)
        elif PICTURES.fullmatch(path.name):
            size = upright_size(path)
            trained = _trained_size(size, words) if size else None
            if trained:
                result.append((path, trained))
            else:
                found.ignored.add(path)
        elif caption := CAPTIONS.fullmatch(path.name):
            if caption[1] not in stems:
                found.ignored.add(path)
        elif not BESIDE.fullmatch(path.name):
            found.ignored.add(path)
    return result


def upright_size(path: Path) -> Size | None:
    """The size of a picture that is whole, one, turned upright and at least 16 px on each side; else None."""
    try:
        with Image.open(path) as image:
            if getattr(image, "is_animated", False):
                return None
            image.load()
            turned = image.getexif().get(274, 1) in (5, 6, 7, 8)
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        return None
    if width < 16 or height < 16:
        return None
    return (height, width) if turned else (width, height)


def _trained_size(size: Size, words: dict[str, Any]) -> Size | None:
    resolution = words["resolution"]
    if not words["enable_bucket"]:
        return (resolution, resolution)
    if words["bucket_no_upscale"]:
        return _without_enlarging(size, resolution * resolution, words["bucket_reso_steps"])
    sizes = sorted(possible_sizes(resolution, words["min_bucket_reso"], words["max_bucket_reso"], words["bucket_reso_steps"]))
    if size in sizes:
        return size
    shape = size[0] / size[1]
    distances = [abs(width / height - shape) for width, height in sizes]
    return sizes[distances.index(min(distances))]


def possible_sizes(resolution: int, low: int, high: int, step: int) -> set[Size]:
    """All sizes in steps between the limits for which a larger height would have more than the resolution's pixels."""
    low, high = low // step * step, -(-high // step) * step
    found = {(resolution // step * step, resolution // step * step)}
    for width in range(low, high + 1, step):
        fitting = [height for height in range(low, high + 1, step) if width * height <= resolution * resolution]
        if fitting:
            found |= {(width, fitting[-1]), (fitting[-1], width)}
    return found


def _without_enlarging(size: Size, area: int, step: int) -> Size | None:
    """Of the two ways to make a large picture smaller, by whole steps of its width or of its height, that which keeps its
    shape better; then what goes beyond whole steps is cut off."""
    width, height = size
    if width * height > area:
        shape = width / height
        wide = math.sqrt(area * shape)
        across, down = whole(wide, step), whole(area / wide, step)
        if not across or not down:
            return None
        across_height, down_width = whole(across / shape, step), whole(down * shape, step)
        miss = abs(across / across_height - shape) if across_height else math.inf
        if miss < abs(down_width / down - shape):
            width, height = across, math.floor(across / shape + 0.5)
        else:
            width, height = math.floor(down * shape + 0.5), down
    width, height = width // step * step, height // step * step
    return (width, height) if width and height else None


def whole(length: float, step: int) -> int:
    return math.floor(length + 0.5) // step * step
