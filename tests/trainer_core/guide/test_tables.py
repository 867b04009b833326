"""The guide's tables: every entry has its line, names are the declaration's, and figures are those that the program uses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lora_workbench.trainer_core.guide import glossary, symptoms, tables
from lora_workbench.trainer_core.guide.entries import Carried
from lora_workbench.trainer_core.networks.block_presets import built_in
from lora_workbench.trainer_core.networks.blocks import ALL_NAMES, carries
from lora_workbench.trainer_core.networks.kind_shapes import scale_of
from lora_workbench.trainer_core.optimizer_table import TABLE
from lora_workbench.trainer_core.presets import load_preset
from lora_workbench.trainer_core.settings import ALL, Settings
from lora_workbench.trainer_core.settings.network_kinds import ALGO_ALIASES
from lora_workbench.trainer_core.settings.network_kinds import KINDS as NETWORKS
from lora_workbench.trainer_core.settings.subject import CLASSES, KINDS

GUIDE_LINES = 1302
LINES = re.compile(r"\d+(-\d+)?(, \d+(-\d+)?)*")


def entries(value, trail=""):
    """(where, entry) of every table row of the data files: objects that say something about the guide."""
    if isinstance(value, dict):
        if "line" in value:
            yield trail, value
        for name, inner in value.items():
            yield from entries(inner, f"{trail}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from entries(inner, f"{trail}[{number}]")


def rows_without_line(value, trail=""):
    """Objects in lists that have no line."""
    if isinstance(value, list):
        for number, inner in enumerate(value):
            if isinstance(inner, dict) and "line" not in inner:
                yield f"{trail}[{number}]"
            yield from rows_without_line(inner, f"{trail}[{number}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from rows_without_line(inner, f"{trail}.{name}")


@pytest.mark.parametrize("path", sorted(tables.DATA.glob("*.json")), ids=lambda path: path.stem)
def test_every_entry_has_its_line(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    found = list(entries(content))
    assert found and list(rows_without_line(content)) == []
    for where, entry in found:
        assert LINES.fullmatch(entry["line"]), f"{path.name}{where}: {entry['line']!r}"
        assert all(1 <= int(number) <= GUIDE_LINES for number in re.findall(r"\d+", entry["line"])), where


def test_our_figures_are_those_of_the_page_of_measurements() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "learning.md").read_text(encoding="utf-8")
    told = [
        one.measured for one in (*tables.initial_settings(), *tables.optimizers(), tables.fact("kinds", "steps", "with_reg"))
    ]
    figures = [figure for text in told for figure in re.findall(r"\d\.\d{3}", text)]
    assert len(figures) >= 12 and [one for one in figures if one not in page] == []


def test_the_nine_classes_are_the_guide_s():
    shown = {one.code: (one.rank, one.types) for one in tables.difficulty_classes()}
    assert tuple(shown) == CLASSES
    ranks = [(4, 8), (4, 16), (8, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 192), (192, 256)]
    assert [rank for rank, _ in shown.values()] == ranks
    assert [code for code, (_, types) in shown.items() if "LoKr" in types] == ["A", "B", "C"]
    assert [code for code, (_, types) in shown.items() if "LoHa" in types] == ["B", "C", "D"]
    assert all("LierLa" in types for _, types in shown.values())


def test_initial_settings_are_the_guide_s():
    shown = {
        (row.kind, row.quality): (row.pictures, row.rank, row.unet_lr, row.text_encoder_lr, row.reg, row.steps, row.resolution)
        for row in tables.initial_settings()
    }
    assert shown == {
        ("character", "good"): ((35, 100), (32, 96), 1e-4, 5e-5, False, 1000, (512, 768)),
        ("character", "poor"): ((15, 30), (32, 64), 1e-4, 4.5e-5, True, 1600, (512, 768)),
        ("style", ""): ((100, 10000), (96, 192), 1e-4, 4e-5, False, 3000, (576, 768)),
        ("concept", ""): ((50, 2000), (8, 128), 1e-4, 4.5e-5, None, None, (512, 768)),
        ("character", "star"): ((50, 100), (64, 64), None, None, None, 1000, (512, 576)),
    }
    assert all(tables.initial(kind) for kind in KINDS)


@pytest.mark.parametrize("form", tables.simple_forms(), ids=lambda form: form.code)
def test_the_simple_settings_are_the_presets_and_need_what_the_optimizer_needs(form):
    preset = load_preset(form.preset).settings
    row = tables.optimizer(form.code)
    assert preset["optimizer_type"] == form.code and tuple(preset["optimizer_args"]) == row.arguments


def test_optimizers_are_known_and_take_their_arguments():
    assert [one.code for one in tables.optimizers()] == [
        "AdamW8bit", "AdamW", "DAdaptAdam", "SGDNesterov8bit", "SGDNesterov", "AdaFactor", "Lion", "Lion8bit", "Prodigy",
    ]  # fmt: skip
    for row in tables.optimizers():
        assert {word.partition("=")[0] for word in row.arguments} <= set(TABLE[row.code].arguments or ()), row.code


def test_named_settings_are_declared():
    named = [one.setting for one in (*tables.damping(), *tables.simple_alternatives())]
    named += [name for row in tables.memory_rows() for name in row.settings]
    assert set(named) <= set(ALL)
    for row in tables.memory_rows():
        Settings.of(optimizer_type=row.optimizer, **row.settings)


@pytest.mark.parametrize("row", tables.alpha_rows(), ids=lambda row: f"{row.alpha:g}")
def test_alpha_acts_as_the_table_says(row):
    settings = Settings.of(network_dim=row.rank, network_alpha=row.alpha)
    module = {"lora_down.weight": _Shaped((row.rank, 4)), "lora_up.weight": _Shaped((4, row.rank))}
    assert scale_of(module, settings.network_alpha or row.rank) == row.scale


class _Shaped:
    def __init__(self, shape):
        self.shape = shape


def test_rank_grows_with_the_pictures_of_a_style():
    assert [tables.rank_for("style", count).rank for count in (50, 1000, 20_000, 2_000_000)] == [64, 92, 128, 256]
    assert tables.rank_for("concept", 60).rank == 8
    assert tables.rank_for("vehicle", 60) == tables.rank_for("character", 60)


def test_networks_and_block_presets_exist():
    assert {one.code for one in tables.lycoris()} <= {*NETWORKS, *ALGO_ALIASES}
    assert {one.preset for one in tables.block_uses().values()} <= set(built_in(26))


def test_every_block_carries_what_the_guide_says():
    about = {one.code: one.about for one in tables.carried()}
    assert {carries(block) for block in ALL_NAMES} == set(about.values())
    assert carries("OUT05") == about["OUT04-OUT06"] and carries("OUT07") == about["OUT"] and carries("IN11") == about["IN"]


def test_memory_rows_begin_at_nothing_and_more_memory_takes_less_care():
    for family in ("sd", "sdxl"):
        rows = [row for row in tables.memory_rows() if row.family == family]
        assert [row.from_gb for row in rows] == sorted(row.from_gb for row in rows) and rows[0].from_gb == 0
        assert tables.memory_row(family, 48) == rows[-1]


def test_the_glossary_has_the_guide_s_terms_in_both_languages():
    terms = glossary.entries()
    assert len(terms) >= 30 and len({one.term for one in terms}) == len(terms)
    for one in terms:
        assert one.en.endswith(".") and re.search("[一-鿿]", one.zh), one.term
        assert not re.search("[一-鿿]", one.en + one.term), one.term


def test_symptoms_have_causes_and_something_to_do():
    codes = [one.code for one in symptoms.symptoms()]
    assert len(codes) == len(set(codes)) and all(re.fullmatch("[a-z-]+", code) for code in codes)
    for one in symptoms.symptoms():
        assert one.causes and (one.mends or one.advice), one.code


def test_a_word_that_a_row_doesn_t_have_is_an_error():
    with pytest.raises(ValueError, match="Carried has no preset"):
        tables.rows("blocks", "uses", Carried)
