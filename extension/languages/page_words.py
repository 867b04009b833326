"""Sentences that name a command of the terminal, as the page says them: there the same is a tab or a button."""

from __future__ import annotations

import functools
import re

from ...trainer_core.settings import ALL

_FLAG = re.compile(r"(?<![\w-])--(\w+)(?![\w-])")
# The terminal's sentence, and the page's. `{}` stands for any value; those that are left over are not said.
SENTENCES = {
    "Draw them anew: `python -m trainer_core reg` with --redo.": "Draw them anew in Reg images.",
    "Draw them: `python -m trainer_core reg` does only what changed.": "Draw them in Reg images: only what changed is drawn.",
    "As many as the training pictures with their repeats, {}, is usual: draw more with `python -m trainer_core reg`.": (
        "As many as the training pictures with their repeats, {}, is usual: draw more in Reg images."
    ),
    "Look at the crops with `plan --crops crops.html`, and crop those pictures yourself, or raise max_bucket_reso.": (
        "Look at them under What is cut off the pictures, and crop those pictures in Pictures, or raise max_bucket_reso."
    ),
    "Add pictures, or make them with `python -m trainer_core loop` or `variants`.": (
        "Add pictures, or make them with the rare-character loop in Test or Variants in Pictures."
    ),
    "{} pictures are very few (guide l. {}): `loop` makes more of them in rounds, `variants` redraws them.": (
        "{} pictures are very few (guide l. {}): the rare-character loop in Test makes more of them, "
        "Variants in Pictures redraws them."
    ),
    "Subjects aren't shown equally often in an epoch ({}; guide l. {}): `plan --fix unbalanced` makes their repeats equal.": (
        "Subjects aren't shown equally often in an epoch ({}; guide l. {}): Mend in the plan makes their repeats equal."
    ),
    "Give each subject about as many pictures times repeats: `plan --fix unbalanced`.": (
        "Give each subject about as many pictures times repeats: Mend in the plan does it."
    ),
    "`plan --fix list` shows those of this run.": "the plan shows those of this run.",
    "Wide commas are plain in {}; `python -m tagger undo {}` takes it back.": (
        "Wide commas are plain in {}; Undo takes it back."
    ),
    "{} stands first in {} more; `python -m tagger undo {}` takes it back.": (
        "{} stands first in {} more; Undo takes it back."
    ),
    "{} has no caption to draw by: tag it first, or give --prompt.": (
        "{} has no caption to draw by: tag it first, or write a prompt."
    ),
    "{} is no DyLoRA ({}), so its first ranks mean no more than others: use `resize`, which keeps the most of it.": (
        "{} is no DyLoRA ({}), so its first ranks mean no more than others: use Resize, which keeps the most of it."
    ),
    "The file doesn't say what it is: if it is no DyLoRA, use `resize`.": (
        "The file doesn't say what it is: if it is no DyLoRA, use Resize."
    ),
    "{} is a LoRA in diffusers' or PEFT's naming: `python -m trainer_core convert` makes a file of it that can be worked on.": (
        "{} is a LoRA in diffusers' or PEFT's naming: Convert in Tools makes a file of it that can be worked on."
    ),
    "{} is a file of torch's: `python -m trainer_core convert` makes a .safetensors file of it.": (
        "{} is a file of torch's: Convert in Tools makes a .safetensors file of it."
    ),
    "{} holds {} as {}, which can't be read: save it as fp16 (`convert`).": (
        "{} holds {} as {}, which can't be read: Convert in Tools saves it as fp16."
    ),
    "Give a LoRA for the same kind of model; `python -m trainer_core convert` mends other programs' names.": (
        "Give a LoRA for the same kind of model; Convert in Tools mends other programs' names."
    ),
    "and Resume (--resume {}) goes on from there.": "and Resume goes on from there.",
    "{} is there already: give another name, or add --overwrite.": "{} is there already: give another name.",
}


def for_the_page(text: str) -> str:
    """The text with each such sentence in it as the page says it."""
    if "`" not in text and "--" not in text:
        return text
    for pattern, words in _patterns():
        text = pattern.sub(words, text)
    return text


def without_dashes(text: str) -> str:
    """A setting's name as the page has it: `--vae` is a word of the command line."""
    return _FLAG.sub(lambda one: one[1] if one[1] in ALL else one[0], text) if "--" in text else text


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(_pattern(terminal), _replacement(page)) for terminal, page in SENTENCES.items()]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(re.escape(part) for part in template.split("{}")))


def _replacement(template: str) -> str:
    """What `re.sub` takes: the values in their order."""
    first, *others = template.split("{}")
    return first + "".join(f"\\{number}{part}" for number, part in enumerate(others, start=1))
