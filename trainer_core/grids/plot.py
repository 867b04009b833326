"""The same grid for webui's own X/Y/Z plot: values for Prompt S/R, with the real files' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..generate.request import Lora

_TYPES = {"seeds": "Seed", "cfg": "CFG Scale", "sampler": "Sampler", "steps": "Steps", "clip_skip": "Clip skip"}


def webui_plot(prompt: str, loras: Sequence[Lora], axes: Mapping[str, Sequence[Any]]) -> str:
    """Lines to copy. `loras`: the cells' LoRAs with their strengths; `axes`: the grid's other axes with their values.

    Where text encoder and UNet of one file vary, a plot of both against each other is given too.
    """
    prompt = prompt.strip() or ","  # webui would put values between all letters, where it searches for nothing
    place = _place_in(prompt)
    lines = [
        "For webui's X/Y/Z plot (the LoRAs must be in its LoRA folder):",
        f"  prompt    {prompt}",
        "  X type    Prompt S/R",
        f"  X values  {', '.join(map(_quoted, [place, *(f'{place} {one.word()}' for one in loras)]))}",
    ]
    tes, unets = (list(dict.fromkeys(values)) for values in zip(*((one.te, one.unet) for one in loras), strict=True))
    files = {(one.digest, one.lbw, one.x) for one in loras}
    if len(files) == 1 and len(tes) > 1 and len(unets) > 1:
        lines += [
            "or, text encoder against UNet, without the base:",
            f"  prompt    {prompt} {loras[0].word()}",
            f"  X values  {', '.join(f'unet={one:g}' for one in unets)}",
            f"  Y values  {', '.join(f'te={one:g}' for one in tes)}",
        ]
    varied = [name for name in _TYPES if len(axes.get(name, ())) > 1]
    if varied:
        lines.append("and for a further axis:")
        lines += [f"  {_TYPES[name]:<9} {', '.join(map(str, axes[name]))}" for name in varied]
    return "\n".join(lines)


def _place_in(prompt: str) -> str:
    """What webui searches for, and puts each value in place of: the last tag, or all where that would be found twice. As the
    first value it leaves the prompt as it is, which is so the base's."""
    last = prompt.rpartition(",")[2].strip()
    return last if last and prompt.count(last) == 1 else prompt


def _quoted(word: str) -> str:
    """webui reads the values as a line of CSV."""
    return '"' + word.replace('"', '""') + '"' if any(mark in word for mark in ',"') else word
