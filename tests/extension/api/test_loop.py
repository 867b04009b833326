"""The rare-character loop over the API: what a job of it is asked, who may decide what, and which pictures are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, wait_for_state
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.loop.answers import answer
from lora_workbench.trainer_core.loop.decisions import FILE

BASE, TAGGER = str(DEMO_MODELS / "toy_base.safetensors"), str(DEMO_MODELS / "toy_tagger")


class Plans:
    """The trainer's own answer, without its process."""

    def ask(self, what: str, **request: Any) -> Any:
        return json.loads(json.dumps(answer(what, request)))

    def end(self) -> None:
        return None


@pytest.fixture
def dataset(bench: Workbench, tmp_path: Path) -> Path:
    """An opened project with one picture, an activation tag and a tagger."""
    folder = tmp_path / "set"
    folder.mkdir()
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(folder / "mia.jpg")
    bench.projects.create("mia")
    tag = {"model": TAGGER, "first": ["mia"]}
    bench.projects.change({"dataset": str(folder), "base_model": BASE, "tag": tag}, bench.rights)
    bench.plans = Plans()  # type: ignore[assignment]
    return folder


@pytest.fixture
def begun(client: Any, bench: Workbench, dataset: Path) -> Path:
    """The project's loop as its job leaves it, done by the trainer in small: three candidates wait."""
    bench.begin()
    job = post(client, "jobs", kind="loop", settings=settings(), options={"candidates": 3})
    ended = wait_for_state(bench.jobs, job["id"], "done", "failed")
    assert ended.message == "Round 1: 3 candidates wait for your decision.", ended.details()
    return Path(read_json(bench.jobs.folder / job["id"] / "job.json")["folder"])


def settings(**more: Any) -> dict[str, Any]:
    return {"pretrained_model_name_or_path": BASE, "resolution": "64", "seed": 7, "max_train_steps": 900, **more}


def post(client: Any, path: str, /, **body: Any) -> Any:
    reply = client.post(f"{API}/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(client: Any, path: str, /, **body: Any) -> tuple[int, str]:
    reply = client.post(f"{API}/{path}", json=body)
    return reply.status_code, reply.json().get("error", "")


def loop(client: Any) -> dict[str, Any]:
    reply = client.get(f"{API}/test/loop")
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_what_a_job_is_asked(client: Any, bench: Workbench, dataset: Path) -> None:
    options = {"prompts": "SUBJECT, hat\n\n SUBJECT ", "wanted": "red hat, boots,", "accept_by": "tagger", "epochs": 4}
    job = post(client, "jobs", kind="loop", settings=settings(), options=options)
    assert (job["kind"], job["title"], job["project"]) == ("loop", "mia", "mia")
    content = read_json(bench.jobs.folder / job["id"] / "job.json")
    assert content["folder"] == str(bench.host.data / "projects" / "mia" / "loop")
    assert content["start"] == [str(dataset / "mia.jpg")]
    words = content["options"]
    assert (words["tag"], words["tagger"], words["wanted"]) == ("mia", TAGGER, ["red hat", "boots"])
    assert (words["prompts"], words["epochs"], words["rounds"]) == (["SUBJECT, hat", "SUBJECT"], 4, 5)
    again = client.post(f"{API}/jobs/{job['id']}/again", json={})
    assert again.status_code == 409  # it hasn't ended


def test_from_the_job_to_the_next_rounds_pictures(client: Any, begun: Path) -> None:
    found = loop(client)
    assert found["there"] and (found["phase"], found["round"], found["rounds"]) == ("choosing", 1, 5)
    waiting = [one["name"] for one in found["pictures"] if one["state"] == "waiting"]
    assert waiting == ["r01-001.png", "r01-002.png", "r01-003.png"]
    first = found["pictures"][0]
    assert (first["name"], first["kind"], first["source"]) == ("mia.jpg", "start", "mia.jpg")
    assert str(begun) not in json.dumps(found)  # names of files in place of paths
    after = post(client, "test/loop/decide", what="accept", names=["r01-002.png"])
    assert after["by_round"][0]["accepted_names"] == ["r01-002.png"] and after["next_pictures"] == ["mia.jpg", "r01-002.png"]
    post(client, "test/loop/decide", what="reject", names=["r01-001.png", "r01-003.png"])
    post(client, "projects", name="other")  # opened while the decision was on its way
    post(client, "test/loop/decide", what="undo", names=["r01-001.png"], project="mia")
    post(client, "projects/open", name="mia")
    after = post(client, "test/loop/decide", what="next")
    assert (begun / FILE).read_text(encoding="utf-8").splitlines() == [
        "accept r01-002.png", "reject r01-001.png r01-003.png", "undo r01-001.png", "next",
    ]  # fmt: skip
    assert [one["state"] for one in after["pictures"]] == ["accepted", "waiting", "accepted", "rejected"]


def test_going_on_begins_with_nothing_new(client: Any, bench: Workbench, begun: Path) -> None:
    job = post(client, "jobs", kind="loop", settings=settings(), options={"rounds": 7})
    content = read_json(bench.jobs.folder / job["id"] / "job.json")
    assert content["start"] == [] and content["options"]["rounds"] == 7


def test_pictures_are_shown_whole_and_small(client: Any, begun: Path) -> None:
    for name, kind in (("r01-002.png", "image/png"), ("mia.jpg", "image/jpeg")):
        reply = client.get(f"{API}/test/loop/picture", params={"name": name})
        assert reply.status_code == 200 and reply.headers["content-type"] == kind
        path = begun / "rounds" / "01" / "candidates" / name if kind == "image/png" else begun / "start" / name
        assert reply.content == path.read_bytes()


@pytest.mark.parametrize(
    "name", ["", "loop.json", "../loop.json", "r01-009.png", "..%2f..%2fa.png", "a/b.png", "C:a.png", "x" * 5000 + ".png"]
)
def test_nothing_else_is_shown(client: Any, begun: Path, name: str) -> None:
    assert client.get(f"{API}/test/loop/picture", params={"name": name}).status_code in (400, 403, 404)


def test_a_link_in_the_loop_is_not_followed(client: Any, begun: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (begun / "start" / "link.png").symlink_to(tmp_path / "secret.png")
    assert client.get(f"{API}/test/loop/picture", params={"name": "link.png"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"what": "accept", "names": []}, 400), ({"what": "next", "names": ["r01-001.png"]}, 400), ({"what": "eat"}, 400),
        ({"what": "accept", "names": "r01-001.png"}, 400), ({"what": "accept", "names": ["../x.png"]}, 400),
        ({"what": "accept", "names": ["r01-001.png\nnext"]}, 400), ({"what": "accept", "names": [5]}, 400),
        ({"what": "accept", "names": ["r07-001.png"]}, 400), ({"what": "accept", "names": ["r01-001.png"], "folder": "/"}, 400),
        ({"what": "accept", "names": ["a.png"] * 1001}, 400), ({"what": ["accept"], "names": ["a.png"]}, 400),
    ],
)  # fmt: skip
def test_hostile_decisions_write_nothing(client: Any, begun: Path, body: dict[str, Any], status: int) -> None:
    assert refusal(client, "test/loop/decide", **body)[0] == status
    assert not (begun / FILE).exists()


def test_decisions_need_our_header(client: Any, begun: Path) -> None:
    client.headers.pop("X-LoRA-Workbench")
    assert refusal(client, "test/loop/decide", what="next")[0] == 403
    assert not (begun / FILE).exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rounds": 0}, "whole number from 1 to 100"), ({"cfg": "6"}, "number from 1 to 50"), ({"epochs": 1.5}, "whole number"),
        ({"accept_by": "me"}, "accept_by must be one of"), ({"x": 1}, "no option"), ({"tagger": "x"}, "whole path"),
        ({"accept_by": "tagger"}, "tags that the tagger must see"), ({"prompts": 5}, "prompts can't be"),
        ([], "names and values"), ({"checkpoints": "x"}, "must be a list"), ({"checkpoints": ["relative"]}, "whole path"),
        ({"strength": True}, "number from"),
    ],
)  # fmt: skip
def test_options_that_are_not_taken(client: Any, bench: Workbench, dataset: Path, options: Any, told: str) -> None:
    status, sentence = refusal(client, "jobs", kind="loop", settings=settings(), options=options)
    assert status == 400 and told in sentence
    assert bench.jobs.refresh() == []


def test_what_is_missing_is_said(client: Any, bench: Workbench, dataset: Path) -> None:
    assert loop(client) == {"there": False}
    assert refusal(client, "test/loop/decide", what="next") == (404, "There is no loop in this project yet.")
    bench.projects.change({"tag": {"first": []}}, bench.rights)
    assert "activation tag" in refusal(client, "jobs", kind="loop", settings=settings())[1]
    bench.projects.change({"tag": {"first": ["mia"], "model": None}}, bench.rights)
    assert "No tagger is chosen" in refusal(client, "jobs", kind="loop", settings=settings())[1]
    shown = post(client, "jobs", kind="loop", settings=settings(), options={"tagger": TAGGER})
    assert read_json(bench.jobs.folder / shown["id"] / "job.json")["options"]["tagger"] == TAGGER
    bench.projects.change({"tag": {"first": ["mia"], "model": TAGGER}}, bench.rights)
    for number in range(31):
        (dataset / f"{number}.png").write_bytes(b"")
    assert "32 pictures: a loop is for a handful" in refusal(client, "jobs", kind="loop", settings=settings())[1]
    for path in dataset.iterdir():
        path.unlink()
    assert "no picture to begin with" in refusal(client, "jobs", kind="loop", settings=settings())[1]


def test_without_a_project(client: Any) -> None:
    assert client.get(f"{API}/test/loop").status_code == 409
    assert refusal(client, "test/loop/decide", what="next")[0] == 409
    assert refusal(client, "jobs", kind="loop", settings={}, options={})[0] == 409


def test_strangers_name_no_checkpoint_outside(client: Any, bench: Workbench, dataset: Path, tmp_path: Path) -> None:
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(restricted=True, readable=(bench.host.data,), writable=(bench.host.data,))
    status, _ = refusal(client, "jobs", kind="loop", settings=settings(), options={"checkpoints": [str(tmp_path / "x.ckpt")]})
    assert status == 403
