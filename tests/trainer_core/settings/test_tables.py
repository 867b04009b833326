"""The declarations against sd-scripts' own flags (kohya_flags.tsv: both training scripts, names and defaults)."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from lora_workbench.trainer_core.settings import ALL, GROUPS, reference
from lora_workbench.trainer_core.settings.convert import convert

KOHYA = list(csv.DictReader((Path(__file__).parent / "kohya_flags.tsv").open(encoding="utf-8"), delimiter="\t"))
OWN = {
    "data_dir", "job_dir", "ignore_captions", "overwrite", "preset", "prior_preservation", "ema_decay", "ema_save",
    "int8_base", "num_processes", "subject_kind", "subject_difficulty", "stages",
}  # fmt: skip
# sd-scripts leaves the network to the user; there is only one here.
OTHER_DEFAULTS = {"network_module"}
TYPES = {
    "int": {"int"},
    "float": {"float"},
    "flag": {"flag"},
    "int_or_float": {"int_or_float"},
    "Path": {"path"},
    "str": {"str", "path", "size", "range"},
    "str nargs=*": {"strings"},
    "float nargs=*": {"floats"},
}


def test_every_flag_of_kohya_is_declared_and_no_other() -> None:
    assert len(KOHYA) == 196
    assert set(ALL) == {row["flag"] for row in KOHYA} | OWN
    assert {name for name, setting in ALL.items() if setting.own} == OWN


@pytest.mark.parametrize("row", KOHYA, ids=lambda row: row["flag"])
def test_type_and_default_are_kohyas(row: dict[str, str]) -> None:
    setting = ALL[row["flag"]]
    assert setting.kind in TYPES[row["type"]]
    if setting.name in OTHER_DEFAULTS:
        return
    default = "" if setting.default is None else str(setting.default)
    expected = "" if row["default"] == "None" else row["default"]
    assert default == expected or float(default) == float(expected)


@pytest.mark.parametrize("row", [row for row in KOHYA if row["choices"]], ids=lambda row: row["flag"])
def test_kohyas_choices_are_accepted(row: dict[str, str]) -> None:
    for choice in row["choices"].split(","):
        if choice != "None":
            convert(ALL[row["flag"]], choice)


def test_each_setting_is_well_declared() -> None:
    for name, setting in ALL.items():
        assert setting.name == name
        assert setting.group in GROUPS
        assert setting.help.endswith(".") and setting.help[0].isupper(), name
        assert (setting.treatment == "implemented") == (setting.reason == ""), name
        assert not setting.reason.endswith("."), name
        assert all(other in ALL for other in setting.conflicts), name
        assert convert(setting, setting.default) == setting.default, name


def test_each_setting_that_can_be_used_has_a_label_of_its_own() -> None:
    labels = {name: setting.label for name, setting in ALL.items() if setting.treatment == "implemented"}
    assert not [name for name, label in labels.items() if not label]
    assert len(set(labels.values())) == len(labels)
    for name, label in labels.items():
        assert label[0].isupper() or label == "xformers attention", name
        assert "_" not in label and not label.endswith(".") and len(label) <= 30, name


def test_reference_page_is_up_to_date() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_settings_need_the_standard_library_only() -> None:
    root = str(Path(__file__).parents[3])
    program = (
        "import sys, types; package = types.ModuleType('lora_workbench'); "
        f"package.__path__ = [{root!r}]; sys.modules['lora_workbench'] = package; "
        "from lora_workbench.trainer_core.settings import Settings; "
        "print(Settings.of(network_dim=8).network_dim)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "8\n"), done.stderr
