"""The API as the page uses it: projects, form, plan, jobs, curves, pictures, undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, add, wait_for
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.files import read_json

TAGGER = str(DEMO_MODELS / "toy_tagger")


class Stub:
    """A helper with one answer for each question."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []

    def ask(self, what: str, patience: float = 0, **values: Any) -> Any:
        self.asked.append({"what": what, **values})
        answer = self.answers[what]
        return answer(**values) if isinstance(answer, Callable) else answer  # type: ignore[arg-type]

    def end(self) -> None:
        return None


@pytest.fixture
def dataset(client: Any, bench: Workbench, tmp_path: Path) -> Path:
    """An opened project with three pictures, two of which have captions."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name, caption in (("a.png", "penny, smile"), ("b.JPG", " "), ("c.webp", None)):
        (folder / name).write_bytes(b"picture")
        if caption is not None:
            (folder / name).with_suffix(".txt").write_text(caption, encoding="utf-8")
    bench.projects.create("penny")
    changes = {"dataset": str(folder), "tag": {"first": ["penny"], "model": TAGGER}}
    assert client.post(f"{API}/project", json={"changes": changes}).status_code == 200
    return folder


def post(client: Any, path: str, /, **body: Any) -> Any:
    reply = client.post(f"{API}/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def get(client: Any, path: str, /, **query: Any) -> Any:
    reply = client.get(f"{API}/{path}", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def state_of(client: Any, job_id: str) -> str:
    return get(client, f"jobs/{job_id}")["state"]


def test_projects(client: Any) -> None:
    made = post(client, "projects", name="penny")
    assert made["name"] == "penny" and made["page"] == "pictures"
    post(client, "projects", name="anna")
    assert post(client, "projects/open", name="penny")["name"] == "penny"
    state = get(client, "state")
    assert state["project"]["name"] == "penny" and state["projects"] == ["anna", "penny"]
    assert [one["name"] for one in state["taggers"]] == ["toy_tagger (demo)"]
    assert all(Path(one["path"]).is_file() for one in state["checkpoints"])


def test_the_form_has_every_setting_once_and_in_chinese_too(client: Any) -> None:
    groups = get(client, "form")["groups"]
    names = [one["name"] for group in groups for one in group["settings"]]
    assert len(names) == len(set(names)) > 80 and "data_dir" not in names
    assert client.get(f"{API}/form", headers={"Accept-Language": "zh-CN"}).json()["groups"][0]["name"] != groups[0]["name"]


def test_a_plan_comes_from_the_helper_with_what_the_server_adds(client: Any, bench: Workbench, dataset: Path) -> None:
    bench.plans = Stub(plan={"steps": 7, "problems": [{"message": "x"}]})  # type: ignore[assignment]
    answer = post(client, "plan", settings={"train_data_dir": str(dataset), "output_name": "penny"})
    assert answer["steps"] == 7
    asked = bench.plans.asked[0]["settings"]  # type: ignore[attr-defined]
    assert asked["output_dir"] == str(bench.host.data / "projects" / "penny" / "runs" / "penny")
    assert asked["save_state"] is True
    idle = answer["idle"]
    assert idle["huber_c"] == "Acts only with loss_type huber, smooth_l1." and "learning_rate" not in idle


def test_wrong_settings_are_problems_of_the_plan_and_need_no_helper(client: Any, bench: Workbench) -> None:
    bench.setup._wrong = "is not there"
    answer = post(client, "plan", settings={"network_dim": 0, "seed": "x"})
    assert [one["code"] for one in answer["problems"]] == ["bad-value", "bad-value"] and answer["steps"] == 0
    assert client.post(f"{API}/plan", json={"settings": {"network_dim": 4}}).status_code == 409


def test_sample_prompts_of_the_project_reach_the_run(client: Any, bench: Workbench, dataset: Path) -> None:
    post(client, "project", changes={"prompts": "penny, smile"})
    job = post(client, "jobs", kind="train", settings={"output_name": "penny"})
    path = Path(read_json(bench.jobs.folder / job["id"] / "job.json")["settings"]["sample_prompts"])
    assert path.read_text(encoding="utf-8") == "penny, smile\n"


def test_a_training_from_the_queue_to_its_curve_and_samples(
    client: Any, bench: Workbench, dataset: Path, tmp_path: Path
) -> None:
    assert isinstance(bench.host, FakeHost)
    bench.host.loras = tmp_path / "Lora"
    bench.begin()
    settings = {"output_name": "penny", "max_train_steps": 5, "train_data_dir": str(dataset)}
    job = post(client, "jobs", kind="train", settings=settings)
    assert job["title"] == "penny" and job["project"] == "penny"
    wait_for(lambda: state_of(client, job["id"]) == "done")
    kept = read_json(bench.jobs.folder / job["id"] / "job.json")
    assert kept["publish"] == {"folder": str(tmp_path / "Lora"), "activation": "penny", "notes": ""}
    curve = get(client, f"jobs/{job['id']}/curve")
    assert curve["steps"] == [1, 2, 3, 4, 5] and curve["loss"][1] == 0.5 and curve["lr"] == {"unet": [1e-4] * 5}
    assert get(client, f"jobs/{job['id']}/curve", since=3)["steps"] == [4, 5]
    assert "fake trainer" in client.get(f"{API}/jobs/{job['id']}/log").text
    log = EventLog(bench.jobs.folder / job["id"])
    picture = bench.jobs.folder / job["id"] / "e1.png"
    picture.write_bytes(b"png")
    log.write("sample", path=str(picture), epoch=1, step=5, prompt=0)
    log.close()
    reply = client.get(f"{API}/jobs/{job['id']}/sample", params={"name": "e1.png"})
    assert reply.content == b"png" and reply.headers["content-type"] == "image/png"
    again = client.get(
        f"{API}/jobs/{job['id']}/sample", params={"name": "e1.png"}, headers={"If-None-Match": reply.headers["etag"]}
    )
    assert again.status_code == 304
    assert get(client, "jobs")["jobs"][0]["samples"] == 1


def test_a_failed_run_goes_on_from_its_state_under_its_name(client: Any, bench: Workbench, dataset: Path) -> None:
    bench.begin()
    settings = {"output_name": "penny", "max_train_steps": 6, "training_comment": "fail=5 state=2"}
    first = post(client, "jobs", kind="train", settings=settings)["id"]
    wait_for(lambda: state_of(client, first) == "failed")
    assert get(client, f"jobs/{first}")["resumable"]
    second = post(client, f"jobs/{first}/resume")
    kept = read_json(bench.jobs.folder / second["id"] / "job.json")
    assert kept["resumed_from"] == first and second["title"] == "penny"
    assert kept["settings"]["resume"].endswith("state-4") and kept["settings"]["output_name"] == "penny"
    wait_for(lambda: state_of(client, second["id"]) == "failed")
    assert get(client, f"jobs/{second['id']}/curve")["total"] == 0, "it began after step 4 and failed at step 5"
    third = post(client, f"jobs/{second['id']}/again")["id"]
    assert "resume" not in read_json(bench.jobs.folder / third / "job.json")["settings"]


def test_a_run_without_a_state_can_only_begin_again(client: Any, bench: Workbench, dataset: Path) -> None:
    bench.begin()
    job = post(client, "jobs", kind="train", settings={"training_comment": "fail=1"})["id"]
    wait_for(lambda: state_of(client, job) == "failed")
    reply = client.post(f"{API}/jobs/{job}/resume", json={})
    assert reply.status_code == 409 and "start it again" in reply.json()["error"]


def test_deeds_of_a_running_job(client: Any, bench: Workbench, dataset: Path) -> None:
    bench.begin()
    job = post(client, "jobs", kind="train", settings={"max_train_steps": 10_000})["id"]
    waiting = post(client, "jobs", kind="train", settings={"output_name": "next"})
    hurried = post(client, "jobs", kind="train", settings={"output_name": "first"}, first=True)
    wait_for(lambda: state_of(client, job) == "running")
    queue = get(client, "jobs")["queue"]
    assert queue == [hurried["id"], waiting["id"]]
    assert post(client, f"jobs/{waiting['id']}/first")["place"] == 1
    post(client, f"jobs/{job}/pause")
    wait_for(lambda: state_of(client, job) == "paused")
    post(client, f"jobs/{job}/continue")
    wait_for(lambda: state_of(client, job) == "running")
    assert client.post(f"{API}/jobs/{job}/remove", json={}).status_code == 409
    for one in queue:
        assert post(client, f"jobs/{one}/remove")["state"] == "removed"
    post(client, f"jobs/{job}/stop")
    wait_for(lambda: state_of(client, job) == "stopped")
    assert client.post(f"{API}/jobs/{job}/pause", json={}).status_code == 409


def test_a_tag_job(client: Any, bench: Workbench, dataset: Path) -> None:
    job = post(client, "jobs", kind="tag", folder=str(dataset), options={"mode": "append", "general": 0.5})
    kept = read_json(bench.jobs.folder / job["id"] / "job.json")
    assert kept["folder"] == str(dataset) and job["kind"] == "tag" and job["title"] == "set"
    assert kept["options"]["mode"] == "append" and kept["options"]["general"] == 0.5
    assert kept["options"]["model"] == TAGGER and kept["options"]["first"] == ["penny"], "what isn't given is the project's"


@pytest.mark.parametrize(
    "body", [{"kind": "tag", "folder": "/no/such/folder"}, {"kind": "tag", "options": {"model": ""}}, {"kind": "bake"}]
)
def test_jobs_that_can_not_be(client: Any, dataset: Path, body: dict[str, Any]) -> None:
    assert client.post(f"{API}/jobs", json=body).status_code in (400, 404)
    assert get(client, "jobs") == {"jobs": [], "queue": []}


def test_without_a_trainer_nothing_is_queued(client: Any, bench: Workbench, dataset: Path) -> None:
    bench.setup._wrong = "is not there"
    reply = client.post(f"{API}/jobs", json={"kind": "train", "settings": {}})
    assert reply.status_code == 409 and "Set up" in reply.json()["error"]


def test_pictures_and_captions(client: Any, dataset: Path) -> None:
    answer = get(client, "pictures", folder=str(dataset))
    assert answer["count"] == 3 and answer["captioned"] == 2
    assert answer["pictures"][0] == {"name": "a.png", "caption": "penny, smile"}
    assert [one["name"] for one in get(client, "pictures", folder=str(dataset), offset=1, limit=1)["pictures"]] == ["b.JPG"]


def test_a_tree_of_kohyas_shows_the_pictures_of_its_folders(client: Any, dataset: Path) -> None:
    (dataset / "4_penny").mkdir()
    (dataset / "4_penny" / "d.png").write_bytes(b"x")
    listed = [one["name"] for one in get(client, "pictures", folder=str(dataset))["pictures"]]
    assert len(listed) == 4 and "4_penny/d.png" in listed
    assert get(client, "pictures", folder=str(dataset), recursive="0")["count"] == 3
    assert get(client, "state")["project"]["tag"]["recursive"] is True  # so that a tagger sees them too


def test_only_opened_folders_are_shown(client: Any, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert client.get(f"{API}/pictures", params={"folder": str(tmp_path / "other")}).status_code == 403
    assert client.get(f"{API}/thumb", params={"folder": str(tmp_path), "name": "set/a.png"}).status_code == 403
    (dataset / "10_penny").mkdir()
    assert get(client, "pictures", folder=str(dataset / "10_penny"))["count"] == 0


def test_thumbnails_are_made_by_the_helper_and_kept_by_the_browser(
    client: Any, bench: Workbench, dataset: Path, tmp_path: Path
) -> None:
    made = tmp_path / "thumb.webp"
    made.write_bytes(b"small")
    bench.thumbs = Stub(thumb={"path": str(made)})  # type: ignore[assignment]
    query = {"folder": str(dataset), "name": "a.png", "size": 99_999}
    reply = client.get(f"{API}/thumb", params=query)
    assert reply.content == b"small" and reply.headers["content-type"] == "image/webp"
    assert bench.thumbs.asked == [  # type: ignore[attr-defined]
        {"what": "thumb", "path": str(dataset / "a.png"), "size": 1024, "cache": str(bench.host.data / "cache" / "thumbnails")}
    ]
    again = client.get(f"{API}/thumb", params=query, headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304 and len(bench.thumbs.asked) == 1  # type: ignore[attr-defined]


def test_what_a_tagger_sees(client: Any, bench: Workbench, dataset: Path) -> None:
    tags = [{"tag": name, "score": score, "kind": kind} for name, score, kind in (
        ("smile", 0.4, "general"), ("boots", 0.3, "general"), ("penny", 0.8, "character"), ("safe", 0.99,
        "rating"))]  # fmt: skip
    bench.tagger = Stub(interrogate={"tags": tags})  # type: ignore[assignment]
    answer = post(client, "tags/preview", folder=str(dataset), name="a.png", model=TAGGER, general=0.35, character=0.85)
    assert {one["tag"]: one["kept"] for one in answer["tags"]} == {"smile": True, "boots": False, "penny": False, "safe": False}


def test_a_tagger_that_has_to_be_fetched_first(client: Any, bench: Workbench, dataset: Path) -> None:
    name = get(client, "state")["taggers_to_fetch"][0]
    assert post(client, "project", changes={"tag": {"model": name}})["tag"]["model"] == name
    bench.tagger = Stub()  # type: ignore[assignment]
    body = {"folder": str(dataset), "name": "a.png", "model": name}
    reply = client.post(f"{API}/tags/preview", json=body)
    assert reply.status_code == 409 and f"{name} has to be fetched first" in reply.json()["error"]
    for spelled in (name, name.replace("-tagger", "")):
        reply = client.post("/tagger/v1/interrogate", json={"image": "eA==", "model": spelled})
        assert reply.status_code == 409 and f"{name} has to be fetched first" in reply.json()["error"]
    job = post(client, "jobs", kind="tag", options={"mode": "skip"})
    assert read_json(bench.jobs.folder / job["id"] / "job.json")["options"]["model"] == name
    place = bench.host.data / "models" / "taggers" / name
    place.mkdir(parents=True)
    for file in ("model.onnx", "selected_tags.csv"):
        (place / file).touch()
    state = get(client, "state")
    assert name not in state["taggers_to_fetch"] and str(place) in [one["path"] for one in state["taggers"]]
    bench.tagger = Stub(interrogate={"tags": []})  # type: ignore[assignment]
    assert post(client, "tags/preview", **body)["tags"] == []
    assert bench.tagger.asked[0]["model"] == str(place)  # type: ignore[attr-defined]


def test_changes_and_undo(client: Any, dataset: Path) -> None:
    from lora_workbench.tagger.captions import Change
    from lora_workbench.tagger.journal import apply_changes

    path = dataset / "a.txt"
    apply_changes(dataset, [Change(path, path.read_bytes(), b"penny")], "what the tagger wrote")
    (found,) = get(client, "changes", folder=str(dataset))["changes"]
    assert found["what"] == "what the tagger wrote" and found["files"] == 1 and found["number"] == 1
    undone = post(client, "undo", folder=str(dataset))
    assert (undone["what"], undone["restored"], undone["edited"]) == ("what the tagger wrote", 1, [])
    assert path.read_text() == "penny, smile" and get(client, "changes", folder=str(dataset))["changes"] == []
    assert client.post(f"{API}/undo", json={"folder": str(dataset)}).status_code == 400


def test_folders(client: Any, dataset: Path, tmp_path: Path) -> None:
    answer = get(client, "folders", path=str(tmp_path))
    assert {"name": "set", "pictures": 3} in answer["folders"] and answer["parent"] == str(tmp_path.parent)
    (tmp_path / "nai.ckpt").touch()
    assert answer["models"] == [] and get(client, "folders", path=str(tmp_path))["models"] == ["nai.ckpt"]
    assert str(Path.home()) in [one["path"] for one in answer["roots"]]
    assert client.get(f"{API}/folders", params={"path": str(tmp_path / "no-such")}).status_code == 404
    assert get(client, "folders", path="/")["parent"] is None
    assert get(client, "folders")["path"]


def test_an_export(client: Any, bench: Workbench) -> None:
    bench.plans = Stub(export=lambda **asked: {"name": "x.toml", "text": str(asked["as"])})  # type: ignore[assignment]
    assert post(client, "export", settings={"network_dim": 4}, **{"as": "bash"}) == {"name": "x.toml", "text": "bash"}


def test_a_helpers_sentence_is_the_answer(client: Any, bench: Workbench) -> None:
    def refuse(**_: Any) -> Any:
        raise Refused("as must be toml, bash or powershell.")

    bench.plans = Stub(export=refuse)  # type: ignore[assignment]
    reply = client.post(f"{API}/export", json={"settings": {}, "as": "png"})
    assert reply.status_code == 400 and reply.json()["error"] == "as must be toml, bash or powershell."


def test_a_set_up_from_the_page(client: Any, bench: Workbench) -> None:
    bench.setup._wrong = "is not there"
    assert get(client, "state")["setup"]["wrong"] == "The trainer's environment is not there."
    assert post(client, "setup")["running"]
    wait_for(lambda: get(client, "state")["setup"]["ready"])
    assert get(client, "state")["setup"]["lines"] == ["set up"]


def test_what_an_update_under_a_running_webui_is_told(client: Any, bench: Workbench) -> None:
    bench.loaded = "0" * 40
    state = get(client, "state")
    assert state["restart_needed"] is True and state["version"] == "0000000000"


def test_wd14_taggers_endpoints(client: Any, bench: Workbench) -> None:
    tags = [{"tag": name, "score": score, "kind": kind} for name, score, kind in (
        ("smile", 0.4, "general"), ("penny", 0.2, "character"), ("safe", 0.9, "rating"))]  # fmt: skip
    bench.tagger = Stub(interrogate={"tags": tags})  # type: ignore[assignment]
    reply = client.get("/tagger/v1/interrogators", headers={"X-LoRA-Workbench": ""})
    assert reply.json() == {"models": ["toy_tagger (demo)"]}
    body = {
        "image": "data:image/png;base64,eA==",
        "model": "toy_tagger (demo)",
        "threshold": 0.35,
        "queue": "",
        "name_in_queue": "",
    }
    reply = client.post("/tagger/v1/interrogate", json=body, headers={"X-LoRA-Workbench": ""})
    assert reply.json() == {"caption": {"tag": {"smile": 0.4}, "rating": {"safe": 0.9}}}
    assert bench.tagger.asked == [{"what": "interrogate", "model": TAGGER, "image_base64": "eA=="}]  # type: ignore[attr-defined]


def test_restart_of_the_workbench_finds_everything_again(client: Any, bench: Workbench, dataset: Path) -> None:
    job = post(client, "jobs", kind="train", settings={"output_name": "penny"})
    other = Workbench(bench.host, setup=bench.setup)
    assert [one["id"] for one in other.snapshot()["jobs"]] == [job["id"]]
    assert other.projects.current() == bench.projects.current()


def test_a_trial_waits_for_jobs_and_for_another_trial(client: Any, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.extension.api import general

    asked: list[bool] = []
    monkeypatch.setattr(general, "examine", lambda train=False: asked.append(train) or (["All is well."], True))
    assert post(client, "doctor") == {"lines": ["All is well."], "well": True}
    post(client, "doctor", train=True)
    reader = add(bench.jobs)
    post(client, "doctor", train=True)  # it waits in the queue, and takes nothing yet
    assert asked == [False, True, True]
    monkeypatch.setattr(type(reader), "alive", property(lambda _: True))
    refused = client.post(f"{API}/doctor", json={"train": True})
    assert refused.status_code == 409 and "A job is at work" in refused.text
    post(client, "doctor")  # looking takes nothing
    monkeypatch.undo()
    with general._TRIAL:
        refused = client.post(f"{API}/doctor", json={"train": True})
    assert refused.status_code == 409 and "already" in refused.text
