"""The real API and page over a folder of pictures; variants are drawn in small, all that is decided is the trainer's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import serving
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.variants.answers import QUESTIONS, answer
from lora_workbench.trainer_core.worker import thumb_answer


class Answers:
    """What the helper answers, without its process; of all else only what a page can't do without."""

    def ask(self, what: str, *, patience: float = 0, **values: Any) -> Any:
        try:
            if what == "thumb":
                return thumb_answer(values)
            if what in QUESTIONS:
                return json.loads(json.dumps(answer(what, values)))
        except UserError as error:
            raise Refused(str(error)) from None
        return {"steps": 0, "epochs": 0, "images": 0, "problems": [], "buckets": [], "subsets": [], "made": []}

    def end(self) -> None:
        return None


def make_pictures(folder: Path) -> Path:
    """A wide captioned one, one drawn with a high CFG, one that is half transparent, one without a caption."""
    folder.mkdir(parents=True)
    Image.linear_gradient("L").resize((256, 128)).convert("RGB").save(folder / "a.png")
    (folder / "a.txt").write_text("mia, smile", encoding="utf-8")
    info = PngInfo()
    info.add_text("parameters", "mia\nSteps: 20, CFG scale: 12, Seed: 1")
    Image.new("RGB", (128, 128), "teal").save(folder / "b glaring.png", pnginfo=info)
    (folder / "b glaring.txt").write_text("mia, hat", encoding="utf-8")
    half = Image.new("RGBA", (128, 128), "navy")
    half.paste((0, 0, 0, 0), (0, 0, 64, 128))
    half.save(folder / "c half.png")
    (folder / "c half.txt").write_text("mia, boots", encoding="utf-8")
    Image.new("RGB", (128, 160), "brown").save(folder / "d bare.png")
    return folder


@contextmanager
def drawing(data: Path, folder: Path, language: str = "en") -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server whose open project has the folder, the toy world's base and the Pictures tab."""
    with serving(data, folder, language) as (address, bench):
        bench.plans = bench.thumbs = Answers()  # type: ignore[assignment]
        base = str(DEMO_MODELS / "toy_base.safetensors")
        bench.projects.change({"page": "pictures", "base_model": base, "settings": {"resolution": "64"}}, bench.rights)
        bench.begin()
        yield address, bench
