"""`<lora:…>` words in prompts: taken out of the text as webui does, and their files found in folders. Without torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..files import data_folder
from ..networks.block_presets import FILE_NAME
from ..networks.block_weights import user_presets
from ..problems import UserError
from .request import Lora, Request
from .run_snapshots import read_snapshot

_WORD = re.compile(r"<(\w+):([^>]+)>")
_KINDS = ("lora", "lyco")
_NOT_HERE = {"lbwe": "elements", "start": "a first step", "stop": "a last step", "step": "steps", "dyn": "another rank"}
_ENDINGS = (".safetensors", ".pt", ".ckpt")


def with_loras(request: Request, folders: Sequence[Path]) -> Request:
    """The request with its prompt's LoRA words taken out and their files among its LoRAs, in their order.

    UserError where a file is not in the folders or a word can't be read. Words of the negative prompt stay: webui reads none.
    """
    if "<" not in request.prompt:
        return request
    found = [_lora(match[0], match[2], folders) for match in _words(request.prompt)]
    if not found:
        return request
    prompt = _WORD.sub(lambda match: "" if match[1] in _KINDS else match[0], request.prompt).strip()
    return replace(request, prompt=prompt, loras=(*request.loras, *found))


def read_words(text: str, folders: Sequence[Path]) -> tuple[Lora, ...]:
    """The LoRAs of a text that holds nothing but their words; UserError where it holds more."""
    request = with_loras(Request(text), folders)
    if request.prompt.strip(" ,"):
        raise UserError(f"{text!r} must be words such as <lora:name:0.8>, and has {request.prompt.strip(' ,')!r} beside them.")
    return request.loras


def with_words(request: Request) -> str:
    """The prompt with its LoRAs' words behind it, as webui draws the same picture from."""
    return " ".join([request.prompt, *(one.word() for one in request.loras)]).strip()


def _words(prompt: str) -> Iterator[re.Match[str]]:
    for match in _WORD.finditer(prompt):
        if match[1] == "hypernet":
            raise UserError(f"{match[0]} in a prompt is a hypernetwork, which can't be drawn here: take it out.")
        if match[1] in _KINDS:
            yield match


def _lora(word: str, inside: str, folders: Sequence[Path]) -> Lora:
    """As webui reads it: the first number is the text encoder's strength, the second the UNet's, which else is the same."""
    numbers, named = [], {}
    for item in inside.split(":"):
        key, mark, value = item.partition("=")
        if mark:
            named[{"w": "lbw"}.get(key.strip(), key.strip())] = value.strip()
        else:
            numbers.append(item.strip())
    name, *numbers = numbers
    wrong = next((key for key in named if key not in ("te", "unet", "lbw", "x")), None)
    if wrong is not None:
        asked = _NOT_HERE.get(wrong)
        raise UserError(
            f"{word}: {wrong}= asks for {asked}, which can't be drawn here: take it out."
            if asked
            else f"{word}: there is no {wrong}=; there are te=, unet=, lbw= and x=."
        )
    if len(numbers) > 2:
        raise UserError(f"{word}: block weights are written by name: lbw={numbers[2]}.")
    te = _number(word, named.get("te", numbers[0] if numbers else "1"))
    unet = _number(word, named.get("unet", numbers[1] if len(numbers) > 1 else str(te)))
    x = _number(word, named["x"]) if "x" in named else None
    path = find_lora(name, folders)
    return Lora(name, read_snapshot(path).digest, te, unet, written_out(named.get("lbw", "")), x, str(path))


def written_out(lbw: str) -> str:
    """Block weights with a preset of the user's own as its list, so that a picture of another list is another picture."""
    return user_presets([data_folder() / FILE_NAME]).get(lbw.strip(), lbw.strip()) if lbw else ""


def _number(word: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{word}: {text!r} is no number; write <lora:name:0.8> or <lora:name:te=1:unet=0.8>.")
    return value


def find_lora(name: str, folders: Sequence[Path]) -> Path:
    """The file of that name in the folders or below; UserError where there is none, or several that differ by folder alone."""
    if "/" in name or "\\" in name:  # webui knows names only, and a prompt must not reach other folders
        raise UserError(
            f"The LoRA {name} of a prompt must be a file's name without folders: give its folder with --lora_folders."
        )
    found = {path.resolve(): path for folder in folders for path in _files(folder.expanduser(), name)}
    if not found:
        where = ", ".join(dict.fromkeys(str(folder) for folder in folders))
        told = f"is not in {where}" if where else "is looked for in no folder"
        raise UserError(f"The LoRA {name} of a prompt {told}: give its folder with --lora_folders.")
    if len(found) > 1:
        both = " and ".join(map(str, list(found.values())[:2]))
        raise UserError(f"There are several LoRAs called {name}, {both}: rename one, since webui couldn't tell them apart.")
    return next(iter(found.values()))


def _files(folder: Path, name: str) -> list[Path]:
    """In the folder itself, else anywhere below."""
    here = [folder / f"{name}{ending}" for ending in _ENDINGS]
    direct = [path for path in here if path.is_file()]
    if direct or not folder.is_dir():
        return direct
    return [path for path in sorted(folder.rglob("*")) if path.stem == name and path.suffix.lower() in _ENDINGS]
