"""The real API and page with LoRAs to look into; the trainer's answers are its own, without its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import make_folder, serving

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import FakeHost
from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.trainer_core.tools.answers import answer


class Plans:
    """What the helper answers about LoRA files; of a run only what the Train tab can't do without."""

    def ask(self, what: str, *, patience: float = 0, **values: Any) -> Any:
        if what == "block_norms":
            return answer(what, values)
        if what == "grid_suites":
            return {"suites": [], "subject": "SUBJECT"}
        if what == "grid_plan":
            return {"pictures": 5, "to_draw": 5, "size": [64, 64], "steps": 4}
        return {"steps": 0, "epochs": 0, "images": 0, "problems": [], "buckets": [], "subsets": []}

    def end(self) -> None:
        return None


@contextmanager
def weighing(
    folder: Path, presets: bytes | None = None, language: str = "en", **project: Any
) -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server in the folder with the Block weights tab open, and two LoRAs in its LoRA folder.

    presets: lora-block-weight's file; None where that extension isn't there.
    """
    pictures = make_folder(folder / "sets" / "penny", {"a": "penny"})
    with serving(folder / "data", pictures, language) as (address, bench):
        assert isinstance(bench.host, FakeHost)
        bench.plans = Plans()  # type: ignore[assignment]
        bench.host.loras = folder / "loras"
        bench.host.loras.mkdir()
        write(bench.host.loras / "penny.safetensors", "lora")
        write(bench.host.loras / "turned.safetensors", "oft")
        if presets is not None:
            shared = folder / "lbw" / "lbwpresets.txt"
            shared.parent.mkdir()
            shared.write_bytes(presets)
            bench.host.block_presets = lambda: shared  # type: ignore[method-assign]
        bench.projects.change({"page": "blocks", **project}, bench.rights)
        bench.begin()
        yield address, bench
