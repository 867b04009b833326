"""A LoRA with the strengths that it is merged at. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..networks.block_weights import parse_block_weights
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

    def blocks(self, file: LoraFile) -> dict[str, float] | None:
        """{block: weight} of the words, None without any."""
        if self.block_weights is None:
            return None
        told = parse_block_weights(
            self.block_weights, file.family, whole=file.whole, x=self.x, presets=self.presets, what="The list"
        )
        return dict(told.values)

    def strengths(self, file: LoraFile) -> dict[str, float]:
        """{module: what its change is multiplied by}; what is in no block has the UNet's, as with lora-block-weight."""
        blocks = self.blocks(file)
        found = {}
        for module in file.modules:
            block = block_of(module)
            weight = 1.0 if blocks is None or block is None else blocks[block]
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
