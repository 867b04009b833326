"""Names, captions and prompts of regularization pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.items import Fit, Item, Subset, SubsetOptions, TrainingSet
from lora_workbench.trainer_core.models.prompt_weights import weighted_parts
from lora_workbench.trainer_core.reg.prompts import (
    activation_of,
    as_prompt,
    caption_tags,
    folder_name,
    matched_items,
    reg_caption,
)


def item(path: str, caption: str = "penny, hat", is_reg: bool = False, **options: object) -> Item:
    subset = Subset(0, 0, Path(path).parent, "x", 1, is_reg, None, SubsetOptions(**options))
    return Item(0, Path(path), subset, (64, 64), Fit((64, 64), (64, 64), (0, 0)), caption, 1)


def test_every_training_picture_has_one_name_and_no_two_share_it() -> None:
    items = [item(path) for path in ("a/1.png", "a/1.jpg", "b/1.png", "b/1_2.png", "a/1.png")]
    items.append(item("r/5.png", is_reg=True))
    found = matched_items(TrainingSet((), (), tuple(items), (), (), ()))
    assert [(one.stem, one.item.path.as_posix()) for one in found] == [
        ("1", "a/1.png"), ("1_3", "a/1.jpg"), ("1_4", "b/1.png"), ("1_2", "b/1_2.png"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "activation", "class_word", "expected"),
    [
        (["penny", "red hat"], "penny", "1girl", "1girl, red hat"),
        (["Penny_doll", "red hat"], "penny doll", "1girl", "1girl, red hat"),
        (["penny", "1girl", "hat"], "penny", "1girl", "1girl, hat"),
        (["hat", "penny"], "penny", "", "hat"),
        (["penny hat", "x"], "penny", "1girl", "penny hat, x"),
        (["penny", "x"], "", "1girl", "penny, x"),
    ],
)
def test_the_class_word_takes_the_activation_tags_place(
    tags: list[str], activation: str, class_word: str, expected: str
) -> None:
    assert reg_caption(tags, activation, class_word) == expected


def test_affixes_and_separators_are_the_trainings() -> None:
    found = caption_tags(item("a.png", "Penny| hat | hat", caption_separator="|", caption_suffix="| end"))
    assert found == ["Penny", "hat", "end"]


def test_the_activation_tag_is_what_most_captions_begin_with() -> None:
    captions = ("penny, a", "Penny, b", "c, penny")
    assert activation_of([item(f"{number}.png", text) for number, text in enumerate(captions)]) == "penny"
    assert activation_of([item("1.png", "a"), item("2.png", "b")]) == ""
    assert activation_of([item("1.png", "zibbo, b")]) == "zibbo"


@pytest.mark.parametrize("caption", ["hat (red), :)", r"a\b [c]", "plain", "((x:1.5))"])
def test_a_prompt_is_read_back_as_its_caption(caption: str) -> None:
    assert weighted_parts(as_prompt(caption)) == [(caption, 1.0)]


def test_folder_names() -> None:
    assert folder_name("1girl") == "1_1girl" and folder_name("") == "1_reg" and folder_name("a/b:c ") == "1_a_b_c"
