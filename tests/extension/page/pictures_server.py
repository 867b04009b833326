"""The real API and page over a folder of made pictures; the report and the cutting are the trainer's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import serving

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.pictures.answers import answer
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.worker import thumb_answer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "trainer_core" / "pictures"))
from made import blurred, scene, with_bars

SIZE = (256, 320)


class Answers:
    """What the helper answers, without its process."""

    def ask(self, what: str, *, patience: float = 0, **values: Any) -> Any:
        try:
            return thumb_answer(values) if what == "thumb" else answer(what, values)
        except UserError as error:
            raise Refused(str(error)) from None

    def end(self) -> None:
        return None


def make_pictures(folder: Path) -> Path:
    """Two good ones, the first once more, one with bars, a blurred and a small one."""
    folder.mkdir(parents=True)
    scene(0, "drawing", SIZE).save(folder / "a.png")
    scene(1, "photo", SIZE).save(folder / "b.png")
    (folder / "c twice.png").write_bytes((folder / "a.png").read_bytes())
    with_bars(scene(2, "drawing", SIZE), 0, 30, 0, 30, "black").save(folder / "d bars.png")
    blurred(scene(3, "photo", SIZE), 3).save(folder / "e soft.png")
    scene(4, "drawing", (100, 120)).save(folder / "f small.png")
    (folder / "a.txt").write_text("penny, full body, smile", encoding="utf-8")
    return folder


@contextmanager
def looking(data: Path, folder: Path, language: str = "en") -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server whose open project has the folder and the Pictures tab."""
    with serving(data, folder, language) as (address, bench):
        bench.plans = bench.thumbs = Answers()  # type: ignore[assignment]
        bench.projects.change({"page": "pictures", "settings": {"resolution": "256"}}, bench.rights)
        bench.begin()
        yield address, bench
