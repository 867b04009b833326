"""Trainings of one output name in one folder: the plan and the queue tell of them, and none replaces another's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, Plans

SEVERITIES = ["error", "warning", "note"]
PLAN = {"problems": [{"severity": one, "code": one, "message": "", "fix": ""} for one in SEVERITIES[1:]]}


@pytest.fixture
def ask(client: Any, bench: Workbench) -> Any:
    """Asks the API with settings of an open project: the plan's problems, or a job."""
    bench.projects.create("penny")
    bench.plans = Plans(lambda what, values: PLAN)  # type: ignore[assignment]

    def post(what: str, **settings: Any) -> Any:
        given = {"output_name": "penny", "max_train_steps": 3, **settings}
        body = {"settings": given} if what == "plan" else {"kind": "train", "project": "penny", "settings": given}
        return client.post(f"{API}/{what}", json=body)

    return post


def told(ask: Any, **settings: Any) -> dict[str, Any] | None:
    problems = ask("plan", **settings).json()["problems"]
    severities = [one["severity"] for one in problems]
    assert severities == sorted(severities, key=SEVERITIES.index)
    return next((one for one in problems if one["code"] == "lw-same-output"), None)


def test_a_second_one_is_told_which_name_it_gets(ask: Any, client: Any, bench: Workbench) -> None:
    assert told(ask) is None
    first = ask("jobs").json()
    assert first["message"] == ""
    found = told(ask)
    assert found and found["severity"] == "note" and found["message"].endswith("this one will be saved as penny-2.")
    assert found["settings"] == {"output_name": "penny-2"} and told(ask, **found["settings"]) is None
    assert told(ask, output_dir=str(bench.host.data / "elsewhere")) is None
    assert "goes on from its last state" in told(ask, resume="auto")["message"]  # type: ignore[index]

    second = ask("jobs").json()
    assert second["message"] == "It will be saved as penny-2: a training before it saves as penny too."
    found = told(ask)
    assert found and "saved as penny-3." in found["message"] and found["settings"] == {"output_name": "penny-3"}
    client.post(f"{API}/jobs/{second['id']}/first", json={})
    listed = {one["id"]: one["message"] for one in client.get(f"{API}/jobs").json()["jobs"]}
    assert listed[second["id"]] == "" and "saved as penny-2" in listed[first["id"]], "the order decides"
    folder = bench.host.data / "projects" / "penny" / "runs" / "penny"
    folder.mkdir(parents=True)
    (folder / "penny.safetensors").touch()
    assert "saved as penny-4." in told(ask)["message"]  # type: ignore[index]
    bench.jobs.change(bench.jobs.get(first["id"]), started=1.0, queued=None)  # ended without a word
    assert "saved as penny-3." in told(ask)["message"]  # type: ignore[index]


@pytest.mark.parametrize("which", ["both", "the one that waits", "going on twice"])
def test_what_would_replace_another_ones_files_is_refused(ask: Any, bench: Workbench, tmp_path: Path, which: str) -> None:
    state = bench.host.data / "projects" / "penny" / "runs" / "penny" / "penny-state"
    state.mkdir(parents=True)
    waits = {"resume": str(state)} if which == "going on twice" else {"overwrite": True}
    comes = {} if which == "the one that waits" else waits
    assert ask("jobs", **waits).status_code == 200
    found = told(ask, **comes)
    assert found and found["severity"] == "error" and "or" in found["fix"]
    reply = ask("jobs", **comes)
    assert reply.status_code == 409 and reply.json()["error"] == f"{found['message']} {found['fix']}"
    assert len(bench.jobs.refresh()) == 1
    assert ask("jobs", **comes, **found["settings"]).status_code == 200
