"""What the dataset's tests share: items without files, and small folders of pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset.items import Dataset, Fit, Item, Subset, SubsetOptions, TrainingSet
from lora_workbench.trainer_core.settings import Settings


@pytest.fixture
def make_item() -> Callable[..., Item]:
    """An item of 64×64 px; keyword arguments are fields of the item, of its subset (is_reg, dataset) or its options."""

    def make(caption: str = "", index: int = 0, **changes: object) -> Item:
        own = {name: changes.pop(name) for name in ("copies", "fit", "path", "size", "caption_file") if name in changes}
        subset_changes = {name: changes.pop(name) for name in ("is_reg", "dataset", "name") if name in changes}
        fields = {"index": 0, "dataset": 0, "folder": Path("3_penny"), "name": "3_penny", "repeats": 3, "is_reg": False}
        subset = Subset(**{**fields, "class_tokens": "penny", **subset_changes}, options=SubsetOptions(**changes))
        fields = {"path": Path(f"3_penny/{index}.png"), "size": (64, 64), "fit": Fit((64, 64), (64, 64), (0, 0)), "copies": 1}
        return Item(index=index, subset=subset, caption=caption, **{**fields, **own})

    return make


@pytest.fixture
def make_set() -> Callable[..., TrainingSet]:
    """A training set of items, with one dataset for each batch size."""

    def make(items: list[Item], *batch_sizes: int, enable_bucket: bool = True) -> TrainingSet:
        datasets = tuple(
            Dataset(index, (64, 64), size, enable_bucket, 64, 128, 64, False, None, ())
            for index, size in enumerate(batch_sizes or (1,))
        )
        return TrainingSet(datasets, (), tuple(items), (), (), ())

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`pictures/2_penny` with 3 captioned pictures of 128×128 px."""
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number in range(3):
        draw(folder / f"{number}.png", color=(80 * number, 0, 100))
        (folder / f"{number}.txt").write_text(f"penny, red hat, number {number}", encoding="utf-8")
    return folder


@pytest.fixture
def settings(folder: Path) -> Callable[..., Settings]:
    """Settings of a run on that folder; keyword arguments replace or add."""

    def make(**changes: object) -> Settings:
        values = {"train_data_dir": str(folder.parent), "resolution": "128", "caption_extension": ".txt", **changes}
        return Settings.of(**{name: value for name, value in values.items() if value is not None})

    return make


def draw(path: Path, size: tuple[int, int] = (128, 128), color: tuple[int, ...] = (10, 200, 30), mode: str = "RGB") -> Path:
    Image.new(mode, size, color if mode != "L" else color[0]).save(path)
    return path


@pytest.fixture
def draw_picture() -> Callable[..., Path]:
    return draw
