"""Regularization pictures over the API: plans of sets, jobs that draw them, what of it may be shown and to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.reg_options import REG_DEFAULTS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, wait_for_state
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.reg.find import find_set, planned
from lora_workbench.trainer_core.reg.words import read_options
from lora_workbench.trainer_core.settings import Settings

BASE = str(DEMO_MODELS / "toy_base.safetensors")
CAPTIONS = {"a": "penny, smile", "b": "penny, red boots", "c": ""}
OPTIONS = {"class_word": "1girl", "steps": 20}


class Plans:
    """The trainer's own answer, without its process."""

    def ask(self, what: str, *, settings: dict[str, Any], options: dict[str, Any], patience: float) -> Any:
        assert what == "reg_plan" and patience > 60
        return planned(find_set(Settings.from_dict(settings), read_options(options)))

    def end(self) -> None:
        return None


@pytest.fixture
def dataset(bench: Workbench, tmp_path: Path) -> Path:
    """An opened project with three pictures, two of which have captions."""
    from PIL import Image

    folder = tmp_path / "set"
    folder.mkdir()
    for name, caption in CAPTIONS.items():
        Image.new("RGB", (64, 64), "red").save(folder / f"{name}.png")
        if caption:
            (folder / f"{name}.txt").write_text(caption, encoding="utf-8")
    bench.projects.create("penny")
    bench.projects.change({"dataset": str(folder), "base_model": BASE, "reg": OPTIONS}, bench.rights)
    bench.plans = Plans()  # type: ignore[assignment]
    return folder


def settings(dataset: Path, **more: Any) -> dict[str, Any]:
    drawn = {"pretrained_model_name_or_path": BASE, "train_data_dir": str(dataset), "resolution": "64", "seed": 7}
    return {**drawn, "caption_extension": ".txt", **more}


def post(client: Any, path: str, /, **body: Any) -> Any:
    reply = client.post(f"{API}/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(client: Any, path: str, /, **body: Any) -> tuple[int, str]:
    reply = client.post(f"{API}/{path}", json=body)
    return reply.status_code, reply.json().get("error", "")


def plan(client: Any, dataset: Path, more: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return post(client, "reg/plan", settings=settings(dataset, **(more or {})), options=options)


def draw(client: Any, bench: Workbench, dataset: Path, **options: Any) -> str:
    """Has the set drawn by the trainer in small; the job's id."""
    bench.begin()
    job = post(client, "jobs", kind="reg", settings=settings(dataset), options=options)
    ended = wait_for_state(bench.jobs, job["id"], "done", "failed")
    assert ended.state == "done", ended.details()
    return str(job["id"])


def states(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["train"], one["state"], one["why"]) for one in found["pictures"]]


def test_a_set_from_nothing_to_stale(client: Any, bench: Workbench, dataset: Path) -> None:
    before = plan(client, dataset)
    assert states(before) == [("a.png", "missing", ""), ("b.png", "missing", "")]
    assert (before["to_draw"], before["without_caption"], before["activation"]) == (2, ["c.png"], "penny")
    assert [one["caption"] for one in before["pictures"]] == ["1girl, smile", "1girl, red boots"]
    root = bench.host.data / "projects" / "penny" / "reg" / "matched"
    assert before["root"] == str(root) and before["folder"] == str(root / "1_reg") and not root.exists()

    draw(client, bench, dataset)
    fresh = plan(client, dataset)
    assert states(fresh) == [("a.png", "fresh", ""), ("b.png", "fresh", "")] and fresh["to_draw"] == 0
    (dataset / "b.txt").write_text("penny, hat", encoding="utf-8")
    changed = plan(client, dataset)
    assert states(changed) == [("a.png", "fresh", ""), ("b.png", "stale", "caption")] and changed["to_draw"] == 1
    stale = plan(client, dataset, {"seed": 8}, cfg=5.5)
    assert [why for _, _, why in states(stale)] == ["seed, CFG", "seed, CFG, caption"]
    assert stale["to_draw"] == 0
    assert plan(client, dataset, class_word="1boy")["pictures"][0]["why"] == "class word"

    (root / "1_reg" / "other.png").write_bytes(b"somebody's")
    extra = plan(client, dataset)
    assert (extra["counts"]["extra"], extra["extra"]) == (1, ["other.png"])
    (root / "1_reg" / "other.png").unlink()

    mark = fresh["pictures"][0]["mark"]
    draw(client, bench, dataset, class_word="1boy", redo=True)
    again = plan(client, dataset, class_word="1boy")
    assert {one["state"] for one in again["pictures"]} == {"fresh"} and again["pictures"][0]["mark"] != mark
    assert sorted(path.name for path in (root / "1_reg").glob("*.png")) == ["a.png", "b.png"], "one set, not two"


def test_the_jobs_words_are_the_servers(client: Any, bench: Workbench, dataset: Path) -> None:
    options = {"drop_activation": True, "seeds": "index", "activation": "smile", "count": 9, "negative": "hat"}
    job = post(client, "jobs", kind="reg", settings=settings(dataset), options=options)
    assert job["kind"] == "reg" and job["title"] == "penny" and job["project"] == "penny"
    content = read_json(bench.jobs.folder / job["id"] / "job.json")
    root = str(bench.host.data / "projects" / "penny" / "reg" / "matched")
    assert content["options"] == {
        "kind": "matched", "class_word": "", "out": root, "folder": "1_reg", "sampler": "DDIM", "schedule": "Automatic",
        "steps": 20, "cfg": 6.0, "negative": "hat", "batch_size": 4, "redo": False, "activation": "smile",
        "drop_activation": True, "seeds": "index",
    }  # fmt: skip
    assert content["settings"]["data_dir"] == str(bench.host.data) and content["settings"]["seed"] == 7
    of_class = post(client, "jobs", kind="reg", settings=settings(dataset), options={"way": "class", "tags": ["smile", "hat"]})
    asked = read_json(bench.jobs.folder / of_class["id"] / "job.json")["options"]
    assert (asked["kind"], asked["count"], asked["tags"], asked["class_word"]) == ("class", 50, "smile, hat", "1girl")
    assert asked["out"] == root.replace("matched", "class") and "activation" not in asked and "seeds" not in asked


def test_again_draws_what_is_missing(client: Any, bench: Workbench, dataset: Path) -> None:
    job = draw(client, bench, dataset)
    made = bench.host.data / "projects" / "penny" / "reg" / "matched" / "1_reg" / "a.png"
    made.unlink()
    again = post(client, f"jobs/{job}/again")
    assert again["kind"] == "reg" and again["id"] != job
    assert wait_for_state(bench.jobs, again["id"], "done").message == "1 pictures drawn." and made.is_file()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"way": "folder"}, "taken as it is"), ({"class_word": " , "}, "No class word"), ({"way": "class", "class_word": ""},
        "No class word"), ({"way": "burn"}, "way must be one of"), ({"steps": 2.5}, "whole number from 1 to 1000"),
        ({"cfg": "6"}, "number from 1 to 30"), ({"cfg": True}, "number from 1 to 30"), ({"count": 0}, "from 1 to 10000"),
        ({"seeds": "random"}, "seeds must be"), ({"sampler": "os.system"}, "sampler must be"),
        ({"schedule": "x"}, "schedule must be"),
        ({"out": "/etc"}, "no option 'out'"), ({"folder": "relative"}, "whole path"), ({"tags": "smile"}, "tags can't be"),
        ({"negative": "a\nb"}, "negative can't be"), ({"activation": 5}, "activation can't be"), ([], "names and values"),
    ],
)  # fmt: skip
def test_options_that_are_not_taken(client: Any, bench: Workbench, dataset: Path, options: Any, told: str) -> None:
    for path, body in (("reg/plan", {}), ("jobs", {"kind": "reg"})):
        status, sentence = refusal(client, path, settings=settings(dataset), options=options, **body)
        assert status == 400 and told in sentence
    assert bench.jobs.refresh() == []


def test_redo_is_yes_or_no(client: Any, dataset: Path) -> None:
    status, sentence = refusal(client, "jobs", kind="reg", settings=settings(dataset), options={"redo": "yes"})
    assert status == 400 and "redo can't be 'yes'" in sentence


def test_the_trainers_own_sentence_is_told(client: Any, dataset: Path) -> None:
    status, sentence = refusal(client, "reg/plan", settings=settings(dataset), options={"activation": "anna"})
    assert status == 400 and "No caption holds the activation tag 'anna'" in sentence
    status, sentence = refusal(client, "reg/plan", settings=settings(dataset, seed=None), options={})
    assert status == 400 and "no seed" in sentence


def test_without_a_project(client: Any) -> None:
    for path, body in (("reg/plan", {}), ("jobs", {"kind": "reg"})):
        status, sentence = refusal(client, path, settings={}, options=OPTIONS, **body)
        assert status == 409 and "No project is open" in sentence


def test_the_project_remembers_options_one_by_one(client: Any, bench: Workbench, dataset: Path) -> None:
    post(client, "project", changes={"reg": {"cfg": 5.5, "tags": ["smile"]}})
    project = post(client, "project", changes={"reg": {"cfg": None}})
    assert project["reg"] == {**REG_DEFAULTS, **OPTIONS, "tags": ["smile"]}
    assert REG_DEFAULTS["tags"] == []


def test_a_sets_pictures_are_shown_and_nothing_beside_them(
    client: Any, bench: Workbench, dataset: Path, tmp_path: Path
) -> None:
    draw(client, bench, dataset)
    folder = str(bench.host.data / "projects" / "penny" / "reg" / "matched" / "1_reg")
    shown = client.get(f"{API}/pictures", params={"folder": folder}).json()
    assert [one["name"] for one in shown["pictures"]] == ["a.png", "b.png"]
    mine = tmp_path / "mine"
    mine.mkdir()
    assert client.get(f"{API}/pictures", params={"folder": str(mine)}).status_code == 403
    post(client, "project", changes={"reg": {"folder": str(mine)}})
    assert client.get(f"{API}/pictures", params={"folder": str(mine)}).json()["count"] == 0
    # what is shown may not be changed: that is for datasets alone
    assert client.post(f"{API}/undo", json={"folder": folder}).status_code == 403
    for path in (bench.host.data / "projects" / "penny", bench.host.data):
        assert client.get(f"{API}/pictures", params={"folder": str(path)}).status_code == 403


def test_a_made_set_is_trained_where_folders_are_hidden(client: Any, bench: Workbench, dataset: Path, tmp_path: Path) -> None:
    root = draw(client, bench, dataset) and plan(client, dataset)["root"]
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(hide_folders=True)
    post(client, "project", changes={"settings": {"reg_data_dir": root}, "reg": {"way": "matched", "folder": ""}})
    job = post(client, "jobs", kind="train", settings={"max_train_steps": 1, "reg_data_dir": root})
    assert read_json(bench.jobs.folder / job["id"] / "job.json")["settings"]["reg_data_dir"] == root
    for changes in ({"settings": {"reg_data_dir": str(tmp_path)}}, {"reg": {"folder": str(tmp_path)}}):
        assert refusal(client, "project", changes=changes)[0] == 403
    assert refusal(client, "jobs", kind="train", settings={"reg_data_dir": str(tmp_path)})[0] == 403
