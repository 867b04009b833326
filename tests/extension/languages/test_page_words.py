"""What the page says in place of the terminal's commands."""

from __future__ import annotations

import re

from lora_workbench.extension.languages.page_words import SENTENCES, for_the_page
from lora_workbench.extension.languages.translate import translate, translate_fields
from lora_workbench.tests.extension.languages.test_zh_cn import TEXTS, of_guide, of_python, plain

_COMMAND = re.compile(
    r"`(python -m |plan |reg|loop|variants|grid|prior|resize|inspect|merge|extract|advise)|python -m (?!torch)"
)
# For what the page has no way of its own.
_TERMINAL_ALONE = (
    "{} has no metadata called",
    "num_processes is {}",
    "config_file {} has the settings of {}",
    "folders with options of their own stand in a file",
)


def test_the_page_names_its_own_ways() -> None:
    values = ("a (b).png", "3 captions", "/data/more")
    for terminal, page in SENTENCES.items():
        said = for_the_page("First. " + terminal.replace("{}", "%s") % values[: terminal.count("{}")] + " Then.")
        assert said == "First. " + page.replace("{}", "%s") % values[: page.count("{}")] + " Then."
        assert not _COMMAND.search(said) and "--" not in said and translate(terminal, "zh_CN") == TEXTS[page]
    assert translate("Set --vae or --not_ours, not a--vae.", "en") == "Set vae or --not_ours, not a--vae."
    plan = {"problems": [{"fix": "Draw them anew: `python -m trainer_core reg` with --redo.", "code": "`"}]}
    assert translate_fields(plan, {"fix"}, "en") == {"problems": [{"fix": "Draw them anew in Reg images.", "code": "`"}]}


def test_no_command_of_the_terminal_is_left_in_the_page() -> None:
    """Also not in a sentence that is new, and the table holds none that is said no more."""
    others = {plain(one.text) for one in (*of_python(), *of_guide()) if "page_words" not in one.where}
    named = [text for text in TEXTS if _COMMAND.search(text) and text not in SENTENCES]
    assert [text for text in named if not text.startswith(_TERMINAL_ALONE)] == []
    assert [text for text in SENTENCES if plain(text) not in others] == []
