"""Tools over the API: what a job of each is asked, what it writes and where, metadata, and what is refused, to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lora_workbench.extension.models import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, Plans, wait_for_state
from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.tools.answers import answer


@pytest.fixture
def lora(bench: Workbench, tmp_path: Path) -> Path:
    """A LoRA outside of the host's LoRA folder, which is there too."""
    assert isinstance(bench.host, FakeHost)
    bench.host.loras = tmp_path / "loras"
    bench.plans = Plans(answer)  # type: ignore[assignment]
    for folder in ("loras", "runs"):
        (tmp_path / folder).mkdir()
    secret = {"ss_training_comment": "for me", "ss_dataset_dirs": '{"10_penny": {}}', "ss_output_name": "penny"}
    write(tmp_path / "runs" / "penny.safetensors", "lora", **secret)
    return tmp_path / "runs" / "penny.safetensors"


def ask(client: Any, tool: str, of: Any, name: str = "new", **more: Any) -> Any:
    return client.post(f"{API}/jobs", json={"kind": "tool", "options": {"tool": tool, "of": of, "name": name, **more}})


def test_a_tool_works_as_a_job_and_tells_its_proof(client: Any, bench: Workbench, lora: Path) -> None:
    bench.begin()
    before = lora.read_bytes()
    of = {"path": str(lora), "block_weights": "OUTD", "x": 0.5, "te": 0.5}
    job = ask(client, "bake", of, "penny-OUTD").json()
    assert (job["kind"], job["title"], job["state"]) == ("tool", "penny-OUTD", "queued"), job
    ended = wait_for_state(bench.jobs, job["id"], "done", "failed")
    assert ended.message == "penny-OUTD.safetensors is written.", ended.log_tail()
    told = client.get(f"{API}/jobs/{job['id']}").json()
    assert told["path"] == str(lora.with_name("penny-OUTD.safetensors")) and (told["step"], told["steps"]) == (4, 4)
    assert told["lines"][0].startswith("4 modules: ") and "length of the change: " in told["lines"][1]
    again = client.post(f"{API}/jobs/{job['id']}/again", json={}).json()
    assert wait_for_state(bench.jobs, again["id"], "done").details()["path"].endswith("penny-OUTD-2.safetensors")
    nothing = ask(client, "bake", {"path": str(lora), "block_weights": "ALL"}).json()
    failed = wait_for_state(bench.jobs, nothing["id"], "failed")
    assert "nothing in penny.safetensors would change" in failed.message and lora.read_bytes() == before
    assert sorted(path.name for path in lora.parent.iterdir()) == [
        "penny-OUTD-2.safetensors", "penny-OUTD.safetensors", "penny.safetensors",
    ]  # fmt: skip


def test_files_of_torchs_are_converted(client: Any, bench: Workbench, lora: Path) -> None:
    bench.begin()
    path = lora.with_name("old.pt")
    torch.save(load_file(lora), path)
    refused = ask(client, "resize", {"path": str(path), "rank": 1})
    assert refused.status_code == 400 and "Convert in Tools makes a .safetensors file of it" in refused.json()["error"]
    job = ask(client, "convert", {"path": str(path), "precision": "fp16"}).json()
    ended = wait_for_state(bench.jobs, job["id"], "done", "failed")
    told = client.get(f"{API}/jobs/{job['id']}").json()
    assert ended.state == "done" and told["lines"] == ["4 modules for Stable Diffusion 1.x, rank 2; alphas from the file"]
    assert load_file(told["path"]).keys() == load_file(lora).keys()


def test_where_the_new_file_goes(client: Any, bench: Workbench, lora: Path) -> None:
    def out(of: dict[str, Any], tool: str = "resize", **more: Any) -> Path:
        job = ask(client, tool, of, **more).json()
        return Path(read_json(bench.jobs.folder / job["id"] / "job.json")["options"]["out"])

    loras = lora.parents[1] / "loras"
    of = {"path": str(lora), "rank": 1}
    assert out(of) == lora.with_name("new.safetensors")
    assert out(of, place="loras") == loras / "new.safetensors"
    (loras / "mine").mkdir()
    write(loras / "mine" / "hat.safetensors", "lora")
    assert out({**of, "path": str(loras / "mine" / "hat.safetensors")}, place="loras") == loras / "mine" / "new.safetensors"
    merged = {"loras": [{"path": str(loras / "mine" / "hat.safetensors")}], "base": str(lora)}
    assert out(merged, "merge") == lora.with_name("new.safetensors")
    demo = str(DEMO_MODELS / "toy_base.safetensors")
    assert out({**merged, "base": demo}, "merge") == bench.host.data / "models" / "new.safetensors"


@pytest.mark.parametrize(
    ("tool", "of", "told"),
    [
        ("melt", {}, "There is no tool 'melt', only extract, merge, resize, bake, cut, convert."),
        ("resize", {"path": "LORA"}, "rank is missing"),
        ("resize", {"path": "LORA", "rank": 0}, "whole number from 1 to 4096"),
        ("resize", {"path": "LORA", "rank": True}, "whole number"),
        ("resize", {"path": "LORA", "rank": 2, "method": "sv_fro"}, "belong together"),
        ("resize", {"path": "LORA", "rank": 2, "method": "sv_fro", "parameter": 2}, "between 0 and 1"),
        ("resize", {"path": "LORA", "rank": 2, "device": "cuda"}, "'device' is not understood here"),
        ("cut", {"path": "LORA.txt", "rank": 1}, "There is no LoRA"),
        ("merge", {"loras": []}, "1 to 20 LoRAs"),
        ("merge", {"loras": [{"path": "LORA"}]}, "is itself: add a second"),
        ("merge", {"loras": [{"path": "LORA", "ratio": 1e9}]}, "number from -100 to 100"),
        ("merge", {"loras": [{"path": "LORA"}], "base": "LORA", "rank": 4}, "leave it empty for a checkpoint"),
        ("extract", {"original": "LORA", "tuned": "LORA", "dim": 4}, "Both models are the same"),
        ("extract", {"original": "LORA", "tuned": "LORA.txt", "dim": 4}, "There is no model"),
        ("bake", {"path": "LORA", "block_weights": "WHAT"}, "no preset of block weights called 'WHAT'"),
        ("bake", {"path": "LORA", "block_weights": ",".join(["R"] * 17)}, "random weights"),
        ("bake", "OUTD", "names and values"),
    ],
)  # fmt: skip
def test_what_is_refused(client: Any, bench: Workbench, lora: Path, tool: str, of: Any, told: str) -> None:
    def real(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: real(one) for name, one in value.items()}
        if isinstance(value, list):
            return [real(one) for one in value]
        return value.replace("LORA", str(lora)) if isinstance(value, str) and "LORA" in value else value

    reply = ask(client, tool, real(of))
    assert reply.status_code in (400, 404) and told in reply.json()["error"], reply.text
    assert bench.jobs.refresh() == []


def test_a_look_into_a_file_and_other_metadata(client: Any, lora: Path) -> None:
    known = client.get(f"{API}/tools").json()
    assert known["places"] == ["beside", "loras"] and "OUTD" in known["presets"]
    found = client.post(f"{API}/tools/inspect", json={"lora": str(lora)}).json()
    assert found["ranks"] == [{"rank": 2, "alpha": 1.0, "modules": 4}] and found["metadata"]["ss_output_name"] == "penny"
    asked = {"lora": str(lora), "set": {"modelspec.title": "Penny"}, "remove": ["ss_output_name"], "private": True, "name": "p"}
    done = client.post(f"{API}/tools/metadata", json=asked).json()
    assert (done["name"], done["set"]) == ("p", ["modelspec.title"]), done
    assert done["removed"] == ["ss_dataset_dirs", "ss_output_name", "ss_training_comment"]
    assert read_header(done["path"]).metadata["modelspec.title"] == "Penny"
    for wrong, told in (
        ({"remove": ["nobody"]}, "no metadata called nobody"), ({"set": {"sshs_model_hash": "0"}}, "computed from the tensors"),
        ({"set": {"a": 5}}, "names and texts"), ({"private": "yes"}, "yes or no"), ({}, "would change"),
    ):  # fmt: skip
        reply = client.post(f"{API}/tools/metadata", json={"lora": str(lora), "name": "q", **wrong})
        assert reply.status_code == 400 and told in reply.json()["error"], reply.text
    assert not lora.with_name("q.safetensors").exists()


def test_what_others_may_not_do(client: Any, bench: Workbench, lora: Path, tmp_path: Path) -> None:
    """A webui that others can reach: no file outside is read or written."""
    assert isinstance(bench.host, FakeHost)
    loras = tmp_path / "loras"
    write(loras / "hat.safetensors", "lora")
    (loras / "link.safetensors").symlink_to(lora)
    bench.host.chosen_rights = Rights(True, readable=(loras,), writable=(bench.host.data,))
    for path in (lora, loras / "link.safetensors"):
        assert ask(client, "cut", {"path": str(path), "rank": 1}).status_code == 403
        assert client.post(f"{API}/tools/inspect", json={"lora": str(path)}).status_code == 403
    hat = {"path": str(loras / "hat.safetensors"), "rank": 1}
    assert ask(client, "cut", hat).status_code == 403  # its folder isn't writable
    assert ask(client, "extract", {"original": str(lora), "tuned": hat["path"], "dim": 1}).status_code == 403
    assert bench.jobs.refresh() == [] and [one["name"] for one in client.get(f"{API}/tools").json()["loras"]] == ["hat"]
