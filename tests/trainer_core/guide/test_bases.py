"""Which base suits which subject: by the guide's lines, by models' names, and what speaks against the chosen one."""

from __future__ import annotations

import re

import pytest

from lora_workbench.trainer_core.guide import bases
from lora_workbench.trainer_core.guide.advice import Answers, BaseFacts, DatasetFacts, FolderFacts, advise


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("animefull-final-pruned.safetensors", "nai"), ("nai_v1.ckpt", "nai"), ("models/animesfw.ckpt", "nai"),
        ("v1-5-pruned-emaonly.safetensors", "sd15"), ("sd_v1-5.ckpt", "sd15"), ("sd_xl_base_1.0.safetensors", "sdxl"),
        ("fluffyrock-576-704.safetensors", "e621"), ("epicrealism.safetensors", "photos"), ("v2-1_768.ckpt", "sd2"),
        ("ponyDiffusionV6XL.safetensors", "pony"), ("Illustrious-XL-v1.0.safetensors", "illustrious"),
        ("NoobAI-XL-Vpred-v1.0.safetensors", "noobai"), ("animagine-xl-3.1.safetensors", "animagine"),
        ("penny.safetensors", None), ("snail.safetensors", None),
    ],
)  # fmt: skip
def test_kinds_are_told_by_names(name: str, code: str | None) -> None:
    found = bases.base_of(name)
    assert (found.code if found else None) == code


def test_the_guides_own_come_first_and_every_look_has_one() -> None:
    """Drawn: NovelAI's; real: Stable Diffusion 1.5 or XL; furry: NovelAI's does, e621's where its tags are wanted."""
    of_guide = {look: [one.code for one in bases.suited(look) if not one.truth] for look in bases.looks()}
    assert of_guide == {"drawn": ["nai"], "real": ["sd15", "sdxl"], "furry": ["nai", "e621"]}
    assert {one.code for one in bases.suited("drawn") if one.truth} == {"noobai", "illustrious", "pony", "animagine"}
    skips = {one.code: one.clip_skip for one in bases.bases()}
    assert skips["nai"] == 2 and skips["sd15"] == skips["e621"] == 1 and skips["pony"] is None
    assert all(one.clip_skip is None for one in bases.bases() if one.family == "sdxl")
    for one in bases.bases():
        assert re.compile(one.names) and set(one.tags) <= set(bases.vocabularies())
        assert set(one.suits) | set(one.also) <= set(bases.looks())


def test_what_speaks_against_a_base() -> None:
    (told,) = bases.misfits("drawn", "v1-5-pruned.ckpt")
    assert told.startswith("Stable Diffusion 1.5 doesn't suit it: NovelAI's model (animefull) does.")
    assert bases.misfits("real", "v1-5-pruned.ckpt") == bases.misfits("real", "epicrealism.ckpt") == []
    assert bases.misfits("furry", "animefull.ckpt") == bases.misfits("furry", "fluffyrock.ckpt") == []
    assert bases.misfits("drawn", "fluffyrock.ckpt") and bases.misfits("real", "animefull.ckpt")
    assert bases.misfits("drawn", "AnythingMix.safetensors") == ["Mixes train worse and go with fewer models."]
    (velocity,) = bases.misfits("drawn", "noobai-xl.safetensors", "v_prediction")
    assert velocity.startswith("This base predicts velocity")
    assert bases.misfits("", "penny.safetensors") == bases.misfits("drawn", "penny.safetensors") == []


def test_tags_tell_how_a_subject_looks() -> None:
    assert bases.look_of_tags({"1girl": 8, "hat": 10}, 10) == "drawn"
    assert bases.look_of_tags({"anthro": 8, "1girl": 4}, 10) == "furry"
    assert bases.look_of_tags({"1girl": 3, "hat": 10}, 10) == ""


@pytest.mark.parametrize(
    ("tagger", "code"),
    [("wd-swinv2-tagger-v3", "danbooru"), ("Z3D-E621-Convnext", "e621"), ("wd14-e621-x", "e621"), ("toy_tagger", None)],
)
def test_a_taggers_name_tells_its_vocabulary(tagger: str, code: str | None) -> None:
    found = bases.vocabulary_of(tagger)
    assert (found.code if found else None) == code


def notices(base: BaseFacts | None = None, seen: str = "", **answers: str) -> str:
    facts = DatasetFacts((FolderFacts("1_penny", 42, 1, "penny"),), sides=(800,) * 42, captioned=42, looks=seen)
    return " ".join(advise(facts, Answers(vram_gb=8.0, **answers), base).notices)  # type: ignore[arg-type]


def test_the_advice_names_bases_where_none_is_chosen_or_another_would_be_better() -> None:
    assert "so that no base model is advised (--looks)" in notices()
    said = notices(looks="drawn")
    assert "Base models that suit it (guide l. 259, 380, 397): NovelAI's model (animefull). Newer than the guide: " in said
    assert "It looks so by its tags." in notices(seen="furry") and "fluffyrock" in notices(seen="furry")
    assert "Base models" not in notices(BaseFacts(name="animefull.ckpt"), looks="drawn")
    wrong = notices(BaseFacts(name="animefull.ckpt"), looks="real")
    assert "doesn't suit it: Stable Diffusion 1.5 does." in wrong and "Base models that suit it (guide l. 259, 380)" in wrong
    assert "no base model is advised" not in notices(BaseFacts(name="penny.safetensors"))
