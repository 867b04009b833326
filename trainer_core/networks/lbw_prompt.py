"""`<lora:…>` words in prompts: written as webui and sd-webui-lora-block-weight really read them, and old or wrong ones mended.

webui takes the first number for the text encoder and the second for the UNet (many guides say the reverse), so strengths are
always written by name: `<lora:name:te=1:unet=0.8:lbw=OUTX:x=0.5>`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..models.prompt_weights import is_number
from ..problems import UserError
from .block_presets import is_value
from .blocks import FOREIGN_LENGTHS, NAMES, WITHOUT_BASE

_WORD = re.compile(r"<(lora|lyco):([^<>]+)>")
_NAMED = ("te", "unet", "lbw", "lbwe", "x", "start", "stop", "step", "dyn")


def lora_word(
    name: str,
    *,
    te: float = 1.0,
    unet: float = 1.0,
    lbw: str = "",
    x: float | None = None,
    lbwe: str = "",
    start: int | None = None,
    stop: int | None = None,
) -> str:
    """`<lora:name:te=…:unet=…>` with the block weights that are given. UserError where webui couldn't read the name."""
    if not name or any(letter in name for letter in ":<>=\r\n"):
        raise UserError(f"webui can't read {name!r} in a prompt: rename the file so that it has none of : < > =.")
    items = [name, f"te={te:g}", f"unet={unet:g}"]
    items += [f"lbw={lbw}"] if lbw else []
    items += [f"x={x:g}"] if x is not None else []
    items += [f"lbwe={lbwe}"] if lbwe else []
    items += [f"start={start}"] if start is not None else []
    items += [f"stop={stop}"] if stop is not None else []
    return f"<lora:{':'.join(items)}>"


@dataclass(frozen=True)
class Repaired:
    """The prompt as it should be, and a sentence for each thing that was mended or can't be."""

    prompt: str
    notices: tuple[str, ...]


def repair(prompt: str, presets: Collection[str] | None = None) -> Repaired:
    """Mends the `<lora:…>` words of a prompt; all other text, and words that are right already, stay as they are.

    `presets`: names that lora-block-weight knows; None where that isn't known, so that no name is doubted.
    """
    notices: list[str] = []

    def mended(found: re.Match[str]) -> str:
        return _mended(found[0], found[1], found[2].split(":"), presets, notices)

    return Repaired(_WORD.sub(mended, prompt), tuple(notices))


def _mended(word: str, kind: str, items: list[str], presets: Collection[str] | None, notices: list[str]) -> str:
    name, given, own = items[0], _Items(), []
    for item in items[1:]:
        own += given.take(item.strip(), name)
    strengths = given.strengths(own, name)
    if given.named.get("lbw"):
        given.named["lbw"] = _list(given.named["lbw"], name, presets, own)
    notices += own
    if not own:
        return word
    order = [key for key in _NAMED if key in given.named and key not in ("te", "unet")]
    return f"<{kind}:{':'.join([name, *strengths, *(f'{key}={given.named[key]}' for key in order), *given.unknown])}>"


class _Items:
    """What stands behind a LoRA's name: numbers by place, `key=value` pairs, and what can't be understood."""

    def __init__(self) -> None:
        self.numbers: list[str] = []
        self.named: dict[str, str] = {}
        self.unknown: list[str] = []

    def take(self, item: str, name: str) -> Iterator[str]:
        """Sorts one item in; yields a sentence where it had to be changed."""
        key, mark, value = item.partition("=")
        if mark:
            key = key.strip()
            right = {"lwb": "lbw", "w": "lbw"}.get(key, key)
            self.named[right] = value.strip()
            if right not in _NAMED:
                self.unknown.append(f"{self.named.pop(right) and key}={value.strip()}")
                yield f"{name}: webui knows no {key}=, so that it does nothing."
            elif key == "lwb":
                yield f"{name}: lwb= does nothing; the word is lbw=."
            return
        if is_number(item) and "lbw" not in self.named and len(self.numbers) < 2:
            self.numbers.append(item)
        elif is_number(item):
            self.named["x"] = item
            yield f"{name}: {item} stands for X in webui before 1.5 alone; it is written x={item}."
        elif item and "lbw" not in self.named:
            self.named["lbw"] = item
            yield f"{name}: block weights by place fail in webui since 1.5; they are written lbw={item}."
        elif item:
            self.named["lbwe"] = item
            yield f"{name}: {item} is written lbwe={item}."

    def strengths(self, own: list[str], name: str) -> list[str]:
        """te= and unet= as webui reads them; nothing where nothing was given."""
        numbers, named = self.numbers, self.named
        if "te" in named and "unet" in named and not numbers:
            return [f"te={named['te']}", f"unet={named['unet']}"]
        if len(numbers) == 2 and float(numbers[0]) != float(numbers[1]):
            own.append(
                f"{name}: webui takes the first number, {numbers[0]}, for the text encoder and the second, {numbers[1]}, for "
                "the UNet; swap them if you meant the reverse."
            )
        elif len(numbers) == 2 and own:
            own.append(f"{name}: the strengths are written by name, te= for the text encoder and unet= for the UNet.")
        if not numbers and not {"te", "unet"} & named.keys():
            return []
        te = named.get("te") or (numbers[0] if numbers else "1")
        unet = named.get("unet") or (numbers[1] if len(numbers) > 1 else te)
        return [f"te={te}", f"unet={unet}"]


def _list(text: str, name: str, presets: Collection[str] | None, own: list[str]) -> str:
    """The block weights with BASE put in where it is missing; sentences for what the extension would pass over."""
    if "," not in text:
        if presets is not None and text not in presets:
            own.append(f"{name}: lora-block-weight has no preset {text}, so that it does nothing; write it in lbwpresets.txt.")
        return text
    values = [value.strip() for value in text.split(",")]
    wrong = next((value for value in values if not is_value(value)), None)
    if wrong is not None:
        own.append(f"{name}: {wrong!r} in its block weights is no number.")
    elif len(values) == WITHOUT_BASE:
        own.append(f"{name}: its list has 25 numbers, which the extension passes over; BASE was put before them with 1.")
        return ",".join(["1", *values])
    elif len(values) not in (*NAMES, *FOREIGN_LENGTHS):
        own.append(f"{name}: its list has {len(values)} numbers; the extension takes 12, 17, 20 or 26 and passes over others.")
    return text
