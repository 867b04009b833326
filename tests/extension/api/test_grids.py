"""Test grids over the API: runs, plans, jobs, grids, a chosen cell's next run, deleting snapshots, prompts, the prior check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.drawing_pace import seconds_for
from lora_workbench.extension.job_reader import JobReader
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.grid_scene import Answers, draw, make_lora, make_run
from lora_workbench.tests.extension.parts import API
from lora_workbench.trainer_core.events import EventLog, JobLock
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.grids.find import find_given, find_grid
from lora_workbench.trainer_core.grids.words import read_options

FEW = {"strength": [0.5, 1.0], "suites": [], "prompts": "penny, smile\npenny, hat --n red\n"}
CELL = "e2/te0.5/unet0.5/p1"


@pytest.fixture
def run(client: Any, bench: Workbench) -> JobReader:
    """The project penny with a training of three epochs."""
    answers = Answers()
    bench.plans = bench.thumbs = bench.tagger = answers  # type: ignore[assignment]
    (bench.host.data / "sets" / "penny").mkdir(parents=True)
    bench.projects.create("penny")
    dataset = str(bench.host.data / "sets" / "penny")
    client.post(f"{API}/project", json={"changes": {"dataset": dataset, "tag": {"first": ["penny"]}}})
    return make_run(bench)


@pytest.fixture
def grid(client: Any, bench: Workbench, run: JobReader) -> list[str]:
    """The ids of a grid that was asked for over the API and drawn."""
    made = post(client, "jobs", kind="grid", project="penny", options={**FEW, "run": run.id})
    return draw(bench.jobs.get(made["id"]).job["options"])


def post(client: Any, path: str, status: int = 200, **body: Any) -> Any:
    reply = client.post(f"{API}/{path}", json=body)
    assert reply.status_code == status, reply.text
    return reply.json() if status == 200 else reply.json()["error"]


def test_runs_are_told_with_the_files_that_are_still_there(client: Any, bench: Workbench, run: JobReader) -> None:
    other = make_run(bench, name="other", project="nobody")
    failed = bench.jobs.add("train", "failed", "penny", {"settings": {}})
    (told,) = client.get(f"{API}/test/runs").json()["runs"]
    assert told["job"] == run.id and told["name"] == "penny" and other.id != failed.id
    assert [(one["name"], one["epoch"], one["last"]) for one in told["files"]] == [
        ("penny-000001.safetensors", 1, False),
        ("penny-000002.safetensors", 2, False),
        ("penny.safetensors", None, True),
    ]
    run.written[0].unlink()
    (told,) = client.get(f"{API}/test/runs").json()["runs"]
    assert len(told["files"]) == 2


def test_a_run_that_was_gone_on_with_is_one_run(client: Any, bench: Workbench, run: JobReader) -> None:
    """The resumed job's own file and those of the job before stand together, once."""
    settings = run.job["settings"]
    more = bench.jobs.add("train", "penny", "penny", {"settings": settings, "resumed_from": run.id})
    events = EventLog(more.folder)
    path = make_lora(Path(settings["output_dir"]) / "penny-000004.safetensors", 4)
    events.write("saved", path=str(path), epoch=4, step=4, state=None)
    events.write("stopped", path=str(path), step=4, message="")
    events.close()
    (told,) = client.get(f"{API}/test/runs").json()["runs"]
    assert told["job"] == more.id and len(told["files"]) == 4


def test_the_plan_counts_and_a_second_time_nothing_is_missing(client: Any, bench: Workbench, run: JobReader) -> None:
    options = {**FEW, "run": run.id}
    told = post(client, "test/plan", options=options)
    assert (told["count"], told["missing"], told["size"], told["seconds"]) == (2 + 2 * 3 * 2, 14, [64, 64], None)
    some = post(client, "test/plan", options={**options, "snapshots": ["penny.safetensors"], "base": False})
    assert some["count"] == 4
    made = post(client, "jobs", kind="grid", project="penny", options=options)
    draw(bench.jobs.get(made["id"]).job["options"], but=3)
    assert post(client, "test/plan", options=options)["missing"] == 3


def test_text_encoder_against_unet_stand_in_one_grid_for_each_prompt(client: Any, bench: Workbench, run: JobReader) -> None:
    options = {
        **FEW,
        "run": run.id,
        "snapshots": ["penny.safetensors"],
        "parts": True,
        "te": [0.5, 1.0],
        "unet": [0.5, 1.0, 2.0],
    }
    made = post(client, "jobs", kind="grid", project="penny", options=options)
    draw(bench.jobs.get(made["id"]).job["options"])
    grids = client.get(f"{API}/test/grid", params={"run": run.id}).json()["grids"]
    assert len(grids) == 2 and grids[0]["rows"] == ["text encoder 0.5", "text encoder 1.0"]
    assert grids[0]["columns"] == ["base, without LoRA", "UNet 0.5", "UNet 1.0", "UNet 2.0"]


def test_time_is_told_by_what_was_drawn_before(client: Any, bench: Workbench, run: JobReader) -> None:
    made = post(client, "jobs", kind="grid", project="penny", options={**FEW, "run": run.id})
    reader = bench.jobs.get(made["id"])
    lines = [("start", 0, {"total": 14}), ("progress", 10, {"step": 4}), ("progress", 20, {"step": 14})]
    moments = [{"time": f"2026-01-01T00:00:{at:02d}+00:00", "kind": kind, **more} for kind, at, more in lines]
    events = EventLog(reader.folder)
    for one in moments:
        kind = one.pop("kind")
        events.write(kind, **one)  # the given time stands behind the written one, and counts
    events.write("done", summary="14 pictures drawn")
    events.close()
    told = post(client, "test/plan", options={**FEW, "run": run.id})
    assert told["seconds"] == pytest.approx(6 + 14 * 1.0)
    twice = post(client, "test/plan", options={**FEW, "run": run.id, "steps": 40})
    assert twice["seconds"] == pytest.approx(6 + 14 * 2.0)
    both = post(client, "test/plan", options={**FEW, "run": run.id, "steps": 20, "more_steps": [40]})
    assert both["seconds"] == pytest.approx(6 + 28 * 1.5)
    assert seconds_for(bench.jobs, 14, 1, "/another/base.safetensors") is None, "that may be far larger"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"suites": [], "prompts": ""}, "There are no prompts"),
        ({"suites": ["no_such"]}, "there is no suite no_such"),
        ({"snapshots": ["penny-000009.safetensors"]}, "has no file"),
        ({"strength": [9]}, "strength must be a number from -5 to 5"),
        ({"steps": 1.5}, "steps must be a whole number"),
        ({"seeds": [True]}, "seeds must be a whole number"),
        ({"sampler": "Heun++"}, "sampler must be one of"),
        ({"more_samplers": ["Euler a", "Heun++"]}, "more_samplers must be one of"),
        ({"more_samplers": "DDIM"}, "more_samplers must be a list"),
        ({"more_steps": [0]}, "more_steps must be a whole number from 1"),
        ({"clip_skip": [2.5]}, "clip_skip must be a whole number"),
        ({"columns": "te"}, "te has one value only"),
        ({"run": "20260101-000000-train"}, "There is no job"),
        ({"suite": ["first_look"]}, "no option 'suite'"),
        ({"checkpoints": ["relative.safetensors"]}, "must be a whole path"),
        ({"suites": ["../../x"]}, "suites can't be"),
        ({"prompts": "penny <lora:other:1>"}, "The LoRA other of a prompt is not in"),
        ({"prompts": "penny <lora:../other/runs/other/other:1>"}, "A LoRA in a prompt can't be"),
        ({"prompts": "penny <LYCO:/etc/other:1>"}, "A LoRA in a prompt can't be"),
        ({"suites": ["first_look"], "subject": "<lora:../x:1>"}, "A LoRA in a prompt can't be"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    client: Any, bench: Workbench, run: JobReader, options: dict[str, Any], words: str
) -> None:
    given = {**FEW, "run": run.id, **options}
    assert words in post(client, "test/plan", 404 if "has no file" in words or "no job" in words else 400, options=given)
    before = len(bench.jobs.refresh())
    assert words in post(
        client, "jobs", 404 if "has no file" in words or "no job" in words else 400, kind="grid", options=given
    )
    assert len(bench.jobs.refresh()) == before


def test_without_a_first_tag_a_list_asks_for_its_subject(client: Any, bench: Workbench, run: JobReader) -> None:
    post(client, "project", changes={"tag": {"first": []}})
    given = {**FEW, "run": run.id, "prompts": "", "suites": ["first_look"]}
    assert "write the activation tag into Subject" in post(client, "test/plan", 400, options=given)
    assert post(client, "test/plan", options={**given, "subject": "penny, red hat"})["count"] > 0
    assert post(client, "test/plan", options={**given, "suites": ["without_subject"]})["count"] > 0


def test_a_grid_is_shown_while_it_is_drawn(client: Any, bench: Workbench, run: JobReader) -> None:
    assert client.get(f"{API}/test/grid", params={"run": run.id}).json() == {}
    made = post(client, "jobs", kind="grid", project="penny", options={**FEW, "run": run.id})
    assert made["title"] == "penny" and made["kind"] == "grid"
    draw(bench.jobs.get(made["id"]).job["options"], but=1)
    told = client.get(f"{API}/test/grid", params={"run": run.id}).json()
    assert [one["columns"][0] for one in told["grids"]] == ["base, without LoRA"] * len(told["grids"])
    cell = told["cells"][CELL]
    assert cell["drawn"] and cell["choosable"] and cell["base"] == "base/p1" and cell["numbers"] == {"drift": 0.03}
    assert told["small"] and "smile, smile <lora:penny-000001:te=0.5:unet=0.5>" in told["plot"]
    assert sum(not one["drawn"] for one in told["cells"].values()) == 1
    shown = str(told)
    assert str(bench.host.data) not in shown.replace(str(told["plot"]), "")
    picture = client.get(f"{API}/test/cell", params={"run": run.id, "file": cell["file"]})
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    missing = next(one for one in told["cells"].values() if not one["drawn"])
    assert client.get(f"{API}/test/cell", params={"run": run.id, "file": missing["file"]}).status_code == 404


def test_a_chosen_cell_says_the_next_run(client: Any, run: JobReader, grid: list[str]) -> None:
    told = post(client, "test/choose", run=run.id, cell=CELL)
    assert CELL in grid
    assert told["changes"] == [
        {"name": "unet_lr", "before": 1e-4, "after": 5e-5},
        {"name": "text_encoder_lr", "before": 5e-5, "after": 2.5e-5},
        {"name": "max_train_epochs", "before": 3, "after": 2},
    ]
    assert told["settings"]["unet_lr"] == 5e-5 and told["settings"]["max_train_epochs"] == 2
    assert not {"output_dir", "train_data_dir", "pretrained_model_name_or_path", "resume"} & set(told["settings"])
    assert told["base_model"].endswith("base.safetensors") and told["dataset"].endswith("penny")
    assert told["keep"] == "penny-000002" and told["others"] == ["penny-000001.safetensors", "penny.safetensors"]
    moods = [(one["mood"], one["text"].split(":")[0]) for one in told["verdict"]]
    assert ("warning", "the UNet had to be lowered to 0.5") in moods and ("warning", "e2 is better than e3") in moods
    assert told["order"][0].startswith("learning rates") and len(told["order"]) == 4
    good = post(client, "test/choose", run=run.id, cell="e3/te1.0/unet1.0/p1")
    assert (
        [one["mood"] for one in good["verdict"]] == ["good", "good", "note"] and good["changes"] == [] and good["order"] == []
    )
    assert "no snapshot to keep" in post(client, "test/choose", 400, run=run.id, cell="base/p1")
    assert "has no cell" in post(client, "test/choose", 409, run=run.id, cell="e9/te1.0/unet1.0")
    saved = post(client, "project", changes={"settings": told["settings"]})
    assert saved["settings"]["text_encoder_lr"] == 2.5e-5


def test_a_chosen_cell_speaks_the_pages_language(client: Any, run: JobReader, grid: list[str]) -> None:
    client.post(f"{API}/options", json={"language": "zh_CN"})
    told = post(client, "test/choose", run=run.id, cell=CELL)
    for text in [*(one["text"] for one in told["verdict"]), *told["order"]]:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text), text
        assert "overfit" not in text and "learning" not in text


def test_only_the_runs_own_other_snapshots_are_deleted(client: Any, run: JobReader, grid: list[str]) -> None:
    first, second, last = run.written[0], run.written[1], run.written[2]
    folder = first.parent
    stranger = make_lora(folder / "penny-000007.safetensors", 7)  # of another run, under this one's name
    (folder / "penny-000001-state").mkdir()
    for names in (["penny-000007.safetensors"], ["penny-000002.safetensors"], ["../../x"], [str(stranger)]):
        assert "nothing was deleted" in post(client, "test/keep", 409, run=run.id, cell=CELL, others=[first.name, *names])
    post(client, "test/keep", 400, run=run.id, cell=CELL, others=[])
    assert first.is_file() and last.is_file()
    lock = JobLock(folder / ".penny.running")
    assert lock.acquire()
    assert "still going on" in post(client, "test/keep", 409, run=run.id, cell=CELL, others=[first.name])
    lock.release(remove=True)
    told = post(client, "test/keep", run=run.id, cell=CELL, others=[first.name, last.name])
    assert told == {"deleted": ["penny-000001.safetensors", "penny.safetensors"]}
    assert {path.name for path in folder.iterdir()} == {second.name, stranger.name, "penny-000001-state"}


def test_a_lora_that_was_trained_anew_is_neither_chosen_nor_are_others_deleted(
    client: Any, run: JobReader, grid: list[str]
) -> None:
    make_lora(run.written[1], 9)
    assert "has changed since" in post(client, "test/choose", 400, run=run.id, cell=CELL)
    post(client, "test/keep", 400, run=run.id, cell=CELL, others=[run.written[0].name])
    assert run.written[0].is_file()


def test_a_file_of_another_run_has_no_snapshots_to_delete(client: Any, bench: Workbench, run: JobReader) -> None:
    other = make_run(bench, name="other")
    options = {**FEW, "run": run.id, "loras": [str(other.written[-1])]}
    made = post(client, "jobs", kind="grid", project="penny", options=options)
    ids = draw(bench.jobs.get(made["id"]).job["options"])
    cell = next(one for one in ids if one.startswith("other/"))
    told = post(client, "test/choose", run=run.id, cell=cell)
    assert told["keep"] == "other" and told["others"] == []
    post(client, "test/keep", 409, run=run.id, cell=cell, others=[other.written[0].name])
    assert other.written[0].is_file()


def test_block_weights_and_further_loras(client: Any, bench: Workbench, run: JobReader) -> None:
    loras = bench.host.data / "Lora"
    make_lora(loras / "style.safetensors", 5)
    bench.host.loras = loras  # type: ignore[attr-defined]
    options = {**FEW, "run": run.id, "strength": [1.0], "prompts": "penny", "snapshots": ["penny.safetensors"]}
    assert post(client, "test/plan", options={**options, "lbw": ["ALL", "OUTX"], "x": [0.3, 0.5]})["count"] == 5
    made = post(client, "jobs", kind="grid", options={**options, "together": ["<lora:style:0.8>"], "lbw": ["ALL", "OUTD"]})
    ids = draw(bench.jobs.get(made["id"]).job["options"])
    assert len(ids) == 2 * (1 + 2)
    cells = client.get(f"{API}/test/grid", params={"run": run.id}).json()["cells"]
    assert len({one["base"] for one in cells.values() if one["base"]}) == 2
    told = post(client, "test/choose", run=run.id, cell=next(one for one in ids if "OUTD" in one))
    assert told["changes"] == [{"name": "network_args", "before": None, "after": ["block_weights=OUTD"]}]
    post(client, "project", changes={"settings": told["settings"]})
    post(client, "test/plan", 400, options={**options, "lbw": ["../../x"]})
    assert "A LoRA in a prompt" in post(client, "test/plan", 400, options={**options, "together": ["<lora:../../x:1>"]})


def test_samplers_steps_and_clip_skip_are_compared(client: Any, bench: Workbench, run: JobReader) -> None:
    one = {**FEW, "run": run.id, "strength": [1.0], "prompts": "penny", "snapshots": ["penny.safetensors"]}
    several = {**one, "more_samplers": ["DDIM", "Euler a"], "more_steps": [30], "clip_skip": [1, 2], "rows": "sampler"}
    assert post(client, "test/plan", options=one)["count"] == 2
    assert post(client, "test/plan", options=several)["count"] == 2 * 2 * 2 * 2
    made = post(client, "jobs", kind="grid", options={**several, "columns": "steps"})
    draw(bench.jobs.get(made["id"]).job["options"])
    grids = client.get(f"{API}/test/grid", params={"run": run.id}).json()["grids"]
    assert all((grid["rows"], grid["columns"]) == (["Euler a", "DDIM"], ["20 steps", "30 steps"]) for grid in grids)
    made = post(client, "jobs", kind="grid", options={**one, "clip_skip": [2]})
    found = find_grid(find_given(read_options(bench.jobs.get(made["id"]).job["options"])))
    assert {cell.request.clip_skip for cell in found.cells} == {2}


def test_lists_of_prompts_are_the_projects(client: Any, bench: Workbench, run: JobReader) -> None:
    names = {one["name"]: one for one in client.get(f"{API}/test/suites").json()["suites"]}
    assert names["first_look"]["count"] == 5 and names["first_look"]["shipped"] and not names["first_look"]["own"]
    kept = post(client, "test/suites", name="red hats", text="SUBJECT, red hat\nSUBJECT, top hat --n red\n")["suites"]
    own = next(one for one in kept if one["name"] == "red_hats")
    assert own["own"] and not own["shipped"] and own["count"] == 2
    assert (bench.projects.path("penny") / "suites" / "red_hats.txt").is_file()
    assert post(client, "test/plan", options={**FEW, "run": run.id, "prompts": "", "suites": ["red_hats"]})["count"] == 14
    changed = post(client, "test/suites", name="first_look", text="SUBJECT\n")["suites"]
    assert next(one for one in changed if one["name"] == "first_look")["count"] == 1
    back = post(client, "test/suites/remove", name="first_look")["suites"]
    assert next(one for one in back if one["name"] == "first_look")["count"] == 5
    post(client, "test/suites/remove", 400, name="other_clothes")
    for name in ("../x", "", "nul", 5):
        post(client, "test/suites", 400, name=name, text="SUBJECT")
    assert "A LoRA in a prompt" in post(client, "test/suites", 400, name="bad", text="SUBJECT <lora:a/../../b:1>\n")


def test_whose_fault(
    client: Any, bench: Workbench, run: JobReader, grid: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = bench.host.data / "sets" / "penny"
    likes = [
        {"path": str(dataset / "a.png"), "likeness": 0.9, "caption": "penny, boots"},
        {"path": str(tmp_path / "elsewhere.png"), "likeness": 0.8, "caption": ""},
    ]
    stuck = {"tag": "boots", "score": 0.8, "captions": 30, "seen": 40, "of": 42, "in_base": False}
    shown = [{**stuck, "pictures": [str(dataset / "a.png")]}]
    answers = Answers({"whose_fault": {"pictures": likes, "likeness_among": 0.7, "tags": shown}})
    bench.tagger = answers  # type: ignore[assignment]
    monkeypatch.setattr(bench.host, "taggers", list)
    assert "There is no tagger yet" in post(client, "test/fault", 409, run=run.id, cell=CELL)
    model = bench.host.data / "taggers" / "wd"
    model.mkdir(parents=True)
    post(client, "project", changes={"tag": {"model": str(model)}})
    told = post(client, "test/fault", run=run.id, cell=CELL)
    assert [one["name"] for one in told["pictures"]] == ["a.png"] and told["tags"] == [{**stuck, "names": ["a.png"]}]
    assert answers.asked[-1]["cell"] == CELL and answers.asked[-1]["tagger"] == str(model)


def test_the_prior_check_draws_the_tag_alone(client: Any, bench: Workbench, run: JobReader) -> None:
    settings = {"pretrained_model_name_or_path": run.job["settings"]["pretrained_model_name_or_path"], "resolution": "64"}
    made = post(client, "jobs", kind="prior", project="penny", settings=settings, options={"prior_count": 2})
    job = read_json(bench.jobs.get(made["id"]).folder / "job.json")
    assert job["options"]["activation"] == "penny" and job["options"]["count"] == 2 and made["title"] == "penny"
    assert client.get(f"{API}/test/prior").json()["pictures"] == []  # it waits
    folder = Path(job["options"]["out"])
    assert folder.is_relative_to(bench.projects.path("penny") / "prior")
    folder.mkdir(parents=True)
    (folder / "0001.png").write_bytes(b"picture")
    (folder / "sheet.png").write_bytes(b"sheet")
    bench.jobs.change(bench.jobs.get(made["id"]), started=1.0)
    told = client.get(f"{API}/test/prior").json()
    assert told["words"] == "penny" and [one["name"] for one in told["pictures"]] == ["0001.png"]
    (one,) = told["pictures"]
    assert client.get(f"{API}/test/prior/picture", params={"set": one["set"], "name": "0001.png"}).content == b"picture"
    other = post(client, "jobs", kind="prior", project="penny", settings=settings, options={"prior_prompt": "wolly"})
    assert read_json(bench.jobs.get(other["id"]).folder / "job.json")["options"]["out"] != str(folder)
    post(client, "project", changes={"tag": {"first": []}})
    assert "no activation tag yet" in post(client, "jobs", 400, kind="prior", settings=settings, options={})


def test_a_drawing_can_be_asked_for_again(client: Any, bench: Workbench, run: JobReader) -> None:
    made = post(client, "jobs", kind="grid", project="penny", options={**FEW, "run": run.id})
    bench.jobs.stop(bench.jobs.get(made["id"]))
    again = post(client, f"jobs/{made['id']}/again")
    first, second = (read_json(bench.jobs.get(one["id"]).folder / "job.json") for one in (made, again))
    assert again["kind"] == "grid" and first["options"] == second["options"]
