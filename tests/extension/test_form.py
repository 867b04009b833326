"""The form: every implemented setting once, with its level; in both languages."""

from __future__ import annotations

from lora_workbench.extension.form import BASIC, NOT_SHOWN, form, level
from lora_workbench.trainer_core.presets import list_presets
from lora_workbench.trainer_core.settings import ALL, Settings


def test_every_implemented_setting_is_there_once() -> None:
    shown = [one["name"] for group in form("en")["groups"] for one in group["settings"]]
    assert sorted(shown) == sorted(
        one.name for one in ALL.values() if one.treatment == "implemented" and one.name not in NOT_SHOWN
    )


def test_levels() -> None:
    assert set(BASIC) <= set(ALL) and all(level(ALL[name]) == "basic" for name in BASIC)
    assert level(ALL["min_snr_gamma"]) == "advanced" and level(ALL["huber_c"]) == "all" and level(ALL["use_8bit_adam"]) == "all"
    levels = [one["level"] for group in form("en")["groups"] for one in group["settings"]]
    assert levels.count("basic") <= 20 < levels.count("all")


def test_values_are_plain_and_limits_are_the_declarations() -> None:
    by_name = {one["name"]: one for group in form("en")["groups"] for one in group["settings"]}
    rank = by_name["network_dim"]
    assert rank["kind"] == "int" and rank["minimum"] == 1 and rank["label"] and rank["help"].endswith(".")
    assert "Prodigy" in by_name["optimizer_type"]["choices"] and by_name["lr_scheduler"]["choices"][0] == "constant"
    assert by_name["reg_data_dir"]["conflicts"] == ["dataset_config"]


def test_presets_hold_settings_that_the_trainer_takes() -> None:
    presets = form("en")["presets"]
    assert [one["name"] for one in presets] == [one.name for one in list_presets()]
    for preset in presets:
        Settings.from_dict(preset["settings"])


def test_chinese_has_its_own_words_and_the_same_names() -> None:
    english, chinese = form("en"), form("zh_CN")
    for one, other in zip(english["groups"], chinese["groups"], strict=True):
        assert [a["name"] for a in one["settings"]] == [b["name"] for b in other["settings"]]
        same = [a["name"] for a, b in zip(one["settings"], other["settings"], strict=True) if a["help"] == b["help"]]
        assert same == []
