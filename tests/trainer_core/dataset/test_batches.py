from collections import Counter
from collections.abc import Callable

import pytest

from lora_workbench.trainer_core.dataset.batches import batches_per_epoch, epoch_batches
from lora_workbench.trainer_core.dataset.items import Fit, Item, TrainingSet

WIDE = Fit((128, 64), (128, 64), (0, 0))


@pytest.fixture
def training_set(make_item: Callable[..., Item], make_set: Callable[..., TrainingSet]) -> TrainingSet:
    """Dataset 0, batch 4: 5 square pictures × 3 and 2 wide × 1; dataset 1, batch 2: 3 square × 1, one of them × 4."""
    items = [make_item(index=number, copies=3) for number in range(5)]
    items += [make_item(index=number, fit=WIDE) for number in (5, 6)]
    items += [make_item(index=number, dataset=1, copies=4 if number == 9 else 1) for number in (7, 8, 9)]
    return make_set(items, 4, 2)


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_every_picture_is_seen_exactly_as_often_as_it_should(training_set: TrainingSet, epoch: int) -> None:
    """Fault 1 of kohya's: the first batch was fetched before the epoch's shuffle, so that epochs missed pictures."""
    seen = Counter((draw.item, draw.copy) for batch in epoch_batches(training_set, 3, epoch) for draw in batch.draws)
    assert seen == Counter((item.index, copy) for item in training_set.items for copy in range(item.copies))


def test_number_of_batches_is_the_sum_of_rounded_up_sizes(training_set: TrainingSet) -> None:
    # ceil(15 / 4) + ceil(2 / 4) + ceil(6 / 2)
    assert batches_per_epoch(training_set) == 4 + 1 + 3
    assert len(epoch_batches(training_set, 3, 0)) == 8


def test_a_batch_holds_one_size_of_one_dataset(training_set: TrainingSet) -> None:
    for batch in epoch_batches(training_set, 3, 0):
        items = [training_set.items[draw.item] for draw in batch.draws]
        assert {item.fit.bucket for item in items} == {batch.bucket}
        assert len({item.subset.dataset for item in items}) == 1
        assert len(items) <= (4, 2)[items[0].subset.dataset]


def test_order_depends_on_seed_and_epoch_alone(training_set: TrainingSet) -> None:
    orders = [epoch_batches(training_set, seed, epoch) for seed, epoch in ((3, 0), (3, 1), (4, 0))]
    assert orders[0] == epoch_batches(training_set, 3, 0)
    assert orders[0] != orders[1] and orders[0] != orders[2]


def test_sizes_are_mixed_over_the_epoch(training_set: TrainingSet) -> None:
    places = [[batch.bucket for batch in epoch_batches(training_set, 3, epoch)].index((128, 64)) for epoch in range(12)]
    assert len(set(places)) > 3
