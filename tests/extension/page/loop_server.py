"""The real API and page over a project with one picture; its loop's trainings and drawings take no time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import serving
from PIL import Image

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.loop.answers import answer


class Plans:
    """What the helper answers about loops, without its process; of a run only what the Train tab can't do without."""

    def ask(self, what: str, **request: Any) -> Any:
        if not what.startswith("loop_"):
            return {"steps": 0, "epochs": 0, "images": 0, "problems": [], "buckets": [], "subsets": [], "suites": []}
        return json.loads(json.dumps(answer(what, request)))

    def end(self) -> None:
        return None


class Whole:
    """Thumbnails that are the pictures themselves."""

    def ask(self, what: str, *, path: str = "", **values: Any) -> Any:
        return {"path": path}

    def end(self) -> None:
        return None


@contextmanager
def looping(data: Path, folder: Path, **project: Any) -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server whose open project has a picture, a base and a tag, no tagger, in the Test tab."""
    folder.mkdir(parents=True)
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(folder / "mia.png")
    Image.new("RGB", (1, 1)).save(folder.parent / "point.png")
    with serving(data, folder) as (address, bench):
        bench.plans, bench.thumbs = Plans(), Whole()  # type: ignore[assignment]
        known = {
            "page": "test", "base_model": str(DEMO_MODELS / "toy_base.safetensors"),
            "tag": {"first": ["mia"]}, "settings": {"resolution": "64", "seed": 7},
        }  # fmt: skip
        bench.projects.change({**known, **project}, bench.rights)
        bench.begin()
        yield address, bench
