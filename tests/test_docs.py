"""The README and the pages in docs/: their links lead somewhere, and their commands are understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.extension.languages.catalog import read_catalog
from lora_workbench.installer.command import _parser
from lora_workbench.tests.test_walls import FLOORS
from lora_workbench.trainer_core.advise.command import build_parser as advise_parser
from lora_workbench.trainer_core.commands import COMMANDS
from lora_workbench.trainer_core.export import FORMS
from lora_workbench.trainer_core.grids.words import build_parser as grid_parser
from lora_workbench.trainer_core.imports.command import build_parser as import_parser
from lora_workbench.trainer_core.loop.words import read_words as read_loop_words
from lora_workbench.trainer_core.pictures.words import read_words as read_picture_words
from lora_workbench.trainer_core.prior.words import read_words as read_prior_words
from lora_workbench.trainer_core.reg.words import read_words as read_reg_words
from lora_workbench.trainer_core.settings import read_settings
from lora_workbench.trainer_core.tools import (
    convert_command,
    cut_command,
    extract_command,
    inspect_command,
    merge_command,
    resize_command,
)
from lora_workbench.trainer_core.tools.bake_command import _parser as bake_parser
from lora_workbench.trainer_core.variants.words import read_words as read_variant_words

# Commands whose words are not all settings of a training.
OWN_WORDS: dict[str, Callable[[list[str]], object]] = {
    "advise": advise_parser().parse_args,
    "grid": grid_parser().parse_args,
    "import": import_parser().parse_args,
    "bake": bake_parser().parse_args,
    "extract": extract_command._parser().parse_args,
    "merge": merge_command._parser().parse_args,
    "resize": resize_command._parser().parse_args,
    "cut": cut_command._parser().parse_args,
    "convert": convert_command._parser().parse_args,
    "inspect": inspect_command._parser().parse_args,
    "reg": read_reg_words,
    "pictures": read_picture_words,
    "prior": read_prior_words,
    "loop": read_loop_words,
    "variants": read_variant_words,
}
KOHYAS = {
    "networks/extract_lora_from_models.py": "extract",
    "networks/merge_lora.py": "merge",
    "networks/sdxl_merge_lora.py": "merge",
    "networks/svd_merge_lora.py": "merge",
    "networks/resize_lora.py": "resize",
    "networks/extract_lora_from_dylora.py": "cut",
    "networks/check_lora_weights.py": "inspect",
    "tools/show_metadata.py": "inspect",
}
ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[list[str]]:
    """The words of the page's commands (indented lines and inline code) that begin with `python `."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    lines = re.findall(r"^\s{4,}(python .+)$", text, re.MULTILINE) + re.findall(r"`(python [^`]+)`", text)
    lines = [re.sub(r"\s{3,}.*", "", line) for line in lines]  # what follows a wide gap says what the command does
    return [shlex.split(re.sub(r"\[.*?\]", "", line), comments=True) for line in lines if "…" not in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_the_readme_shows_the_main_commands() -> None:
    words = [" ".join(command[:3]) for command in commands(ROOT / "README.md")]
    for command in ("python install.py demo", "python install.py test", "python install.py setup", "python -m tagger"):
        assert command in words
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "install.py test" in text, "continuous integration runs the README's test command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page: Path) -> None:
    for words in commands(page):
        if words[1] == "install.py" and len(words) > 2:
            _parser().parse_known_args(words[2:])
        if words[1] in KOHYAS:
            assert (ROOT / "trainer_core" / words[1]).is_file()
            OWN_WORDS[KOHYAS[words[1]]](words[2:])
        if words[1:3] == ["-m", "trainer_core"]:
            assert words[3] in COMMANDS
            if words[3] == "export":
                words = [word for word in words if word not in ("--as", *FORMS)]
            if words[3] in OWN_WORDS:
                OWN_WORDS[words[3]](words[4:])
            elif "--config_file" not in words and words[3] != "job":
                read_settings(words[4:], words[3])


def test_the_chinese_guide_calls_the_tabs_as_the_page_does() -> None:
    english = ("Pictures", "Tag", "Captions", "Reg images", "Train", "Block weights", "Test", "Tools")
    tabs = {read_catalog("zh_CN").texts[name] for name in english}
    named = set(re.findall(r"标签页“([^”]+)”", (ROOT / "docs" / "guide.zh.md").read_text(encoding="utf-8")))
    assert named and named <= tabs


def test_the_architecture_page_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Floors") : text.index("## Walls")]
    for rooms in FLOORS:
        for room in rooms:
            assert f"`{room.removeprefix('trainer_core.')}" in table or f"{room.replace('.', '/')}.py`" in table, room
