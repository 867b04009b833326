"""The GPU of this machine, found without torch, and what of its memory a run may take."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

GIBIBYTE = 1 << 30
COMMON = (6, 8, 12, 16, 24)  # GB, as cards are sold
# For CUDA itself, what its allocator can't use, and the screen. An assumption: it was not measured.
RESERVE = GIBIBYTE
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
_SECONDS = 15


@dataclass(frozen=True)
class Card:
    """A GPU and its memory in bytes."""

    name: str
    memory: int

    def fits(self, need: int) -> bool:
        """Whether tensors of `need` bytes have room beside the reserve."""
        return need + RESERVE <= self.memory


def common_cards() -> list[Card]:
    return [Card(f"{size} GB", size * GIBIBYTE) for size in COMMON]


@functools.cache
def found_card() -> Card | None:
    """The first GPU that a run would see; None where there is none, or its driver doesn't answer. Asked once a process."""
    cards = _nvidia() or _amd(Path("/sys/class/drm"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return cards[0] if cards else None
    first = visible.partition(",")[0].strip()
    if not first.isdecimal():  # none, or one by its long name
        return None if first in ("", "-1") or not cards else cards[0]
    return cards[int(first)] if int(first) < len(cards) else None


def _nvidia() -> list[Card]:
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, encoding="utf-8", timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):  # no such program, or a driver that hangs: no GPU is known
        return []
    return cards_in(done.stdout) if done.returncode == 0 else []


def cards_in(answer: str) -> list[Card]:
    """The cards in nvidia-smi's answer, a line each: name, MiB."""
    cards = []
    for line in answer.splitlines():
        name, _, size = line.rpartition(",")
        if name.strip() and size.strip().isdecimal():
            cards.append(Card(name.strip(), int(size) << 20))
    return cards


def _amd(folder: Path) -> list[Card]:
    """AMD's driver tells the memory of each card in a file; a graphics unit inside a processor has less than 2 GiB."""
    cards = []
    for path in sorted(folder.glob("card*/device/mem_info_vram_total")):
        try:
            size = int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):  # a card that is taken out, or a driver of another kind
            continue
        if size >= 2 * GIBIBYTE:
            cards.append(Card("AMD GPU", size))
    return cards
