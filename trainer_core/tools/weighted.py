"""A LoRA with the strengths that it is merged at. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..networks.block_weights import BlockWeights, all_ones, parse_block_weights
from ..networks.blocks import BASE, block_of
from .lora_arrays import LoraFile


@dataclass(frozen=True)
class Weighted:
    """`ratio`: how strongly the whole acts; `te`, `unet`: its parts, on top; `block_weights`: in words, with X as `x`."""

    path: Path
    ratio: float = 1.0
    te: float = 1.0
    unet: float = 1.0
    block_weights: str | None = None
    x: float | None = None
    presets: Mapping[str, str] | None = None

    def told(self, file: LoraFile) -> BlockWeights:
        """What the words say for this file; without any, every block has 1."""
        if self.block_weights is None:
            return all_ones()
        return parse_block_weights(
            self.block_weights, file.family, whole=file.whole, x=self.x, presets=self.presets, what="The list"
        )

    def strengths(self, file: LoraFile) -> dict[str, float]:
        """{module: what its change is multiplied by}; what is in no block has the UNet's, as with lora-block-weight."""
        blocks = self.told(file).values
        found = {}
        for module in file.modules:
            block = block_of(module)
            weight = 1.0 if block is None else blocks[block]
            found[module] = self.ratio * (self.te if block == BASE else self.unet) * weight
        return found

    def record(self, metadata: Mapping[str, str]) -> dict[str, Any]:
        """What the merged file says of this parent."""
        told = {
            "name": self.path.name,
            "sshs_model_hash": metadata.get("sshs_model_hash", ""),
            "base": metadata.get("ss_sd_model_name", ""),
            "base_hash": metadata.get("ss_new_sd_model_hash", ""),
            "ratio": self.ratio,
            "te": self.te,
            "unet": self.unet,
        }
        return {**told, **({"block_weights": self.block_weights, "x": self.x} if self.block_weights else {})}


def list_notices(loras: Sequence[Weighted], files: Sequence[LoraFile]) -> tuple[str, ...]:
    """What is to be known of the lists, each sentence once: blocks that a short list leaves out, a BASE that was put before."""
    return tuple(dict.fromkeys(one for lora, file in zip(loras, files, strict=True) for one in lora.told(file).notices))
