"""Block weights: presets, what a LoRA does per block, and prompts with lbw=."""

from __future__ import annotations

from typing import Any

from ...trainer_core.networks.block_presets import FILE_NAME, built_in
from ...trainer_core.networks.blocks import LISTS, carries, size_divisor
from ...trainer_core.networks.lbw_prompt import lora_word, repair
from ...trainer_core.problems import UserError
from ..blocks_options import checked_list, checked_number, words_of
from ..errors import Refused
from ..languages.translate import translate
from ..lora_files import known_loras, lora_at
from ..preset_file import change_presets, preset_path, read_presets, why_not_written
from .calls import PREFIX, Answer, Call, Route
from .general import translated

_PATIENCE = 600.0  # LoHa's changes are built in full, and files may be large
_LONGEST_PROMPT = 20_000


def get_blocks(call: Call) -> Answer:
    """The lists with their blocks, presets that come with the program, those of the file, and LoRAs to look at."""
    lists = [
        {
            "length": one.length,
            "title": one.title,
            "family": one.family,
            "levels": one.levels,
            "blocks": [
                {"name": block, "size": size_divisor(block, one.levels), "carries": carries(block)} for block in one.names
            ],
            "presets": [{"name": name, "values": values.split(",")} for name, values in built_in(one.length).items()],
        }
        for one in LISTS.values()
    ]
    for one in lists:
        one["title"] = translate(one["title"], call.language)
        for block in one["blocks"]:
            block["carries"] = translate(block["carries"], call.language)
    return {"lists": lists, "loras": list(known_loras(call.workbench)), **_presets(call)}


def _presets(call: Call) -> dict[str, Any]:
    """The file's presets as far as they mean something here, and what is to be said of it."""
    host = call.workbench.host
    file = read_presets(host)
    last = {one.name: one for one in file.entries()}
    kept = {
        "presets": [
            {"name": one.name, "values": list(one.values)} for one in last.values() if one.role == "preset" and one.name
        ],
        "without_base": [one.name for one in last.values() if one.role == "without-base"],
        "lines": file.notices(),
        "reason": why_not_written(host),
    }
    shared = host.block_presets() is not None
    path = None if call.workbench.rights.hide_folders else str(preset_path(host))
    return {**translated(kept, call), "file": path, "file_name": FILE_NAME, "shared": shared}


def post_preset(call: Call) -> Answer:
    """Changes one preset of the file; the answer says what the file has now."""
    call.only("do", "name", "values", "to")
    change_presets(call.workbench.host, call.body.get("do"), call.body.get("name"), call.body)
    return _presets(call)


def post_look(call: Call) -> Answer:
    """How much a LoRA changes in each block."""
    call.only("lora")
    path = lora_at(call.body.get("lora"), call.workbench.rights)
    call.workbench.setup.must_be_ready()
    found = call.workbench.plans.ask("block_norms", path=str(path), patience=_PATIENCE)
    return translated({**found, "name": path.stem}, call)


def post_word(call: Call) -> Answer:
    """The `<lora:…>` word: a preset by its name only where lora-block-weight's file has it with the same values."""
    call.only("name", "values", "preset", "x", "te", "unet")
    body = call.body
    values, name = checked_list(body.get("values")), body.get("name")
    if not isinstance(name, str) or len(name) > 300:
        raise Refused("The LoRA's name must be given.")
    listed, lines = words_of(values), []
    preset = str(body.get("preset") or "")
    known = read_presets(call.workbench.host).presets()
    if preset and known.get(preset) != listed:
        lines.append(f"{preset} isn't in {FILE_NAME}, so its numbers are written; save it there to use its name.")
    lbw = preset if preset and known.get(preset) == listed else listed
    x = checked_number("x", body.get("x", 1.0)) if any(word.startswith("X") for word in values) else None
    te, unet = (checked_number(part, body.get(part, 1.0)) for part in ("te", "unet"))
    try:
        word = lora_word(name, te=te, unet=unet, lbw="" if set(values) == {"1"} else lbw, x=x)
    except UserError as error:
        raise Refused(str(error)) from None
    return translated({"word": word, "lines": lines}, call)


def post_repair(call: Call) -> Answer:
    """A prompt with its LoRA words as webui and lora-block-weight read them, and what was wrong."""
    call.only("prompt")
    prompt = call.body.get("prompt")
    if not isinstance(prompt, str) or len(prompt) > _LONGEST_PROMPT:
        raise Refused(f"The prompt must be a text of at most {_LONGEST_PROMPT:,} letters.")
    known = read_presets(call.workbench.host).presets()
    mended = repair(prompt, list(known) if call.workbench.host.block_presets() is not None else None)
    return translated({"prompt": mended.prompt, "lines": list(mended.notices)}, call)


ROUTES = (
    Route("GET", f"{PREFIX}/blocks", get_blocks, "the lists of blocks, presets of block weights, LoRAs to look at"),
    Route(
        "POST",
        f"{PREFIX}/blocks/preset",
        post_preset,
        "changes a preset in lbwpresets.txt: set, rename, remove, insert_base",
        body=("do", "name", "values", "to"),
    ),
    Route("POST", f"{PREFIX}/blocks/look", post_look, "how much a LoRA changes in each block", body=("lora",)),
    Route(
        "POST",
        f"{PREFIX}/blocks/word",
        post_word,
        "the <lora:…> word with these block weights",
        body=("name", "values", "preset", "x", "te", "unet"),
    ),
    Route("POST", f"{PREFIX}/blocks/repair", post_repair, "a prompt with its <lora:…> words mended", body=("prompt",)),
)
