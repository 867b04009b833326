"""Advice as a function of facts and answers: figures are the guide's, and what wasn't answered is said."""

from __future__ import annotations

import pytest

from lora_workbench.trainer_core.guide.advice import Answers, BaseFacts, DatasetFacts, FolderFacts, advise, in_epochs
from lora_workbench.trainer_core.optimizer_checks import optimizer_problems
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.settings.subject import CLASSES, KINDS


def facts(pictures=42, side=800, **more):
    folders = more.pop("folders", (FolderFacts("1_penny", pictures, 1, "penny"),))
    return DatasetFacts(folders, sides=(side,) * pictures, captioned=pictures, activation="penny", **more)


def values(pictures=42, side=800, base=None, about=None, **answers):
    return advise(about or facts(pictures, side), Answers(**{"vram_gb": 8.0, **answers}), base).settings()


def told(name, pictures=42, **answers):
    found = {one.name: one for one in advise(facts(pictures), Answers(**{"vram_gb": 8.0, **answers})).values}[name]
    return f"{name} {found.value}: {found.reason} {found.source}"


def notices(about=None, **answers):
    return " ".join(advise(about or facts(), Answers(**answers)).notices)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("difficulty", [None, *CLASSES])
@pytest.mark.parametrize("vram", [None, 4, 6, 8, 12, 24])
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_every_answer_gives_settings_that_the_trainer_takes(kind, difficulty, vram, family):
    base = BaseFacts(family, resolution=1024 if family == "sdxl" else 512)
    found = advise(facts(side=1400), Answers(kind=kind, difficulty=difficulty, vram_gb=vram), base)
    settings = Settings.of(**found.settings())
    assert [one for one in optimizer_problems(settings) if one.severity == "error"] == []
    assert settings.network_alpha <= settings.network_dim
    assert len({one.name for one in found.values}) == len(found.values)
    assert all(one.reason.endswith(".") for one in found.values) and all(one.endswith((".", ")")) for one in found.notices)


def test_class_and_pictures_give_the_rank_with_its_line():
    assert told("network_dim", kind="character", difficulty="B") == "network_dim 16: class B, 42 pictures. guide l. 276"


@pytest.mark.parametrize(
    ("difficulty", "rank"),
    [("A", 8), ("B", 16), ("C", 32), ("D", 64), ("E", 64), ("F", 128), ("G", 128), ("H", 192), ("I", 256)],
)
def test_many_pictures_take_the_class_s_highest_rank_and_few_or_less_wanted_a_lower_one(difficulty, rank):
    assert values(kind="character", difficulty=difficulty)["network_dim"] == rank
    assert values(12, kind="character", difficulty=difficulty)["network_dim"] <= rank
    assert values(kind="character", difficulty=difficulty, use="face")["network_dim"] <= rank


def test_a_man_counts_half_a_class_harder_up_to_class_d():
    assert values(kind="character", difficulty="B", male=True)["network_dim"] == 24  # between 16 and 32
    assert values(kind="character", difficulty="F", male=True) == values(kind="character", difficulty="F")


def test_vehicles_lie_between_c_and_g():
    assert values(kind="vehicle", difficulty="A")["subject_difficulty"] == "C"
    assert values(kind="vehicle", difficulty="I")["subject_difficulty"] == "G"


def test_sdxl_takes_a_quarter_of_the_rank_and_narrow_bases_a_share():
    assert values(kind="character", difficulty="D", base=BaseFacts("sdxl", resolution=1024))["network_dim"] == 16
    assert values(kind="character", difficulty="B", base=BaseFacts(width=64, resolution=128), side=128)["network_dim"] == 4


def test_steps_are_the_kind_s_and_epochs_make_them():
    assert values(50, kind="character", difficulty="B", quality="good")["max_train_epochs"] == 20
    assert values(50, kind="style")["max_train_epochs"] == 60
    assert values(50, kind="character", difficulty="F", quality="good")["max_train_epochs"] == 30  # 1500
    assert values(50, kind="character", difficulty="B", quality="good", known=True)["max_train_epochs"] == 16  # 800
    assert values(50, kind="character", difficulty="B", quality="good", use="accurate")["max_train_epochs"] == 30
    assert values(50, kind="character", difficulty="A", quality="good", network="lokr")["max_train_epochs"] == 40


def test_a_batch_of_two_makes_half_as_many_steps_and_as_many_epochs():
    one, two = (advise(facts(50), Answers(kind="style", vram_gb=vram)) for vram in (8, 12))
    assert (one.steps, two.steps) == (3000, 1500)
    assert one.settings()["max_train_epochs"] == two.settings()["max_train_epochs"] == 60


def test_poor_pictures_call_for_regularization_and_twice_the_steps():
    found = advise(facts(20), Answers(kind="character", quality="poor", vram_gb=8))
    assert found.wants_reg and found.steps == 2000
    assert not advise(facts(20), Answers(kind="character", quality="poor", vram_gb=8, reg=False)).wants_reg
    assert not advise(facts(20), Answers(kind="style", quality="poor", vram_gb=8)).wants_reg


def test_exact_epochs_take_the_place_of_estimated_ones_and_keep_about_ten_snapshots():
    found = in_epochs(advise(facts(50), Answers(kind="character", difficulty="B", vram_gb=8, quality="good")), 27)
    assert found.settings()["max_train_epochs"] == 38 and found.settings()["save_every_n_epochs"] == 3
    reason = {one.name: one.reason for one in found.values}["max_train_epochs"]
    assert "38 epochs of 27 steps make 1026" in reason


def test_memory_chooses_the_optimizer_and_what_saves_it():
    small, usual = values(kind="style", vram_gb=6), values(kind="style", vram_gb=8)
    assert (small["optimizer_type"], small["gradient_checkpointing"]) == ("AdamW8bit", True)
    assert usual["optimizer_type"] == "Prodigy" and "gradient_checkpointing" not in usual
    assert small["unet_lr"] == 1e-4 and small["text_encoder_lr"] == 4e-5 and usual["unet_lr"] == 1
    xl = values(kind="style", vram_gb=8, base=BaseFacts("sdxl", resolution=1024))
    assert xl["network_train_unet_only"] and xl["int8_base"] and "text_encoder_lr" not in xl and "shuffle_caption" not in xl
    assert "less than the 6" in notices(vram_gb=4)


def test_hard_subjects_get_a_higher_rate_where_the_rate_is_the_user_s():
    assert values(kind="character", difficulty="F", quality="good", vram_gb=6)["unet_lr"] == 1.5e-4


@pytest.mark.parametrize("kind", KINDS)
def test_a_found_rate_fades_but_for_styles(kind):
    found = values(kind=kind, optimizer="Prodigy")
    assert found["lr_scheduler"] == ("constant" if kind == "style" else "cosine")
    assert values(kind=kind, optimizer="AdamW")["lr_scheduler"] == "cosine_with_restarts"


def test_an_optimizer_of_one_s_own_brings_its_arguments_and_alpha():
    found = values(kind="character", difficulty="B", optimizer="dadaptadam")
    assert found["optimizer_type"] == "DAdaptAdam" and found["network_alpha"] == 1
    assert found["optimizer_args"] == ["decouple=True", "weight_decay=0.01", "betas=0.9,0.999"]
    assert "d_coef=8" in values(kind="character", difficulty="A", network="ia3")["optimizer_args"]


def test_resolution_is_the_base_s_more_where_it_helps_and_the_pictures_have_it():
    assert values(kind="character", difficulty="B")["resolution"] == "512"
    assert values(kind="style")["resolution"] == "576" and values(kind="style", side=540)["resolution"] == "512"
    assert values(kind="character", difficulty="C")["resolution"] == "576"
    assert "far smaller" in notices(facts(side=300))
    small = values(kind="character", difficulty="B", side=128, base=BaseFacts(width=64, resolution=128))
    assert (small["resolution"], small["min_bucket_reso"], small["max_bucket_reso"]) == ("128", 64, 192)


def test_what_was_not_answered_is_said():
    said = notices()
    for question in ("--kind", "--difficulty", "--use", "--quality", "--vram", "--looks"):
        assert question in said
    answered = notices(kind="character", difficulty="B", use="usual", quality="good", vram_gb=8, looks="drawn")
    assert "isn't said" not in answered and "isn't known" not in answered


def test_folders_that_are_shown_unequally_are_named():
    two = (FolderFacts("1_penny", 40, 1, "penny"), FolderFacts("1_robin", 10, 1, "robin"))
    assert "plan --fix unbalanced" in notices(facts(50, folders=two), kind="character")
    even = (two[0], FolderFacts("4_robin", 10, 4, "robin"))
    assert "unbalanced" not in notices(facts(50, folders=even), kind="character")


def test_captions_are_looked_at():
    assert "3 captions don't begin with “penny”" in notices(facts(without_activation=3))
    told = notices(facts(everywhere=("red boots",)))
    assert "can't be switched off: red boots" in told and "then the activation tag stands for them" in told
    none = DatasetFacts((FolderFacts("1_penny", 30, 1, "penny"),), sides=(600,) * 30)
    assert "“penny”" in notices(none) and "No picture has a caption" in notices(none)


def test_a_network_that_can_t_hold_the_class_or_the_memory_can_t_is_told():
    assert "can't hold a subject of class D" in notices(kind="character", difficulty="D", network="lokr")
    assert "wants 8 GB" in notices(kind="style", network="loha", vram_gb=6)
