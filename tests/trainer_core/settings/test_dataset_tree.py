from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.settings import Settings, SettingsError, resolved_datasets

GOOD = """
[general]
shuffle_caption = true
keep_tokens = 2
resolution = 512
caption_extention = "txt"
[[datasets]]
batch_size = 4
keep_tokens = 3
enable_bucket = true
  [[datasets.subsets]]
  image_dir = "a"
  num_repeats = 10
  keep_tokens = 4
  face_crop_aug_range = [1.0, 2.0]
  [[datasets.subsets]]
  image_dir = "b"
  is_reg = true
  class_tokens = "girl"
[[datasets]]
resolution = [256, 384]
  [[datasets.subsets]]
  image_dir = "c"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "data.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_inner_levels_count_before_outer_ones_and_flags(tmp_path: Path) -> None:
    settings = Settings.of(
        dataset_config=written(tmp_path, GOOD),
        train_batch_size=2,
        dataset_repeats=5,
        flip_aug=True,
        keep_tokens=1,
        shuffle_caption=False,
    )
    first, second = resolved_datasets(settings)
    assert (first["batch_size"], first["resolution"], first["enable_bucket"]) == (4, (512, 512), True)
    assert (second["batch_size"], second["resolution"], second["enable_bucket"]) == (2, (256, 384), False)
    assert (first["min_bucket_reso"], first["max_bucket_reso"], first["bucket_reso_steps"]) == (256, 1024, 64)
    a, b = first["subsets"]
    (c,) = second["subsets"]
    assert [one["keep_tokens"] for one in (a, b, c)] == [4, 3, 2]
    assert [one["num_repeats"] for one in (a, b, c)] == [10, 5, 5]
    assert [one["shuffle_caption"] for one in (a, b, c)] == [True] * 3
    assert [one["flip_aug"] for one in (a, b, c)] == [True] * 3
    assert (a["image_dir"], a["face_crop_aug_range"], a["caption_extension"]) == (Path("a"), (1.0, 2.0), ".txt")
    assert (b["is_reg"], b["class_tokens"], a["is_reg"], a["class_tokens"]) == (True, "girl", False, None)
    assert Settings.of().dataset_tree is None and resolved_datasets(Settings.of()) == []


def test_class_tokens_of_an_outer_level_are_those_of_its_folders(tmp_path: Path) -> None:
    text = GOOD.replace("[general]", '[general]\nclass_tokens = "doll"').replace("batch_size = 4", 'class_tokens = "cat"')
    first, second = resolved_datasets(Settings.of(dataset_config=written(tmp_path, text)))
    assert [one["class_tokens"] for one in (*first["subsets"], *second["subsets"])] == ["cat", "girl", "doll"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "num_repeats",
            "num_repeat",
            "data.toml: dataset 1, subset 1: num_repeat is not an option; did you mean num_repeats?",
        ),
        ("batch_size = 4", "batch_size = 'x'", "data.toml: dataset 1: batch_size must be a whole number, not 'x'."),
        ('image_dir = "c"', "num_repeats = 2", "data.toml: dataset 2, subset 1: image_dir is missing"),
        ("batch_size = 4", "validation_split = 1.0", "validation_split must be from 0 to 0.9, not 1.0"),
        ('image_dir = "c"', 'metadata_file = "c.json"\nis_reg = true', "metadata_file is for pictures to train"),
        ("batch_size = 4", 'image_dir = "x"', "dataset 1: image_dir belongs to a subset"),
        ("num_repeats = 10", "enable_bucket = true", "subset 1: enable_bucket belongs to a dataset"),
        ("batch_size = 4", "network_dim = 4", "network_dim is given on the command line"),
        ("[general]", "[generl]", "[generl] is unknown"),
        ("resolution = 512", "resolution = 128", "min_bucket_reso 256 is above"),
        ("resolution = 512", "", "dataset 1: resolution is missing"),
        ("enable_bucket = true", "enable_bucket = 'x'", "true or false"),
    ],
)
def test_wrong_files(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as error:
        Settings.of(dataset_config=written(tmp_path, GOOD.replace(old, new)))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "datasets = 3", "[[datasets]]\nbatch_size = 1", "[[datasets]]\nsubsets = 3", "general = 3"]
)
def test_files_without_datasets(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="data.toml"):
        Settings.of(dataset_config=written(tmp_path, text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        Settings.of(dataset_config=tmp_path / "none.toml")


def test_a_subset_that_changes_pictures_turns_the_cache_off(tmp_path: Path) -> None:
    text = GOOD.replace('image_dir = "c"', 'image_dir = "c"\nrandom_crop = true')
    settings = Settings.of(dataset_config=written(tmp_path, text), cache_latents=True)
    assert (settings.cache_latents, settings.notices[-1].code) == (False, "cache-turned-off")


def test_ignored_options_say_so(tmp_path: Path) -> None:
    text = GOOD.replace("batch_size = 4", "network_multiplier = 0.5")
    settings = Settings.of(dataset_config=written(tmp_path, text))
    assert [one.code for one in settings.notices] == ["setting-ignored"]
