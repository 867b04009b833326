import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from lora_workbench.trainer_core.dataset.caption_text import caption_at, tags_as_trained, whole_caption
from lora_workbench.trainer_core.dataset.items import Item

TAGS = "penny, red hat, smile, boots, night"


def captions(item: Item, count: int = 200, seed: int = 5, **where: int) -> list[str]:
    at = {"epoch": 0, "step": 0, "total_steps": 100, **where}
    return [caption_at(item, seed, at["epoch"], copy, at["step"], at["total_steps"]) for copy in range(count)]


def test_nothing_is_changed_unasked(make_item: Callable[..., Item]) -> None:
    assert captions(make_item(TAGS), 3) == [TAGS] * 3


def test_shuffle_keeps_all_tags_and_the_first_ones_in_place(make_item: Callable[..., Item]) -> None:
    found = captions(make_item(TAGS, shuffle_caption=True, keep_tokens=2))
    assert {tuple(sorted(one.split(", "))) for one in found} == {tuple(sorted(TAGS.split(", ")))}
    assert all(one.startswith("penny, red hat, ") for one in found)
    orders = Counter(found)
    assert len(orders) == 6 and min(orders.values()) > 15  # all orders of three tags, about 33 times each


def test_every_draw_has_its_own_key(make_item: Callable[..., Item]) -> None:
    item, other = make_item(TAGS, shuffle_caption=True), make_item(TAGS, index=1, shuffle_caption=True)
    base = captions(item, 8)
    assert base != captions(other, 8) and base != captions(item, 8, epoch=1) and base != captions(item, 8, seed=6)
    assert base == captions(item, 8, step=50)  # what doesn't depend on the step is not drawn anew for it


def test_global_generators_have_no_part_in_it(make_item: Callable[..., Item]) -> None:
    """Fault 6 of kohya's: a log line drew from the global generator, and the shuffle changed with it."""
    item = make_item(TAGS, shuffle_caption=True, caption_tag_dropout_rate=0.3, caption_dropout_rate=0.2)
    before = captions(item, 20)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    state = (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert captions(item, 20) == before
    assert state == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


def test_separator_marks_what_stays_at_both_ends(make_item: Callable[..., Item]) -> None:
    item = make_item("penny, hat ||| a, b, c ||| best quality", shuffle_caption=True, keep_tokens_separator="|||")
    found = captions(item)
    assert all(one.startswith("penny, hat, ") and one.endswith(", best quality") for one in found)
    assert len(set(found)) == 6
    assert whole_caption(make_item("penny ||| a", keep_tokens_separator="|||")) == "penny, a"


def test_tag_dropout_has_its_rate_and_spares_kept_tags(make_item: Callable[..., Item]) -> None:
    found = captions(make_item(TAGS, keep_tokens=1, caption_tag_dropout_rate=0.25), 1000)
    assert all(one.startswith("penny") for one in found)
    kept = sum(len(one.split(", ")) - 1 for one in found) / 4000
    assert kept == pytest.approx(0.75, abs=0.03)


def test_caption_dropout_has_its_rate(make_item: Callable[..., Item]) -> None:
    found = captions(make_item(TAGS, caption_dropout_rate=0.2), 1000)
    assert found.count("") / 1000 == pytest.approx(0.2, abs=0.04)
    assert set(found) == {"", TAGS}


def test_every_nth_epoch_goes_without_captions(make_item: Callable[..., Item]) -> None:
    item = make_item(TAGS, caption_dropout_every_n_epochs=3)
    empty = [epoch + 1 for epoch in range(9) if captions(item, 1, epoch=epoch) == [""]]
    assert empty == [3, 6, 9]


@pytest.mark.parametrize(
    ("length", "step", "count"), [(10, 0, 2), (10, 4, 2 + 4 * 2 // 10), (10, 5, 3), (10, 10, 4), (0.1, 5, 3)]
)
def test_warm_up_brings_tags_in_one_after_another(make_item: Callable[..., Item], length: float, step: int, count: int) -> None:
    """kohya's formula: floor(step × (tags − min) / length) + min movable tags; a share counts of all 100 steps."""
    item = make_item(TAGS, keep_tokens=1, token_warmup_min=2, token_warmup_step=length)
    assert captions(item, 1, step=step) == [", ".join(TAGS.split(", ")[: 1 + count])]


def test_prefix_and_suffix_are_joined_by_a_space(make_item: Callable[..., Item]) -> None:
    assert captions(make_item("cat", caption_prefix="a photo of a", caption_suffix="on grass"), 1) == [
        "a photo of a cat on grass"
    ]
    assert captions(make_item("", caption_prefix="sks,"), 1) == ["sks"]


def test_wildcards_choose_evenly(make_item: Callable[..., Item]) -> None:
    found = Counter(captions(make_item("a {red|blue} {{x}} hat", enable_wildcard=True), 400))
    assert set(found) == {"a red {x} hat", "a blue {x} hat"}
    assert min(found.values()) > 150
    assert captions(make_item("a {red|blue} hat"), 1) == ["a {red|blue} hat"]


def test_one_of_several_lines_is_taken_and_each_gets_the_prefix(make_item: Callable[..., Item]) -> None:
    found = Counter(captions(make_item("one\ntwo", enable_wildcard=True, caption_prefix="p"), 400))
    assert set(found) == {"p one", "p two"} and min(found.values()) > 150


def test_groups_stay_together(make_item: Callable[..., Item]) -> None:
    item = make_item("red;;;hat, smile, boots", shuffle_caption=True, secondary_separator=";;;")
    found = captions(item)
    assert all("red, hat" in one for one in found) and len(set(found)) == 6


def test_other_separators_are_kept(make_item: Callable[..., Item]) -> None:
    item = make_item("a b; c d; e", caption_separator=";", shuffle_caption=True, keep_tokens=2)
    assert captions(item, 1) == ["a b; c d; e"]
    assert tags_as_trained(item) == ["a b", "c d", "e"]


def test_weights_are_no_part_of_tags(make_item: Callable[..., Item]) -> None:
    caption = r"penny, (Red Hat, smile:1.2), ganyu \(genshin\), [(sky)]"
    item = make_item(caption, weighted_captions=True, keep_tokens=9)
    assert tags_as_trained(item) == ["penny", "red hat", "smile", "ganyu (genshin)", "sky"]
    assert captions(item, 1) == [caption]


def test_tags_as_trained_have_no_marks(make_item: Callable[..., Item]) -> None:
    item = make_item(
        "Penny ||| red;;;hat, , smile", keep_tokens_separator="|||", secondary_separator=";;;", caption_prefix="sks,"
    )
    assert tags_as_trained(item) == ["sks", "penny", "red", "hat", "smile"]
    item = make_item("a {red|blue, big|old} hat\nb", enable_wildcard=True)
    assert tags_as_trained(item) == ["a red hat", "a blue", "big hat", "a old hat", "b"]
