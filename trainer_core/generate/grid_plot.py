"""The same grid for webui's own X/Y/Z plot: values for Prompt S/R, with the real files' names."""

from __future__ import annotations

from collections.abc import Sequence

from .grid_axes import strength_text
from .grid_cells import lora_word
from .grid_runs import Snapshot

PLACE = "LORA"  # what webui searches for; nothing is behind it in the first cell, which is so the base's


def webui_plot(prompt: str, snapshots: Sequence[Snapshot], strengths: Sequence[tuple[float, float]]) -> str:
    """Lines to copy. `strengths`: (text encoder, UNet) of each cell.

    Where text encoder and UNet of one snapshot vary, a plot of both against each other is given too.
    """
    words = [lora_word(one.name, te, unet) for one in snapshots for te, unet in strengths]
    lines = [
        "For webui's X/Y/Z plot (the LoRAs must be in its LoRA folder):",
        f"  prompt    {prompt} {PLACE}".rstrip(),
        "  X type    Prompt S/R",
        f"  X values  {', '.join([PLACE, *map(_quoted, words)])}",
    ]
    tes, unets = list(dict.fromkeys(te for te, _ in strengths)), list(dict.fromkeys(unet for _, unet in strengths))
    if len(snapshots) == 1 and len(tes) > 1 and len(unets) > 1:
        lines += [
            "or, text encoder against UNet, without the base:",
            f"  prompt    {prompt} {lora_word(snapshots[0].name, tes[0], unets[0])}",
            f"  X values  {', '.join(f'unet={strength_text(one)}' for one in unets)}",
            f"  Y values  {', '.join(f'te={strength_text(one)}' for one in tes)}",
        ]
    return "\n".join(lines)


def _quoted(word: str) -> str:
    """webui reads the values as a line of CSV."""
    return '"' + word.replace('"', '""') + '"' if any(mark in word for mark in ',"') else word
