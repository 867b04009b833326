"""Every mend makes its problem go away, says what it did, and loses nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.tagger.journal import undo
from lora_workbench.tests.trainer_core.planning.conftest import Fill, Make, told
from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.planning.fixes import MENDS, Fixed, fix, mend_of
from lora_workbench.trainer_core.planning.moves import undo_moves
from lora_workbench.trainer_core.problems import UserError, WordsError

PRODIGY = {"optimizer_type": "Prodigy", "unet_lr": None, "text_encoder_lr": None, "learning_rate": 1}
# Settings that bring a problem up, and what its mend sets; the rest of the settings stays.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "few-steps": ({"max_train_epochs": 100}, {"max_train_epochs": 334}),
    "steps-default": ({"max_train_epochs": None}, {"max_train_epochs": 334}),
    "alpha-above-rank": ({"network_alpha": 16}, {"network_alpha": 8.0}),
    "alpha-default": ({"network_alpha": None}, {"network_alpha": 8.0}),
    "rank-default": ({"network_dim": None, "network_alpha": 1}, {"network_dim": 32}),
    "rank-high": ({"network_dim": 256, "network_alpha": 256}, {"network_dim": 128, "network_alpha": 128.0}),
    "rank-above-class": (
        {"subject_difficulty": "A", "network_dim": 64, "network_alpha": 32},
        {"network_dim": 8, "network_alpha": 8.0},
    ),
    "rank-below-class": ({"subject_difficulty": "C", "network_dim": 4, "network_alpha": 1}, {"network_dim": 8}),
    "network-for-class": (
        {"subject_difficulty": "E", "network_module": "lycoris.kohya", "network_args": ["algo=lokr", "factor=4", "conv_dim=2"],
         "max_train_epochs": 2000},
        {"network_module": "networks.lora", "network_args": ["conv_dim=2"]},
    ),
    "learning-rate-default": ({"unet_lr": None, "text_encoder_lr": None}, {"learning_rate": 1e-4}),
    "learning-rate-high": ({"unet_lr": 0.5}, {"unet_lr": 1e-4}),
    "learning-rate-low": ({"unet_lr": 1e-6, "text_encoder_lr": 1e-6}, {"unet_lr": 1e-4}),
    "text-encoder-rate": ({"learning_rate": 2e-4, "unet_lr": None, "text_encoder_lr": None}, {"text_encoder_lr": 1e-4}),
    "text-encoder-rate-high": ({"text_encoder_lr": 2e-4}, {"text_encoder_lr": 5e-5}),
    "rate-too-low": ({**PRODIGY, "learning_rate": 1e-4}, {"learning_rate": 1.0}),
    "ia3-rate": (
        {"network_module": "lycoris.kohya", "network_args": ["algo=ia3"], "max_train_epochs": 2000},
        {"learning_rate": 1e-3, "unet_lr": 1e-3, "text_encoder_lr": 1e-3},
    ),
    "noise-offset-high": ({"noise_offset": 0.5}, {"noise_offset": 0.1}),
    "min-snr-adaptive": ({"optimizer_type": "DAdaptAdam", "min_snr_gamma": 5}, {"min_snr_gamma": None}),
    "restarts-adaptive": (
        {**PRODIGY, "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
        {"lr_scheduler": "constant"},
    ),
    "schedule-unused": ({"optimizer_type": "AdamWScheduleFree", "lr_scheduler": "cosine"}, {"lr_scheduler": None}),
    "warmup-unused": ({"lr_scheduler": "constant", "lr_warmup_steps": 50}, {"lr_scheduler": "constant_with_warmup"}),
    "clipping-unwanted": (
        {**PRODIGY, "optimizer_type": "ProdigyPlusScheduleFree", "max_grad_norm": 1},
        {"max_grad_norm": 0.0},
    ),
    "dadapt-sgd": (
        {**PRODIGY, "optimizer_type": "DAdaptSGD", "optimizer_args": ["momentum=0.8"]},
        {"optimizer_args": ["momentum=0.8", "growth_rate=1.05"]},
    ),
    "unknown-optimizer-argument": (
        {"optimizer_args": ["betsa=0.9,0.99", "weight_decay=0.1"]},
        {"optimizer_args": ["weight_decay=0.1"]},
    ),
    "adafactor-slow": (
        {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=True", "warmup_init=True"], "max_train_epochs": 500},
        {"optimizer_args": ["relative_step=True"]},
    ),
    "nesterov-ignored": ({"optimizer_type": "SGDNesterov8bit"}, {"optimizer_type": "SGDNesterov"}),
    "validation-unused": ({"validate_every_n_steps": 10}, {"validate_every_n_steps": None}),
    "mask-unused": ({"conditioning_data_dir": "masks"}, {"conditioning_data_dir": None}),
    "setting-ignored": ({"no_half_vae": True, "xformers": None}, {"no_half_vae": None}),
    "style-with-reg": ({"subject_kind": "style", "prior_preservation": "girl"}, {"prior_preservation": None}),
    "activation-tag-shuffled": ({"shuffle_caption": True}, {"keep_tokens": 1}),
    "captions-unused": ({"shuffle_caption": True, "keep_tokens": 1, "caption_dropout_rate": 1}, {"caption_dropout_rate": 0.0}),
    "weights-as-text": ({"keep_tokens": 1}, {"weighted_captions": True}),
    "name-weighed": ({"weighted_captions": True}, {"weighted_captions": False}),
    "caption-extension": ({"caption_extension": ".caption"}, {"caption_extension": ".txt"}),
    "flip-one-sided": ({"flip_aug": True}, {"flip_aug": False}),
    "face-crop-idle": ({"face_crop_aug_range": "2,4"}, {"face_crop_aug_range": None}),
    "cache-turned-off": ({"cache_latents": True, "color_aug": True}, {"cache_latents": None}),
    "resolution-missing": ({"resolution": None}, {"resolution": "512", "max_bucket_reso": 768}),
    "resolution-pictures": ({"resolution": "256"}, {"resolution": "128"}),
    "enlarged": ({"resolution": "256"}, {"bucket_no_upscale": True}),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_a_mend_of_settings(fill: Fill, plan: Make, code: str) -> None:
    fill("1_penny", caption="penny, eyepatch, (hat:1.2), saber (fate)")
    changes, wanted = CASES[code]
    before = plan(**changes)
    assert [one.fixable for one in before.problems if one.code == code], told(before)
    assert all(one.fixable for one in before.problems if one.code == code)
    fixed = fix(code, before)
    assert {name: after for name, (_, after) in fixed.changes.items()} == wanted
    assert code not in told(make_plan(fixed.settings))
    assert all(name in fixed.message for name in wanted) and fixed.message.startswith("Changed ")
    old, new = (one.as_dict(only_given=True) for one in (before.settings, fixed.settings))
    assert {name for name in {**old, **new} if old.get(name) != new.get(name)} <= set(wanted)


def test_what_is_not_wrong_is_left_as_it_is(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    sound = plan()
    fixed = fix("few-steps", sound)
    assert fixed.settings is sound.settings and not fixed.changes
    assert fixed.message == "The plan tells of no few-steps, so nothing was changed."


def test_codes_that_are_none_and_those_without_a_mend(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    with pytest.raises(WordsError, match="did you mean few-steps"):
        fix("few-step", plan())
    with pytest.raises(UserError, match="base-model-missing can't be mended by itself. Give pretrained"):
        fix("base-model-missing", plan())
    assert not [one for one in plan().problems if one.code == "base-model-missing" and one.fixable]


def test_captions_get_the_activation_tag_first_and_it_can_be_taken_back(fill: Fill, plan: Make, root: Path) -> None:
    folder = fill("1_penny", count=4, caption="penny, hat")
    old = {"2.txt": b"hat, Penny\n", "3.txt": b"hat, smile"}
    for name, content in old.items():
        (folder / name).write_bytes(content)
    fill("1_penny", count=0)
    (folder / "4.txt").write_text("penny", encoding="utf-8")
    shutil.copy(folder / "3.png", folder / "4.png")
    before = plan()
    fixed = fix("activation-tag", before)
    assert [(folder / name).read_text(encoding="utf-8") for name in old] == ["Penny, hat\n", "penny, hat, smile"]
    assert "“penny” stands first in 2 captions more" in fixed.message and fixed.settings is not None and not fixed.changes
    assert "activation-tag" not in told(make_plan(fixed.settings))
    undo(root)
    assert {name: (folder / name).read_bytes() for name in old} == old


def test_wide_commas_are_made_plain_and_it_can_be_taken_back(fill: Fill, plan: Make, root: Path) -> None:
    folder = fill("1_penny", count=2, caption="penny, hat")
    old = "penny，red hat、smile".encode()
    (folder / "1.txt").write_bytes(old)
    before = plan()
    assert "1 caption, 1.txt." in told(before)["wide-commas"] and "red hat" not in before.tags
    fixed = fix("wide-commas", before)
    assert (folder / "1.txt").read_text(encoding="utf-8") == "penny, red hat, smile" and "1 caption;" in fixed.message
    after = make_plan(fixed.settings)
    assert "wide-commas" not in told(after) and "red hat" in after.tags
    undo(root)
    assert (folder / "1.txt").read_bytes() == old


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if ".lora_workbench" not in path.parts)


def mended(code: str, before: Plan) -> tuple[Fixed, dict[str, str]]:
    fixed = fix(code, before)
    found = told(make_plan(fixed.settings))
    assert code not in found
    return fixed, found


def test_subjects_are_equalled_out_by_renaming_folders(fill: Fill, plan: Make, root: Path, tmp_path: Path) -> None:
    fill("1_penny", count=6, caption="penny")
    fill("1_mia", count=2, caption="mia")
    before = names(tmp_path)
    fixed, _ = mended("unbalanced", plan())
    assert {path.name for path in root.iterdir()} - {".lora_workbench"} == {"1_penny", "3_mia"}
    assert "1_mia → " in fixed.message and fixed.undo == "python -m trainer_core plan --undo"
    undo_moves(root)
    assert [name for name in names(tmp_path) if not name.startswith("data")] == [name for name in before if name[:4] != "data"]


def test_folders_of_one_subject_may_take_each_others_names(fill: Fill, plan: Make, root: Path) -> None:
    fill("1_mia", count=1, caption="mia")
    fill("3_mia", count=1, caption="mia")
    fill("1_penny", count=12, caption="penny")
    mended("unbalanced", plan())
    assert {path.name for path in root.iterdir()} - {".lora_workbench"} == {"3_mia", "9_mia", "1_penny"}


def test_regularization_pictures_get_a_folder_of_their_own(fill: Fill, plan: Make, root: Path) -> None:
    fill("1_penny", count=2, caption="penny")
    fill("1_reg", count=2, caption="doll")
    assert plan().images == 4
    fixed, _ = mended("reg-trained-as-subject", plan())
    assert fixed.changes["reg_data_dir"] == (None, str(root.with_name("pictures_reg")))
    after = make_plan(fixed.settings)
    assert (after.images, [subset.name for subset in after.subsets if subset.is_reg]) == (2, ["1_reg"])
    undo_moves(root)
    assert len(list((root / "1_reg").glob("*.png"))) == 2


def test_folders_get_a_number(fill: Fill, plan: Make, root: Path) -> None:
    fill("1_penny", caption="penny")
    fill("mia", caption="mia")
    mended("folder-unnumbered", plan())
    assert plan().images == 6
    undo_moves(root)
    assert plan().images == 3


def test_pictures_in_other_formats_become_png_and_come_back(fill: Fill, plan: Make, root: Path) -> None:
    folder = fill("1_penny", count=2, caption="penny")
    frames = [Image.new("RGB", (128, 128), color) for color in ("red", "blue")]
    frames[0].save(folder / "moves.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "0.tiff")  # 0.png is there already
    (folder / "broken.gif").write_bytes(b"GIF89a")
    (folder / "moves.txt").write_text("penny, hat", encoding="utf-8")
    old = {name: (folder / name).read_bytes() for name in ("moves.gif", "broken.gif", "0.tiff")}
    before = plan()
    fixed = fix("formats-untrained", before)
    assert "1 picture saved as .png" in fixed.message and "Left alone, as unreadable: broken.gif." in fixed.message
    after = plan()
    (new,) = [item for item in after.training_set.items if item.path.name == "moves.png"]
    assert (after.images, new.caption) == (3, "penny, hat")
    with Image.open(folder / "moves.png") as image:
        assert image.getpixel((5, 5)) == (255, 0, 0)
    undo_moves(root)
    assert {name: (folder / name).read_bytes() for name in old} == old and not (folder / "moves.png").exists()


def test_what_can_not_be_converted_changes_nothing(fill: Fill, plan: Make, root: Path) -> None:
    folder = fill("1_penny", count=1, caption="penny")
    (folder / "broken.gif").write_bytes(b"GIF89a")
    before = names(root)
    with pytest.raises(UserError, match="None of these pictures can be read"):
        fix("formats-untrained", plan())
    assert names(root) == before


def test_a_folder_given_on_the_wrong_level(fill: Fill, plan: Make, root: Path) -> None:
    inner = fill("set/4_penny", caption="penny")
    fixed, _ = mended("folder-level", plan())
    assert make_plan(fixed.settings).stages[0].seen_per_epoch(is_reg=False) == 12
    fixed, _ = mended("folder-is-subset", plan(train_data_dir=str(inner)))
    assert make_plan(fixed.settings).stages[0].seen_per_epoch(is_reg=False) == 12


def test_long_captions_get_room(fill: Fill, plan: Make) -> None:
    fill("1_penny", count=1, caption=", ".join(["penny", *["cat"] * 50]))
    fixed, _ = mended("caption-too-long", plan())
    assert fixed.changes["max_token_length"] == (None, 150)


def test_pictures_without_buckets_get_sizes_of_their_shapes(fill: Fill, plan: Make) -> None:
    fill("1_penny", size=(256, 128), caption="penny")
    fixed, _ = mended("crop-loss", plan(enable_bucket=None, bucket_reso_steps=16))
    assert fixed.settings.enable_bucket and fixed.settings.max_bucket_reso == 256


def test_what_is_cut_off_in_buckets_is_for_the_user_to_see(fill: Fill, plan: Make) -> None:
    fill("1_penny", size=(768, 128), caption="penny")
    found = [one for one in plan().problems if one.code == "crop-loss"]
    assert found and not found[0].fixable


def test_a_dataset_file_is_changed_in_a_copy(fill: Fill, plan: Make, tmp_path: Path) -> None:
    penny, mia = fill("penny", count=6, caption="penny, text"), fill("mia", count=2, caption="mia")
    path = tmp_path / "sets.toml"
    text = "[general]\nflip_aug = true\n[[datasets]]\nresolution = 128\n" + "".join(
        f'[[datasets.subsets]]\nimage_dir = "{folder}"\nclass_tokens = "{folder.name}"\nflip_aug = true\n'
        for folder in (penny, mia)
    )
    path.write_text(text, encoding="utf-8")
    before = plan(train_data_dir=None, dataset_config=str(path))
    fixed, _ = mended("unbalanced", before)
    fixed, _ = mended("flip-one-sided", make_plan(fixed.settings))
    assert path.read_text(encoding="utf-8") == text
    assert [subset.repeats for subset in make_plan(fixed.settings).subsets] == [1, 3]
    assert (
        Path(fixed.settings.dataset_config).name == "sets-fixed-fixed.toml"
        and str(fixed.settings.dataset_config) in fixed.message
    )


def test_what_stages_name_themselves_is_left_to_the_user(fill: Fill, plan: Make) -> None:
    fill("1_penny", caption="penny")
    stages = [{"max_train_epochs": 20, "noise_offset": 0.5}, {"max_train_steps": 30}]
    made = plan(stages=stages, max_train_epochs=None, network_alpha=16)
    fixable = {one.code: one.fixable for one in made.problems}
    assert fixable["alpha-above-rank"] and not fixable["few-steps"] and not fixable["noise-offset-high"]
    fixed = fix("alpha-above-rank", made)
    assert fixed.settings.as_dict(only_given=True)["stages"] == made.settings.as_dict(only_given=True)["stages"]


def test_a_mend_changes_nothing_until_it_is_carried_out(fill: Fill, plan: Make, root: Path) -> None:
    fill("1_penny", count=6, caption="penny")
    fill("mia", count=2, caption="mia")
    fill("1_reg", count=1, caption="doll")
    before = names(root)
    made = plan(network_alpha=99)
    assert [code for code in MENDS if mend_of(code, made)]
    assert names(root) == before


def test_all_at_once_leave_nothing_that_could_be_mended(fill: Fill, plan: Make) -> None:
    """Mends don't bring each other's problems back."""
    fill("1_penny", count=8, size=(200, 120), caption="hat, eyepatch")
    (fill("2_mia", count=2, caption="mia, hat") / "2.txt").unlink(missing_ok=True)
    made = plan(
        subject_kind="character", subject_difficulty="B", network_dim=64, network_alpha=128, max_train_epochs=20, flip_aug=True,
        noise_offset=0.9, shuffle_caption=True, text_encoder_lr=3e-4, face_crop_aug_range="2,4", no_half_vae=True,
    )  # fmt: skip
    for _ in range(30):
        open_ones = [one.code for one in made.problems if one.fixable]
        if not open_ones:
            break
        made = make_plan(fix(open_ones[0], made).settings)
    assert [one.code for one in made.problems if one.fixable] == []
    assert {one.code for one in made.problems} <= {"base-model-missing", "few-pictures", "crop-loss"}
