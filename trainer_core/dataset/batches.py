"""The batches of an epoch: every picture exactly `copies` times, no batch with pictures of two sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..randomness import permutation
from .items import Item, Size, TrainingSet


@dataclass(frozen=True)
class Draw:
    """A picture's `copy`-th time in the epoch, counted from 0."""

    item: int
    copy: int


@dataclass(frozen=True)
class Batch:
    """Pictures of one dataset and one size that are trained together."""

    bucket: Size
    draws: tuple[Draw, ...]


def epoch_batches(training_set: TrainingSet, seed: int, epoch: int) -> list[Batch]:
    """The batches of `epoch` (from 0) in their order, which depends on seed and epoch only."""
    batches: list[Batch] = []
    for (dataset, bucket), items in sorted(bucket_items(training_set).items()):
        draws = [Draw(item.index, copy) for item in items for copy in range(item.copies)]
        order = permutation(len(draws), seed, "bucket order", epoch, dataset, *bucket)
        size = pictures_of_a_batch(training_set, dataset)
        for start in range(0, len(draws), size):
            batches.append(Batch(bucket, tuple(draws[number] for number in order[start : start + size])))
    return [batches[number] for number in permutation(len(batches), seed, "batch order", epoch)]


def batches_per_epoch(training_set: TrainingSet) -> int:
    """The sum over all buckets of their pictures with repeats, divided by the batch size and rounded up."""
    return sum(
        -(-sum(item.copies for item in items) // pictures_of_a_batch(training_set, dataset))
        for (dataset, _bucket), items in bucket_items(training_set).items()
    )


def pictures_of_a_batch(training_set: TrainingSet, dataset: int) -> int:
    """Of all processes together: each takes the batch size of its own."""
    return training_set.datasets[dataset].batch_size * training_set.processes


def share_of(batch: Batch, mine: Callable[[Sequence[Draw]], Sequence[Draw]]) -> Batch:
    """The part of a batch that one process trains; it may be empty where the batch is short."""
    return Batch(batch.bucket, tuple(mine(batch.draws)))


def bucket_items(training_set: TrainingSet) -> dict[tuple[int, Size], list[Item]]:
    """{(dataset's index, bucket): its items}, in the items' order."""
    found: dict[tuple[int, Size], list[Item]] = {}
    for item in training_set.items:
        found.setdefault((item.subset.dataset, item.fit.bucket), []).append(item)
    return found
