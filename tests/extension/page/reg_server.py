"""The real API and page over a folder of pictures with captions; sets are planned by the trainer itself and drawn in small."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import Made, serving
from PIL import Image

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.reg.find import find_set, planned
from lora_workbench.trainer_core.reg.words import read_options
from lora_workbench.trainer_core.settings import Settings

SETTINGS = {"resolution": "64", "seed": 7, "caption_extension": ".txt", "output_name": "penny"}


class Plans:
    """What the helper answers, without its process: sets as they are; of a run only what the Train tab can't do without."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, what: str, *, settings: dict[str, Any], patience: float = 0, options: Any = None) -> Any:
        if what != "reg_plan":
            return {"steps": 0, "epochs": 0, "images": 0, "problems": [], "buckets": [], "subsets": []}
        self.asked += 1
        return planned(find_set(Settings.from_dict(settings), read_options(options)))

    def end(self) -> None:
        return None


def make_pictures(folder: Path, captions: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    drawn = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(drawn, "PNG")
    for name, caption in captions.items():
        (folder / f"{name}.png").write_bytes(drawn.getvalue())
        if caption:
            (folder / f"{name}.txt").write_text(caption, encoding="utf-8")
    return folder


@contextmanager
def drawing(data: Path, folder: Path, settings: dict[str, Any], **project: Any) -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server whose open project has the folder, the toy world's base and the Reg images tab."""
    with serving(data, folder) as (address, bench):
        bench.plans = Plans()  # type: ignore[assignment]
        bench.thumbs = Made(next(folder.glob("*.png")))  # type: ignore[assignment]
        base = str(DEMO_MODELS / "toy_base.safetensors")
        known = {"page": "reg", "base_model": base, "settings": {**SETTINGS, **settings}}
        bench.projects.change({**known, **project}, bench.rights)
        bench.begin()
        yield address, bench
