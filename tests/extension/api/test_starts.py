"""What a training may go on from: LoRAs and states of the project, as the page offers them and a job takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, add
from lora_workbench.trainer_core.files import read_json


def state(folder: Path, name: str, **content: Any) -> str:
    (folder / name).mkdir(parents=True)
    (folder / name / "train_state.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder / name)


@pytest.fixture
def runs(bench: Workbench) -> Path:
    """The folder of an open project's runs."""
    bench.projects.create("penny")
    bench.projects.change({"base_model": str(DEMO_MODELS / "toy_base.safetensors")}, bench.rights)
    return bench.host.data / "projects" / "penny" / "runs"


def test_states_are_told_with_how_far_they_are(client: Any, bench: Workbench, runs: Path, tmp_path: Path) -> None:
    newest = state(runs / "penny", "penny-000004-state", step=40, current_epoch=4, output_name="penny")
    state(runs / "penny", "penny-state", step="x")  # damaged
    (runs / "penny" / "half-state").mkdir()
    elsewhere = state(tmp_path / "elsewhere", "hat-state", step=7, current_epoch=1, output_name="hat")
    job = add(bench.jobs, output_name="hat")
    bench.jobs.change(job, project="penny", settings={"output_dir": str(tmp_path / "elsewhere")})
    found = client.get(f"{API}/train/starts").json()
    states = {one["path"]: (one["name"], one["step"], one["epoch"]) for one in found["states"]}
    assert states == {newest: ("penny-000004-state", 40, 4), elsewhere: ("hat-state", 7, 1)} and found["loras"] == []
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(bench.host.data,), writable=(bench.host.data,))
    assert [one["path"] for one in client.get(f"{API}/train/starts").json()["states"]] == [newest]


def test_a_job_goes_on_by_itself_in_several_processes(client: Any, bench: Workbench, runs: Path) -> None:
    settings = {"output_name": "penny", "max_train_steps": 3, "resume": "auto", "num_processes": 2}
    job = client.post(f"{API}/jobs", json={"kind": "train", "project": "penny", "settings": settings}).json()
    asked = read_json(bench.jobs.folder / job["id"] / "job.json")["settings"]
    assert (asked["resume"], asked["num_processes"]) == ("auto", 2) and bench.jobs.get(job["id"]).processes == 2
    for wrong, status in ({"num_processes": 17}, 400), ({"num_processes": 10**9}, 400), ({"resume": "newest"}, 400):
        reply = client.post(f"{API}/jobs", json={"kind": "train", "project": "penny", "settings": {**settings, **wrong}})
        assert reply.status_code == status and reply.json()["error"]


def test_without_a_project(client: Any) -> None:
    assert client.get(f"{API}/train/starts").status_code == 409
