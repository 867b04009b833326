"""The real API and page with LoRAs to work on; tools run as the queue's jobs, in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_server import make_folder, serving

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import FakeHost
from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.trainer_core.tools.answers import answer

# What a training leaves in its metadata, paths and tags of the pictures among it.
METADATA = {
    "ss_network_module": "networks.lora", "ss_network_alpha": "1", "ss_base_model_version": "sd_v1-5",
    "ss_sd_model_name": "animefull.safetensors", "ss_output_name": "penny", "modelspec.title": "penny",
    "ss_tag_frequency": json.dumps({"10_penny": {"penny": 42}}), "ss_training_comment": "for Penny <b>only</b>",
    "ss_dataset_dirs": json.dumps({"10_penny": {"n_repeats": 10, "img_count": 42}}),
}  # fmt: skip


class Plans:
    """What the helper answers about LoRA files; of a run only what the Train tab can't do without."""

    def ask(self, what: str, *, patience: float = 0, **values: Any) -> Any:
        if what in ("block_norms", "inspect", "edit_metadata"):
            return answer(what, values)
        return {"steps": 0, "epochs": 0, "images": 0, "problems": [], "buckets": [], "subsets": [], "suites": []}

    def end(self) -> None:
        return None


@contextmanager
def tooling(folder: Path, language: str = "en", page: str = "tools", **project: Any) -> Iterator[tuple[str, Workbench]]:
    """(address, workbench) of a server in the folder with the Tools tab open, and LoRAs in its LoRA folder."""
    pictures = make_folder(folder / "sets" / "penny", {"a": "penny"})
    with serving(folder / "data", pictures, language) as (address, bench):
        assert isinstance(bench.host, FakeHost)
        bench.plans = Plans()  # type: ignore[assignment]
        bench.host.loras = folder / "loras"
        bench.host.loras.mkdir()
        write(bench.host.loras / "penny.safetensors", "lora", **METADATA)
        write(bench.host.loras / "hat.safetensors", "lora", ss_base_model_version="sd_v1-5")
        bench.projects.change({"page": page, **project}, bench.rights)
        bench.begin()
        yield address, bench
