"""Pictures that are kept out: which ones, that nothing trains them, and that they are always asked the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.batches import epoch_batches
from lora_workbench.trainer_core.dataset.items import TrainingSet
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.dataset.validation import TIMES, validation_batches, validation_set
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.validation import even_timestep

Make = Callable[..., Settings]


@pytest.fixture
def many(folder: Path, draw_picture: Callable[..., Path]) -> Path:
    for number in range(3, 20):
        draw_picture(folder / f"{number}.png", color=(number, 0, 0))
        (folder / f"{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")
    return folder


def held(found: TrainingSet) -> set[str]:
    return {item.path.name for item in found.validation}


def test_the_share_is_kept_out_and_nothing_is_in_both(many: Path, settings: Make) -> None:
    found = scan(settings(validation_split=0.25, seed=4))
    trained = {item.path.name for item in found.items}
    assert len(found.validation) == 5 and len(trained) == 15 and not held(found) & trained
    assert [item.index for item in found.items] == list(range(15))
    assert [item.index for item in found.validation] == list(range(5))
    drawn = {
        found.items[draw.item].path.name for epoch in range(3) for one in epoch_batches(found, 4, epoch) for draw in one.draws
    }
    assert drawn == trained
    (note,) = (one for one in found.problems if one.code == "validation")
    assert note.message.startswith("5 pictures of 20 measured and not trained: ") and note.severity == "note"


def test_the_seed_decides_and_validation_seed_before_it(many: Path, settings: Make) -> None:
    splits = [held(scan(settings(validation_split=0.25, **words))) for words in ({}, {"seed": 4}, {"seed": 5})]
    assert splits[1] != splits[2]
    assert held(scan(settings(validation_split=0.25, seed=4))) == splits[1]
    by_number = [held(scan(settings(validation_split=0.25, validation_seed=9, seed=seed))) for seed in (4, 5)]
    assert by_number[0] == by_number[1]


def test_regularization_pictures_are_matched_to_what_is_trained(
    many: Path, settings: Make, tmp_path: Path, draw_picture: Callable[..., Path]
) -> None:
    (tmp_path / "reg" / "1_doll").mkdir(parents=True)
    for number in range(8):
        draw_picture(tmp_path / "reg" / "1_doll" / f"{number}.png")
    found = scan(settings(validation_split=0.25, seed=4, reg_data_dir=tmp_path / "reg"))
    assert not any(item.subset.is_reg for item in found.validation)
    copies = [sum(item.copies for item in found.items if item.subset.is_reg == is_reg) for is_reg in (False, True)]
    assert copies == [30, 30]


def test_too_few_pictures_are_all_trained_with_a_warning(folder: Path, settings: Make) -> None:
    found = scan(settings(validation_split=0.1))
    assert len(found.items) == 3 and found.validation == ()
    assert "validation_split 0.1 of 3 pictures is less than one" in found.problems[0].message


def test_one_picture_at_least_is_trained(folder: Path, settings: Make) -> None:
    found = scan(settings(validation_split=0.9))
    assert len(found.items) == 1 and len(found.validation) == 2


def test_what_is_asked_is_always_the_same(many: Path, settings: Make) -> None:
    measured = validation_set(scan(settings(validation_split=0.25, seed=4, flip_aug=True, color_aug=True, train_batch_size=3)))
    batches = validation_batches(measured, None)
    assert batches == validation_batches(measured, None) and len(batches) == 7
    draws = [draw for batch in batches for draw in batch.draws]
    assert sorted((draw.item, draw.copy) for draw in draws) == [(item, copy) for item in range(5) for copy in range(TIMES)]
    assert validation_batches(measured, 2) == batches[:2]
    options = {(item.subset.options.flip_aug, item.subset.options.color_aug) for item in measured.items}
    assert options == {(False, False)}


def test_timesteps_are_spread_evenly() -> None:
    assert [even_timestep(copy, Settings.of()) for copy in range(TIMES)] == [125, 375, 625, 875]
    assert [even_timestep(copy, Settings.of(min_timestep=400, max_timestep=800)) for copy in range(TIMES)] == [
        450,
        550,
        650,
        750,
    ]


def test_a_dataset_of_a_toml_file_has_its_own_share(many: Path, settings: Make, tmp_path: Path) -> None:
    toml = tmp_path / "data.toml"
    toml.write_text(
        f"[[datasets]]\nresolution = 128\nvalidation_split = 0.5\nvalidation_seed = 3\n"
        f"[[datasets.subsets]]\nimage_dir = {str(many)!r}\n",
        encoding="utf-8",
    )
    assert len(scan(settings(train_data_dir=None, dataset_config=toml)).validation) == 10
