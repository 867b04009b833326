"""What the plan says of pictures, subject and settings together; each case has a twin that is not told of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lora_workbench.tests.trainer_core.planning.conftest import Fill, Make, told
from lora_workbench.trainer_core.models.header import ModelHeader
from lora_workbench.trainer_core.planning.base_name import base_name_problems
from lora_workbench.trainer_core.settings import Settings


def test_a_sound_run_is_not_told_of(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny, hat")
    assert told(plan()) == {}


@pytest.mark.parametrize(
    ("changes", "steps", "least"),
    [
        ({"subject_kind": "character"}, 790, "800"),
        ({"subject_kind": "character", "subject_difficulty": "H", "network_dim": 128}, 1490, "1500"),
        ({"subject_kind": "style"}, 990, "1000"),
        ({"subject_kind": "concept", "network_module": "lycoris.kohya"}, 1590, "1600"),
    ],
)
def test_steps_are_measured_against_the_kind(fill: Fill, plan: Make, changes: dict, steps: int, least: str) -> None:
    fill("1_penny", count=1, caption="penny")
    few = plan(max_train_epochs=steps, **changes)
    assert f"under {least}" in told(few)["few-steps"]
    assert [one.severity for one in few.problems if one.code == "few-steps"] == ["warning"]
    (later,) = [one for one in plan(max_train_epochs=steps + 10, **changes).problems if one.code == "few-steps"] or [None]
    assert later is None or later.severity == "note"


def test_regularization_doubles_the_steps_that_are_wanted(fill: Fill, plan: Make, tmp_path: Path) -> None:
    fill("1_penny", count=2, caption="penny")
    shutil.copytree(fill("1_penny"), tmp_path / "reg" / "1_doll")
    assert "few-steps" not in told(plan(max_train_epochs=600))
    assert "under 2000" in told(plan(max_train_epochs=300, reg_data_dir=str(tmp_path / "reg")))["few-steps"]


@pytest.mark.parametrize(
    ("difficulty", "high", "low", "tolerated"),
    [("A", 8, 4, 12), ("B", 16, 4, 24), ("C", 32, 8, 48), ("D", 64, 32, 64), ("E", 64, 64, 64), ("H", 192, 128, 192)],
)
def test_ranks_are_measured_against_the_class(
    fill: Fill, plan: Make, difficulty: str, high: int, low: int, tolerated: int
) -> None:
    """Up to D half a class more is let be, since a man counts so much harder."""
    fill("1_penny", count=1, caption="penny")
    for rank, code in ((tolerated, None), (tolerated + 1, "rank-above-class"), (low, None), (low - 1, "rank-below-class")):
        found = told(plan(subject_difficulty=difficulty, network_dim=rank, network_alpha=1, max_train_epochs=3000))
        assert {name for name in found if name.startswith("rank-") and name != "rank-high"} == ({code} if code else set()), rank
        assert code is None or f"{low} to {high}" in found[code]


def test_a_rank_for_another_kind_is_told(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    assert "character takes, 32 to 96" in told(plan(subject_kind="character", network_dim=128))["rank-above-class"]
    assert "rank-above-class" not in told(plan(subject_kind="style", network_dim=128))
    assert "rank-above-class" not in told(plan(network_dim=128))


def test_lokr_is_too_small_from_class_d_on(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    lokr = {"network_module": "lycoris.kohya", "network_args": ["algo=lokr"], "max_train_epochs": 3000}
    assert "LoKr holds too little for class D" in told(plan(subject_difficulty="D", **lokr))["network-for-class"]
    assert "network-for-class" not in told(plan(subject_difficulty="C", **lokr))
    assert "network-for-class" not in told(plan(subject_difficulty="D", max_train_epochs=3000, network_dim=32))


def test_a_style_with_regularization_is_warned_of(fill: Fill, plan: Make, tmp_path: Path) -> None:
    shutil.copytree(fill("1_penny", caption="penny"), tmp_path / "reg" / "1_doll")
    reg = {"reg_data_dir": str(tmp_path / "reg"), "max_train_epochs": 3000}
    assert "style-with-reg" in told(plan(subject_kind="style", **reg))
    assert "style-with-reg" in told(plan(subject_kind="style", prior_preservation="girl"))
    assert "style-with-reg" not in told(plan(subject_kind="character", **reg))


def test_few_pictures_are_told_by_kind(fill: Fill, plan: Make) -> None:
    fill("1_penny", count=14, caption="penny")
    assert "14 pictures" in told(plan(subject_kind="character"))["few-pictures"]
    assert "100 or more" in told(plan(subject_kind="style"))["few-pictures"]
    fill("1_penny", count=15, caption="penny")
    assert "few-pictures" not in told(plan(subject_kind="vehicle"))
    assert "few-pictures" not in told(plan())


def test_subjects_that_are_seen_unequally(fill: Fill, plan: Make, root: Path) -> None:
    fill("1_penny", count=6, caption="penny")
    fill("1_mia", count=4, caption="mia")
    assert "unbalanced" not in told(plan())  # exactly 1.5 times
    (root / "1_mia" / "3.png").unlink()
    found = told(plan())["unbalanced"]
    assert "“penny” is seen 6 times an epoch and “mia” 3 times" in found and "1_mia × 2, 1_penny × 1" in found
    assert "unbalanced" not in told(plan(subject_kind="style"))


def test_folders_of_one_name_are_one_subject(fill: Fill, plan: Make) -> None:
    fill("1_penny", count=8, caption="penny")
    fill("2_penny", count=1, caption="penny")
    assert "unbalanced" not in told(plan())


def test_few_regularization_pictures_are_told(fill: Fill, plan: Make, tmp_path: Path) -> None:
    reg = tmp_path / "reg" / "1_doll"
    shutil.copytree(fill("4_penny", caption="penny"), reg)
    assert "reg-few" not in told(plan(reg_data_dir=str(reg.parent))), "one for each training picture"
    (reg / "2.png").unlink()
    few = told(plan(reg_data_dir=str(reg.parent)))
    assert "2 regularization pictures seen 12 times an epoch" in few["reg-few"] and "reg-repeats" not in few
    reg.rename(reg.with_name("9_doll"))
    fill("4_penny", count=2)
    (tmp_path / "pictures" / "4_penny" / "2.png").unlink()
    repeated = told(plan(reg_data_dir=str(reg.parent)))
    assert "8 times an epoch all together: the repeats of 9_doll" in repeated["reg-repeats"] and "reg-few" not in repeated


def test_pictures_that_lose_much_to_the_crop(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    (fill("1_penny", count=1, size=(128, 200)) / "0.png").rename(fill("1_penny", 0) / "tall.png")
    assert "crop-loss" not in told(plan(bucket_reso_steps=8))
    found = told(plan(enable_bucket=None))["crop-loss"]
    assert "1 picture losing" in found and "tall.png (36%)" in found and "Set enable_bucket" in found
    assert "--crops" in told(plan())["crop-loss"]
    assert "crop-loss" not in told(plan(enable_bucket=None, random_crop=True))


def test_a_resolution_that_most_pictures_lack(fill: Fill, plan: Make) -> None:
    fill("1_penny", count=3, size=(200, 200), caption="penny")
    sizes = {"max_bucket_reso": 512, "min_bucket_reso": 64}
    assert "set resolution to 192" in told(plan(resolution="256", **sizes))["resolution-pictures"]
    assert "resolution-pictures" not in told(plan(resolution="192", **sizes))


def test_many_sparse_sizes_are_told(fill: Fill, plan: Make) -> None:
    for number in range(7):
        fill("1_penny", count=1, size=(128 + 16 * number, 128 - 8 * number))
        (fill("1_penny", 0) / "0.png").rename(fill("1_penny", 0) / f"size{number}.png")
    assert "7 sizes, 7 of which" in told(plan(bucket_reso_steps=8))["sparse-buckets"]
    assert "sparse-buckets" not in told(plan())


def test_folders_on_the_wrong_level(fill: Fill, plan: Make, root: Path) -> None:
    inner = fill("set/1_penny", caption="penny")
    found = told(plan())
    assert f"Set train_data_dir to {inner.parent}" in found["folder-level"]
    assert told(plan(train_data_dir=str(inner.parent))) == {}
    fill("other/1_mia")
    assert "folder-level" not in told(plan())  # which of the two is meant can't be known


def test_folders_that_only_lack_a_number(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    fill("mia", caption="mia")
    fill("reg", caption="doll")
    assert "1 folder" in told(plan())["folder-unnumbered"] and "1_mia" in told(plan())["folder-unnumbered"]


def test_pictures_where_none_are_looked_for(fill: Fill, plan: Make, root: Path) -> None:
    fill(".", count=2)
    fill("mia")
    assert "mia" in told(plan())["folder-nested"]
    fill("1_penny")
    assert "2 pictures beside" in told(plan())["pictures-beside"]


def test_pictures_in_other_formats_and_spellings(fill: Fill, plan: Make) -> None:
    folder = fill("1_penny", caption="penny")
    (folder / "moves.gif").write_bytes(b"GIF89a")
    (folder / "1.png").rename(folder / "1.Png")
    (folder / "2.png").rename(folder / "2.PNG")
    found = told(plan())
    assert "moves.gif" in found["formats-untrained"]
    assert "1.Png" in found["extension-case"] and "2.PNG" not in found["extension-case"]
    assert plan().images == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unet_lr": 1e-6, "text_encoder_lr": 1e-6}, "learning-rate-low"),
        ({"text_encoder_lr": 2e-4}, "text-encoder-rate-high"),
        ({"noise_offset": 0.3}, "noise-offset-high"),
        ({"optimizer_type": "DAdaptAdam", "unet_lr": 1, "text_encoder_lr": 1, "min_snr_gamma": 5}, "min-snr-adaptive"),
    ],
)
def test_values_out_of_the_usual_range(fill: Fill, plan: Make, changes: dict, code: str) -> None:
    fill("1_penny", caption="penny")
    assert code in told(plan(**changes))


def named(name: str, **metadata: str) -> ModelHeader:
    return ModelHeader(Path(name), {}, metadata)


def codes_of(name: str, clip_skip: int | None = None, tags: dict[str, int] | None = None, **metadata: str) -> list[str]:
    settings = Settings.of(**({"clip_skip": clip_skip} if clip_skip else {}))
    return [one.code for one in base_name_problems(settings, named(name, **metadata), tags or {}, 10)]


@pytest.mark.parametrize(
    ("name", "wanted", "wrong"),
    [
        ("animefull-final-pruned.safetensors", 2, 1),
        ("nai_v1.ckpt", 2, 1),
        ("fluffyrock.safetensors", 1, 2),
        ("v1-5-pruned.ckpt", 1, 2),
    ],
)
def test_clip_skip_is_measured_against_the_base(name: str, wanted: int, wrong: int) -> None:
    assert codes_of(name, wrong) == ["clip-skip"]
    assert codes_of(name, wanted) == []
    assert codes_of("penny.safetensors", wanted) == codes_of("penny.safetensors", wrong) == []


def test_tags_of_another_vocabulary_are_told() -> None:
    booru, e621 = {"1girl": 9, "hat": 3}, {"anthro": 8, "canid": 4}
    assert codes_of("fluffyrock.safetensors", tags=booru) == ["tags-of-other-base"]
    assert codes_of("fluffyrock.safetensors", tags=e621) == []
    assert codes_of("animefull.ckpt", 2, tags=e621) == ["tags-of-other-base"]
    assert codes_of("animefull.ckpt", 2, tags=booru) == codes_of("animefull.ckpt", 2, tags={"anthro": 3}) == []
    assert codes_of("v1-5-pruned.ckpt", tags=booru) == ["tags-of-other-base"]
    assert codes_of("penny.ckpt", tags=booru) == []


def test_mixes_are_told() -> None:
    assert codes_of("penny.safetensors", sd_merge_recipe="{}") == codes_of("anylora.safetensors") == ["base-merged"]
    assert codes_of("penny.safetensors") == []


def test_the_table_of_sizes_tells_what_is_cut_off_and_enlarged(fill: Fill, plan: Make) -> None:
    """128×160 at 64 px a step becomes 128×160 in 128×128: a fifth is cut off. 64×64 is enlarged to 128×128."""
    fill("1_penny", count=1, size=(128, 160), caption="penny")
    (fill("1_penny", 0) / "0.png").rename(fill("1_penny", 0) / "tall.png")
    fill("1_penny", count=1, size=(64, 64))
    (bucket,) = plan().as_dict()["buckets"]
    assert bucket == {"width": 128, "height": 128, "count": 2, "cut_off": 0.1, "enlarged": 2.0}
    assert "128×128 2 2 2 10% ×2" in [" ".join(line.split()) for line in plan().text().splitlines()]
