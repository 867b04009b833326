"""Which pictures are kept out of the training to be measured, and how they are measured: always in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..randomness import permutation
from .batches import Batch, epoch_batches
from .folders import Findings
from .items import Dataset, Item, Subset, TrainingSet
from .scan_report import count_of, names

# Each picture is measured at this many timesteps, in the middle of as many equal parts of their range.
TIMES = 4


def keep_out(dataset: Dataset, items: Sequence[Item], seed: int | None, findings: Findings) -> tuple[list[Item], list[Item]]:
    """The dataset's pictures that are trained, and those that are measured; regularization pictures are all trained.

    Which ones depends on validation_seed alone, or else on the run's seed (`seed`; 0 where that is drawn at the start).
    """
    share, number = dataset.validation_split, dataset.validation_seed
    if not share:
        return list(items), []
    places = [place for place, item in enumerate(items) if not item.subset.is_reg]
    count = min(round(len(places) * share), len(places) - 1)
    if count < 1:
        if places:
            message = f"validation_split {share:g} of {count_of(places, 'picture')} is less than one: nothing is measured."
            findings.tell("warning", "validation-empty", message, "Raise it, or take it out.")
        return list(items), []
    order = permutation(len(places), number if number is not None else seed or 0, "validation split", dataset.index)
    kept = {places[one] for one in order[:count]}
    held = [item for place, item in enumerate(items) if place in kept]
    message = f"{count_of(held, 'picture')} of {len(places)} measured and not trained: {names([item.path for item in held])}."
    findings.tell("note", "validation", message)
    return [item for place, item in enumerate(items) if place not in kept], held


def validation_set(training_set: TrainingSet) -> TrainingSet:
    """What is measured, as a set of its own in which every picture is seen TIMES times, always as it is."""
    items = tuple(replace(item, copies=TIMES, subset=_plain(item.subset)) for item in training_set.validation)
    return replace(training_set, items=items, validation=())


def _plain(subset: Subset) -> Subset:
    options = replace(subset.options, flip_aug=False, color_aug=False, random_crop=False, face_crop_aug_range=None)
    return replace(subset, options=options)


def validation_batches(measured: TrainingSet, most: int | None) -> list[Batch]:
    """Always the same batches in the same order, `most` of them at the most."""
    return epoch_batches(measured, 0, 0)[:most]
