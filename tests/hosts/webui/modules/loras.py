"""The LoRA folder as webui lists it: read at start and when it is refreshed."""

from __future__ import annotations

import json
from pathlib import Path

from modules import shared

available: dict[str, dict] = {}


def refresh() -> None:
    folder = Path(shared.cmd_opts.lora_dir)
    available.clear()
    for path in sorted(folder.rglob("*.safetensors")):
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        card = path.with_suffix(".json")
        available[path.stem] = {
            "name": path.stem,
            "path": str(path),
            "metadata": json.loads(data[8 : 8 + length]).get("__metadata__", {}),
            "card": json.loads(card.read_text(encoding="utf-8")) if card.is_file() else None,
            "preview": path.with_suffix(".preview.png").is_file(),
        }


refresh()
