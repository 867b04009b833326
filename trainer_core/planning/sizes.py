"""What sizes mean for the pictures: batches that aren't full, pictures enlarged, and what is cut off them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from ..dataset.augment import face_place
from ..dataset.batches import bucket_items, pictures_of_a_batch
from ..dataset.items import Item, TrainingSet
from ..dataset.scan_report import count_of, names
from ..problems import Problem
from ..settings import Settings

MUCH_ENLARGED, MOSTLY_ENLARGED = 1.5, 1.25
MUCH_CROPPED = 0.2  # of the picture's area
_MANY_SIZES, _SPARSE = 6, 2  # sizes, of which most have at most so many pictures
_STEP = 64


def size_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    trained = [item for item in training_set.items if not item.subset.is_reg]
    return [
        *_small_buckets(training_set),
        *_sparse_buckets(trained),
        *_enlarged(trained),
        *_resolution(training_set, trained),
        *_cropped(training_set, trained),
        *_face_problems(settings, training_set),
    ]


def enlargement(item: Item) -> float:
    """How much larger the picture is trained than it is, by its width."""
    return item.fit.resized[0] / item.size[0]


def crop_loss(item: Item) -> float:
    """Share of the picture's area that is cut off, as it stands in its bucket."""
    (width, height), (whole, high) = item.fit.bucket, item.fit.resized
    return 1 - (width * height) / (whole * high)


def crop_moves(item: Item) -> bool:
    """Whether another part of the picture is cut out each time; the middle is what the plan tells of."""
    return bool(item.subset.options.random_crop or item.subset.options.face_crop_aug_range)


def fitting_side(items: Sequence[Item]) -> int:
    """The side of a square with about the area that half of the pictures have or exceed, in steps of 64."""
    side = median((item.size[0] * item.size[1]) ** 0.5 for item in items)
    return max(int(side) // _STEP * _STEP, _STEP)


def _small_buckets(training_set: TrainingSet) -> list[Problem]:
    small = []
    for (dataset, (width, height)), items in sorted(bucket_items(training_set).items()):
        count, size = sum(item.copies for item in items), pictures_of_a_batch(training_set, dataset)
        if count < size:
            small.append(f"{width}×{height} ({count})")
    if not small:
        return []
    message = f"Sizes with fewer pictures than a batch takes, repeats counted, train in part batches: {', '.join(small)}."
    return [Problem("warning", "small-buckets", message, "Crop those pictures to a usual shape, or raise repeats.")]


def _sparse_buckets(trained: Sequence[Item]) -> list[Problem]:
    """Many sizes of a picture or two each: the guide (l. 782) found that to do harm."""
    counts: dict[tuple[int, int], int] = {}
    for item in trained:
        counts[item.fit.bucket] = counts.get(item.fit.bucket, 0) + 1
    sparse = [bucket for bucket, count in counts.items() if count <= _SPARSE]
    if len(counts) < _MANY_SIZES or 2 * len(sparse) <= len(counts):
        return []
    message = f"The pictures are spread over {len(counts)} sizes, {len(sparse)} of which have one or two pictures only."
    fix = "Crop the pictures to a few usual shapes, or bring min_bucket_reso and max_bucket_reso closer to the resolution."
    return [Problem("note", "sparse-buckets", message, fix)]


def _enlarged(trained: Sequence[Item]) -> list[Problem]:
    enlarged = [item for item in trained if enlargement(item) > MUCH_ENLARGED]
    if not enlarged:
        return []
    which = names([one.path for one in enlarged])
    message = f"{count_of(enlarged, 'picture')} enlarged more than 1.5 times, which teaches blur: {which}."
    return [Problem("warning", "enlarged", message, "Use larger pictures, a lower resolution or bucket_no_upscale.")]


def _resolution(training_set: TrainingSet, trained: Sequence[Item]) -> list[Problem]:
    """A resolution that most pictures don't have."""
    small = [item for item in trained if enlargement(item) > MOSTLY_ENLARGED]
    if not small or 2 * len(small) <= len(trained):
        return []
    width, height = training_set.datasets[small[0].subset.dataset].resolution
    message = f"{len(small)} of {len(trained)} pictures are smaller than the resolution {width}×{height} and enlarged for it."
    fix = f"Use larger pictures, or set resolution to {fitting_side(trained)}."
    return [Problem("warning", "resolution-pictures", message, fix)]


def _cropped(training_set: TrainingSet, trained: Sequence[Item]) -> list[Problem]:
    """Pictures that lose much; random and face crops cut out another part each time, so nothing is lost for good."""
    losses = [(crop_loss(item), item) for item in trained if not crop_moves(item)]
    worst = sorted((pair for pair in losses if pair[0] > MUCH_CROPPED), key=lambda pair: -pair[0])
    if not worst:
        return []
    shown = ", ".join(f"{item.path.name} ({loss:.0%})" for loss, item in worst[:5])
    message = f"{count_of(worst, 'picture')} losing more than a fifth of the area to the crop, the most: {shown}."
    buckets = all(training_set.datasets[item.subset.dataset].enable_bucket for _, item in worst)
    fix = (
        "Look at the crops with `plan --crops crops.html`, and crop those pictures yourself, or raise max_bucket_reso."
        if buckets
        else "Set enable_bucket, so that each picture is trained in a size of its own shape."
    )
    return [Problem("warning", "crop-loss", message, fix)]


def _face_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    """Face crops act rarely; where they don't, that is said."""
    wanted = [item for item in training_set.items if item.subset.options.face_crop_aug_range]
    if not wanted:
        return []
    with_buckets = any(training_set.datasets[item.subset.dataset].enable_bucket for item in wanted)
    if with_buckets:
        why = "it acts only without enable_bucket"
    elif settings.cache_latents:
        why = "latents are cached as the whole picture is cropped"
    elif not any(face_place(item.path) for item in wanted):
        why = "no file name ends with the face's place, _cx_cy_w_h"
    else:
        return []
    return [Problem("warning", "face-crop-idle", f"face_crop_aug_range does nothing: {why}.", "Take it out, or change that.")]
