"""Tools as jobs: what the queue's process tells of each, and that one that is stopped writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.tests.trainer_core.tools.tuned import write_tuned
from lora_workbench.trainer_core import requests
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.models.header import read_header


def run(folder: Path, tool: str, status: int = 0, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """The job's events by their kind."""
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"kind": "tool", "tool": tool, "options": options}), encoding="utf-8")
    assert main(["job", str(folder)]) == status
    found: dict[str, list[dict[str, Any]]] = {}
    for event in read_events(folder):
        found.setdefault(event["kind"], []).append(event)
    return found


def test_what_is_extracted_can_be_merged_back(random_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned = write_tuned(random_base, tmp_path / "tuned.safetensors", lambda name: "middle_block" in name)
    lora, merged = tmp_path / "lora.safetensors", tmp_path / "merged.safetensors"
    models = {"original": str(random_base), "tuned": str(tuned)}
    told = run(tmp_path / "1", "extract", **models, dim=8, text_encoder=False, precision="fp16", out=str(lora))
    done = told["done"][0]
    assert done["path"] == str(lora) and done["summary"] == "lora.safetensors is written."
    assert (
        done["lines"][0].split(" modules differ and were extracted: unet ")[0].split(" of ")[0] == done["lines"][0].split()[-1]
    )
    assert told["progress"][-1]["step"] == told["progress"][-1]["steps"] == told["start"][0]["total"]
    assert "error left: " in capsys.readouterr().out
    told = run(tmp_path / "2", "merge", base=str(random_base), loras=[{"path": str(lora), "ratio": 0.5}], out=str(merged))
    assert "lora.safetensors at 0.5: " in told["done"][0]["lines"][0] and " tensors changed by " in told["done"][0]["lines"][1]
    assert read_header(merged).tensors.keys() == read_header(random_base).tensors.keys()
    told = run(tmp_path / "3", "extract", 1, **{**models, "tuned": str(random_base)}, dim=8, out=str(lora))
    assert "Both models are the same" in told["error"][0]["message"]


def test_a_request_to_stop_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "penny.safetensors", "lora")
    folder = tmp_path / "job"
    requests.ask(folder, "stop")
    options = {"path": str(tmp_path / "penny.safetensors"), "rank": 1, "out": str(tmp_path / "new.safetensors")}
    job = {"kind": "tool", "tool": "resize", "options": options}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    assert main(["job", str(folder)]) == 0
    last = list(read_events(folder))[-1]
    assert (last["kind"], last["step"]) == ("stopped", 1) and "nothing was written" in last["message"]
    assert not list(tmp_path.glob("*new*"))


@pytest.mark.parametrize(
    ("tool", "options", "told"),
    [
        ("melt", {}, "asks for the tool 'melt': there are extract, merge, resize, bake, cut"),
        ("cut", [], "each with its options"),
        ("cut", {"path": "x", "rank": 1}, "out is missing"),
    ],
)
def test_a_job_that_is_written_wrong(tmp_path: Path, tool: str, options: Any, told: str) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"kind": "tool", "tool": tool, "options": options}), encoding="utf-8")
    assert main(["job", str(folder)]) == 1
    assert told in list(read_events(folder))[-1]["message"]
