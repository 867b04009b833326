"""Hostile requests, through the real routes: nothing outside the data folder changes, nothing runs, nothing leaks."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost

SECRET = "the cat's real name"
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.fork")
_started: list[str] = []
_watching = [False]


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if _watching[0] and event.startswith(_STARTS):
        _started.append(event)


@pytest.fixture(scope="module", autouse=True)
def audited() -> None:
    """Python's own word on every process that is started; such a hook can't be taken away again, only silenced."""
    sys.addaudithook(_audit)


class Silent:
    """A helper that answers nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def ask(self, what: str, **values: Any) -> Any:
        self.asked.append({"what": what, **values})
        return {"tags": [], "path": "/nowhere", "problems": []}

    def end(self) -> None:
        return None


@pytest.fixture
def scene(client: Any, bench: Workbench, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A webui that others can reach, with a data folder, links out of it, and secrets beside it."""
    data, webui, outside = bench.host.data, tmp_path / "webui", tmp_path / "outside"
    dataset = data / "sets" / "penny"
    for folder in (dataset, webui / "scripts", webui / "extensions" / "a", outside):
        folder.mkdir(parents=True)
    for place in (outside / "secret.txt", outside / "secret.png", webui / "scripts" / "evil.png", dataset / "a.png"):
        place.write_text(SECRET, encoding="utf-8")
    (dataset / "a.txt").write_text("<script>alert(1)</script>", encoding="utf-8")
    (data / "link").symlink_to(outside)
    (dataset / "link.png").symlink_to(outside / "secret.png")
    (dataset / "b.png").write_bytes(b"")
    (dataset / "b.txt").symlink_to(outside / "secret.txt")
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(webui, data, DEMO_MODELS), writable=(data,))
    bench.plans, bench.thumbs, bench.tagger = Silent(), Silent(), Silent()  # type: ignore[assignment]
    bench.projects.create("penny")
    client.post(f"{API}/project", json={"changes": {"dataset": str(dataset)}})
    (data / "projects" / "penny" / "reg").mkdir()
    (data / "projects" / "penny" / "reg" / "link").symlink_to(outside)
    yield {"data": str(data), "webui": str(webui), "outside": str(outside), "dataset": str(dataset), "tmp": str(tmp_path)}


def fingerprint(root: Path, without: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in root.rglob("*")
        if not path.is_relative_to(without)
    }


def project(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "project", {"changes": changes}


def train(**settings: Any) -> tuple[str, dict[str, Any]]:
    return "jobs", {"kind": "train", "settings": settings}


def tag(folder: str = "{dataset}", **options: Any) -> tuple[str, dict[str, Any]]:
    return "jobs", {"kind": "tag", "folder": folder, "options": {"model": str(DEMO_MODELS / "toy_tagger"), **options}}


def reg(path: str = "jobs", settings: dict[str, Any] | None = None, **options: Any) -> tuple[str, dict[str, Any]]:
    kind = {"kind": "reg"} if path == "jobs" else {}
    return path, {**kind, "settings": settings or {}, "options": {"class_word": "1girl", **options}}


POSTS: list[tuple[str, dict[str, Any]]] = [
    # paths: absolute, climbing, through links, other systems' ways to write them
    *(project(dataset=path) for path in ("/", "/etc", "{outside}", "{data}/../outside", "{data}/link",
    "{data}/link/../../outside", "~")),
    *(project(dataset=path) for path in ("\\\\host\\share", "C:\\Windows", "//host/share", "file:///etc", "{dataset}\0/x",
    "relative")),
    project(base_model="{outside}/secret.txt"),
    project(base_model="{data}/link/secret.txt"),
    project(tag={"model": "{outside}"}),
    project(settings={"vae": "/etc/passwd"}),
    *(
        train(**{name: "{outside}/x"})
        for name in (
            "pretrained_model_name_or_path", "train_data_dir", "reg_data_dir", "output_dir", "network_weights", "resume",
            "sample_prompts",
            "logging_dir", "vae", "dataset_config", "metadata_thumbnail",
        )
    ),
    train(output_dir="{webui}/scripts"),
    train(output_dir="{webui}/extensions/a/scripts"),
    train(output_dir="{webui}/outputs"),
    train(output_dir="{data}/link"),
    train(resume="{data}/link"),
    train(dataset_config="{data}/mine.toml"),
    tag("{outside}"),
    tag("{data}/link"),
    tag("{webui}", recursive=True),
    project(dataset="{webui}"),
    tag("{webui}/scripts", caption_extension=".py"),
    tag("{webui}/scripts"),
    tag(model="{outside}"),
    tag(model="wd-vit-tagger-v3"),
    tag(model="SmilingWolf/wd-vit-tagger-v3"),
    tag(model="../wd-vit-tagger-v3"),
    project(tag={"model": "wd-vit-tagger-v3"}),
    tag(caption_extension="/../../x.txt"),
    # regularization pictures: no folder of the request's own, and no flag of the command
    project(reg={"folder": "{outside}"}),
    project(reg={"folder": "{data}/link"}),
    project(reg={"folder": "{data}/../outside"}),
    project(settings={"reg_data_dir": "{data}/link"}),
    project(settings={"reg_data_dir": "{data}/projects/penny/reg/matched/../../../../../outside"}),
    project(reg={"out": "{outside}"}),
    project(reg={"way": "../../outside"}),
    project(reg={"class_word": "x" * 10_000}),
    *(reg(path, **{name: "{outside}"}) for path in ("jobs", "reg/plan") for name in ("out", "folder", "kind", "--out", "json")),
    *(
        reg(path, {name: "{outside}/x"})
        for path in ("jobs", "reg/plan")
        for name in ("pretrained_model_name_or_path", "train_data_dir", "reg_data_dir", "vae", "output_dir")
    ),
    *(reg(path, {"dataset_config": "{data}/mine.toml"}) for path in ("jobs", "reg/plan")),
    *(reg(path, class_word="1girl\n--out={outside}") for path in ("jobs", "reg/plan")),
    reg(sampler="os.system"),
    reg(count=10**9),
    reg(steps=10**400),
    reg(redo="touch {outside}/pwned"),
    ("jobs", {"kind": "reg", "settings": {}, "options": {"class_word": "x"}, "project": "../../outside"}),
    ("reg/plan", {"settings": {}, "options": [], "folder": "{outside}"}),
    # flags and code smuggled through names and arguments
    *(train(**{name: "x"}) for name in ("--output_dir", "output_dir ", "output-dir", "__class__", "job_dir", "data_dir",
    "config_file")),
    train(output_name="../../../outside/x"),
    train(output_name="--overwrite\0"),
    train(output_name="con"),
    train(log_prefix="../../outside/"),
    train(caption_extension="/../../../outside/secret.txt"),
    train(optimizer_args=["betas=__import__('os').system('touch {outside}/pwned')"]),
    train(optimizer_args=["--output_dir={outside}"]),
    train(network_args=["conv_dim=exec('import os')"]),
    train(lr_scheduler_args=["x=open('{outside}/pwned','w')"]),
    train(optimizer_type="os.system"),
    train(network_module="os"),
    train(network_dim={"__class__": "x"}),
    # huge and wrong fields
    train(training_comment="x" * 100_000),
    train(optimizer_args=["x=1"] * 10_000),
    train(seed=10**400),
    project(notes="x" * 1_000_000),
    project(tag={"first": ["x"] * 10_000}),
    project(settings={"output_config": True}),
    tag(first=["x" * 10_000]),
    tag(hook="touch {outside}/pwned"),
    # programs and names
    ("options", {"when_done": "command", "command": "touch {outside}/pwned"}),
    ("options", {"when_done": "shutdown"}),
    ("options", {"models_folder": "{outside}"}),
    ("setup", {}),
    ("setup", {"python": "{outside}/secret.txt"}),
    ("jobs", {"kind": "../../x", "settings": {}}),
    ("jobs", {"kind": "train", "settings": {}, "project": "../../outside"}),
    ("jobs", {"kind": "train", "settings": {}, "publish": {"folder": "{outside}"}}),
    ("projects", {"name": "../../outside/x"}),
    ("projects", {"name": "<script>alert(1)</script>"}),
    ("projects/open", {"name": "{outside}"}),
    ("undo", {"folder": "{outside}"}),
    ("tags/preview", {"folder": "{outside}", "name": "secret.png", "model": str(DEMO_MODELS / "toy_tagger")}),
    ("tags/preview", {"folder": "{dataset}", "name": "../../../outside/secret.png", "model": str(DEMO_MODELS / "toy_tagger")}),
    ("tags/preview", {"folder": "{dataset}", "name": "link.png", "model": str(DEMO_MODELS / "toy_tagger")}),
    ("tags/preview", {"folder": "{dataset}", "name": "a.png", "model": "{outside}"}),
    ("export", {"settings": {"output_dir": "{outside}"}, "as": "bash"}),
    ("plan", {"settings": {"train_data_dir": "{outside}"}}),
    # test grids
    project(test={"loras": ["{outside}/secret.txt"]}),
    project(test={"checkpoints": ["{data}/link/secret.txt"]}),
    project(test={"tagger": "{outside}"}),
    project(test={"hook": "touch {outside}/pwned"}),
    project(test={"suites": ["../../../outside/secret"]}),
    project(test={"prompts": "x" * 100_000}),
    *(
        (path, {**kind, "options": {"prompts": "penny", "suites": [], **options}})
        for path, kind in (("jobs", {"kind": "grid"}), ("test/plan", {}))
        for options in (
            {"loras": ["{outside}/secret.txt"]}, {"loras": ["{data}/link/secret.txt"]}, {"run": "../../outside"},
            {"run": "20260102-030405-train"}, {"snapshots": ["../secret.txt"]}, {"checkpoints": ["/etc/passwd"]},
            {"loras": ["{dataset}/a.png"], "prompts": "<lora:../../../outside/secret:1>"},
            {"loras": ["{dataset}/a.png"], "prompts": "<lora:{outside}/secret:1>"},
            {"loras": ["{dataset}/a.png"], "suites": ["../../../outside/secret"]},
            {"loras": ["{dataset}/a.png"], "seeds": [10**400]}, {"--out": "{outside}"}, {"out": "{outside}"},
        )
    ),
    ("jobs", {"kind": "prior", "settings": {"pretrained_model_name_or_path": "{outside}/secret.txt"},
              "options": {"prior_prompt": "penny"}}),
    ("jobs", {"kind": "prior", "settings": {}, "options": {"prior_prompt": "penny", "out": "{outside}"}}),
    *((f"test/{what}", {"run": run, "cell": "e1/te1.0/unet1.0"})
      for what in ("choose", "fault") for run in ("../../outside", "20260102-030405-train", ["x"])),
    ("test/keep", {"run": "../../outside", "cell": "x", "others": ["../../outside/secret.txt"]}),
    ("test/suites", {"name": "../../../outside/secret", "text": "pwned"}),
    ("test/suites", {"name": "x", "text": "<lora:../../../outside/secret:1>"}),
    ("test/suites", {"name": "x", "text": "x" * 1_000_000}),
    ("test/suites/remove", {"name": "../../../outside/secret"}),
    # block weights
    project(blocks={"lora": "{outside}/secret.txt"}),
    project(blocks={"lora": "{data}/link/secret.txt"}),
    project(blocks={"values": ["__import__('os')"] * 17}),
    project(blocks={"values": ["1"] * 100_000}),
    project(blocks={"x": 10**400}),
    *(
        ("blocks/look", {"lora": path})
        for path in ("{outside}/secret.txt", "{data}/link/secret.txt", "{dataset}/a.png", "/etc/passwd", "{dataset}/a\0", ["x"])
    ),
    *(
        ("jobs", {"kind": "tool", "options": {"tool": "bake", "of": {"path": path, "block_weights": "OUTD"}, "name": name}})
        for path, name in (
            ("{dataset}/a.png", "../../../outside/x"), ("{dataset}/a.png", "{outside}/x"), ("{outside}/secret.txt", "x"),
            ("{data}/link/secret.txt", "x"), (["x"], "x"), ("/etc/passwd", "con"),
        )
    ),
    ("jobs", {"kind": "tool", "options": {"tool": "__class__", "of": {}, "name": "x"}}),
    ("jobs", {"kind": "tool", "options": {"tool": "extract", "of": {"original": "/etc", "tuned": "/etc/passwd", "dim": 4}}}),
    ("jobs", {"kind": "tool", "options": {"tool": "cut", "of": {"path": "x", "rank": 10**400}, "out": "{outside}/x"}}),
    ("jobs", {"kind": "tool", "options": {"tool": "merge", "of": {"loras": [{}] * 10_000}, "name": "x"}}),
    ("tools/inspect", {"lora": "{outside}/secret.txt"}),
    ("tools/inspect", {"lora": "{data}/link/secret.txt"}),
    ("tools/metadata", {"lora": "{dataset}/a.png", "set": {"a": "b"}, "name": "../../../outside/x"}),
    ("tools/metadata", {"lora": "{outside}/secret.txt", "private": True, "name": "x"}),
    ("blocks/preset", {"do": "set", "name": "../../outside/x", "values": ["1"] * 17, "path": "{outside}/x"}),
    *(
        ("blocks/preset", {"do": "set", "name": name, "values": ["1"] * 17})
        for name in ("a\nb:1", "a\rb:1", "a\0", "#a", "x" * 1000, {})
    ),
    ("blocks/preset", {"do": "__class__", "name": "x"}),
    ("blocks/preset", {"do": ["set"], "name": "x", "values": ["1"] * 17}),
    ("blocks/word", {"name": "a>b", "values": ["1"] * 17}),
    ("blocks/word", {"name": "a", "values": ["1"] * 17, "te": 10**400}),
    ("blocks/repair", {"prompt": "x" * 1_000_000}),
    # importing: no path of the request's own, nothing that is no text, nothing huge
    *(("import", {"text": "--seed=1", word: "{outside}/secret.txt"}) for word in ("path", "file", "out", "--out")),
    *(("import", {"text": text}) for text in ("", " \n", 5, None, ["--seed=1"], {"a": 1}, "x" * 600_000)),
    ("import", {"text": "--seed=1", "name": "x" * 10_000}),
    ("import", {"text": "--seed=1", "name": ["../../outside"]}),
    *((f"jobs/{name}/kill", {}) for name in ("1", "..%2f..%2foutside", "%2e%2e", "20260102-030405-train")),
]  # fmt: skip

GETS: list[tuple[str, dict[str, str]]] = [
    *(("folders", {"path": path}) for path in ("/etc", "{data}/..", "{outside}", "{data}/link", "{data}\0")),
    *(("pictures", {"folder": path}) for path in ("{outside}", "{data}/link", "{webui}/scripts", "{dataset}/..", "{data}")),
    *(
        ("thumb", {"folder": "{dataset}", "name": name})
        for name in ("../../../outside/secret.png", "/etc/passwd", "link.png", "a.txt", "..\\..\\secret.png", "nul.png",
        "a.png\0", "")
    ),
    ("thumb", {"folder": "{outside}", "name": "secret.png"}),
    *(("pictures", {"folder": "{data}/projects/" + path}) for path in ("penny", "penny/reg/../../..", "penny/reg/link")),
    ("thumb", {"folder": "{data}/projects/penny/reg/link", "name": "secret.png"}),
    ("thumb", {"folder": "{data}/projects/penny/reg", "name": "link/secret.png"}),
    ("changes", {"folder": "{data}/projects/penny/reg"}),
    ("changes", {"folder": "{outside}"}),
    *(("download/dataset", {"folder": folder}) for folder in ("{outside}", "{data}/link", "{data}/..", "{data}", "/")),
    *(("download/lora", {"path": path}) for path in ("{outside}/secret.txt", "{data}/link/secret.txt", "/etc/passwd", "")),
    ("download/run/20260102-030405-train/file", {"name": "../../../outside/secret.txt"}),
    ("download/run/..%2f..%2foutside", {}),
    ("download/grid", {"run": "../../outside"}),
    ("strings", {"language": "../../../tests/mutations/mutations"}),
    ("jobs/..%2f..%2foutside", {}),
    ("jobs/%2e%2e%2f%2e%2e%2foutside/log", {}),
    ("jobs/20260102-030405-train/sample", {"name": "../../../outside/secret.png"}),
    *(("test/grid", {"run": run}) for run in ("../../outside", "20260102-030405-train", "%2e%2e")),
    *(("test/cell", {"file": name}) for name in ("../../../../outside/secret.png", "secret.png", "0" * 20 + ".png", "")),
    ("test/prior/picture", {"set": "../../../../outside", "name": "0001.png"}),
    ("test/prior/picture", {"set": "0" * 12, "name": "../../../../../outside/secret.png"}),
]  # fmt: skip


def filled(value: Any, scene: dict[str, str]) -> Any:
    """The case with the scene's paths put in."""
    if isinstance(value, str):
        for name, path in scene.items():
            value = value.replace("{" + name + "}", path)
        return value
    if isinstance(value, dict):
        return {name: filled(one, scene) for name, one in value.items()}
    return [filled(one, scene) for one in value] if isinstance(value, list) else value


@pytest.fixture
def untouched(scene: dict[str, str], bench: Workbench) -> Iterator[None]:
    """Whatever the test does: outside the data folder all is as before, no process was started, no job waits."""
    root, data = Path(scene["tmp"]), bench.host.data
    before = fingerprint(root, data)
    links = {str(path): path.readlink() for path in data.rglob("*") if path.is_symlink()}
    _started.clear()
    _watching[0] = True
    try:
        yield
    finally:
        _watching[0] = False
    assert fingerprint(root, data) == before
    assert {str(path): path.readlink() for path in data.rglob("*") if path.is_symlink()} == links
    assert _started == []
    assert bench.jobs.refresh() == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("path", "body"), POSTS, ids=[f"{number}-{case[0][:12]}" for number, case in enumerate(POSTS)])
def test_posts(client: Any, bench: Workbench, scene: dict[str, str], path: str, body: dict[str, Any]) -> None:
    reply = client.post(f"{API}/{path}", json=filled(body, scene))
    assert reply.status_code in (400, 403, 404, 405, 409, 413), reply.text
    told = reply.json()["error"] if reply.headers["content-type"] == "application/json" else reply.text
    assert SECRET not in told and "Traceback" not in told and len(told) < 2000
    for helper in (bench.plans, bench.thumbs, bench.tagger):
        assert helper.asked == []  # type: ignore[attr-defined]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("path", "query"), GETS, ids=[f"{number}-{case[0][:12]}" for number, case in enumerate(GETS)])
def test_gets(client: Any, bench: Workbench, scene: dict[str, str], path: str, query: dict[str, str]) -> None:
    reply = client.get(f"{API}/{path}", params=filled(query, scene))
    assert reply.status_code in (400, 403, 404), reply.text
    assert SECRET not in reply.text
    assert bench.thumbs.asked == []  # type: ignore[attr-defined]


def test_there_are_sixty() -> None:
    assert len(POSTS) + len(GETS) >= 60


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "headers",
    [{"X-LoRA-Workbench": ""}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}],
    ids=["no-header", "origin", "null-origin", "rebound-name"],
)
@pytest.mark.parametrize("path", ["projects", "project", "jobs", "options", "setup", "doctor", "undo", "reg/plan"])
def test_other_sites_pages(client: Any, path: str, headers: dict[str, str]) -> None:
    assert client.post(f"{API}/{path}", json={}, headers=headers).status_code == 403


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_form_of_another_site(client: Any, kind: str) -> None:
    """What a page can send without asking the server first: a form, without our header."""
    body = json.dumps({"kind": "train", "settings": {}})
    reply = client.post(
        f"{API}/jobs", content=body, headers={"Content-Type": kind, "X-LoRA-Workbench": "", "Origin": "http://x.example"}
    )
    assert reply.status_code == 403


@pytest.mark.usefixtures("untouched")
def test_captions_and_names_are_data_and_never_a_page(client: Any, scene: dict[str, str]) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    (Path(scene["dataset"]) / name).write_bytes(b"")
    reply = client.get(f"{API}/pictures", params={"folder": scene["dataset"]})
    pictures = {one["name"]: one["caption"] for one in reply.json()["pictures"]}
    assert pictures["a.png"] == "<script>alert(1)</script>" and name in pictures
    assert pictures["b.png"] == "", "a caption that is a link to somewhere else is not read for others"
    assert reply.headers["content-type"] == "application/json" and reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("untouched")
def test_the_folder_picker_shows_no_links(client: Any, scene: dict[str, str]) -> None:
    found = client.get(f"{API}/folders", params={"path": scene["data"]}).json()["folders"]
    assert "sets" in [one["name"] for one in found] and "link" not in [one["name"] for one in found]


@pytest.mark.usefixtures("untouched")
def test_hidden_folders_stay_hidden(client: Any, bench: Workbench, scene: dict[str, str]) -> None:
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(hide_folders=True)
    assert client.get(f"{API}/folders").status_code == 403
    assert client.post(f"{API}/project", json={"changes": {"dataset": scene["outside"]}}).status_code == 403
    for path, body in (
        tag(scene["outside"]),
        *(train(**{name: scene["outside"]}) for name in ("output_dir", "train_data_dir", "logging_dir", "reg_data_dir")),
        *(reg(path, {"train_data_dir": scene["outside"]}) for path in ("jobs", "reg/plan")),
        project(reg={"folder": scene["outside"]}),
        project(settings={"reg_data_dir": scene["outside"]}),
    ):
        assert client.post(f"{API}/{path}", json=body).status_code == 403
    assert client.get(f"{API}/state").json()["host"]["data"] is None


@pytest.mark.usefixtures("untouched")
def test_a_remote_user_may_not_have_an_old_jobs_paths_either(client: Any, bench: Workbench, scene: dict[str, str]) -> None:
    """A job that was made on the machine itself can't be done again from elsewhere with its paths."""
    job = bench.jobs.add("train", "x", None, {"settings": {"train_data_dir": scene["outside"]}})
    bench.jobs.stop(job)
    assert client.post(f"{API}/jobs/{job.id}/again", json={}).status_code == 403
    bench.jobs.remove(bench.jobs.get(job.id))


@pytest.mark.usefixtures("untouched")
def test_an_old_sets_paths_are_not_drawn_from_again_either(client: Any, bench: Workbench, scene: dict[str, str]) -> None:
    """What is drawn again is asked anew: neither the old job's paths nor its words for the trainer are taken over."""
    content = {
        "settings": {"vae": scene["outside"] + "/x"},
        "options": {"out": scene["outside"]},
        "asked": {"class_word": "1girl"},
    }
    job = bench.jobs.add("reg", "x", "penny", content)
    bench.jobs.stop(job)
    assert client.post(f"{API}/jobs/{job.id}/again", json={}).status_code == 403
    bench.jobs.remove(bench.jobs.get(job.id))


@pytest.mark.usefixtures("untouched")
def test_a_samples_path_must_be_the_jobs_own(client: Any, bench: Workbench, scene: dict[str, str]) -> None:
    from lora_workbench.trainer_core.events import EventLog

    job = bench.jobs.add("train", "x", None, {"settings": {"output_dir": scene["data"] + "/out"}})
    log = EventLog(job.folder)
    log.write("sample", path=scene["outside"] + "/secret.png", epoch=1, step=1, prompt=0)
    log.write("done", path=None, steps=1)
    log.close()
    reply = client.get(f"{API}/jobs/{job.id}/sample", params={"name": "secret.png"})
    assert reply.status_code == 404 and SECRET not in reply.text
    bench.jobs.remove(bench.jobs.get(job.id))


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("inside", [False, True], ids=["output outside", "files outside the output"])
def test_snapshots_are_tested_and_deleted_only_where_a_run_of_ours_wrote_them(
    client: Any, bench: Workbench, scene: dict[str, str], inside: bool
) -> None:
    """Whatever a job's folder says: it may have been made on the machine itself, or been written by somebody else."""
    from lora_workbench.trainer_core.events import EventLog

    output = scene["data"] + "/out" if inside else scene["outside"]
    job = bench.jobs.add("train", "x", "penny", {"settings": {"output_dir": output, "output_name": "x"}})
    log = EventLog(job.folder)
    for name in ("secret.safetensors", "secret-000001.safetensors"):
        (Path(scene["data"]) / "out").mkdir(exist_ok=True)
        log.write("saved", path=f"{scene['outside']}/{name}", epoch=1, step=1, state=None)
    log.write("saved", path=scene["data"] + "/out/../../outside/secret.txt", epoch=1, step=1, state=None)
    log.write("done", path=scene["outside"] + "/secret.txt", steps=1)
    log.close()
    assert client.get(f"{API}/test/runs").json()["runs"] == []
    for path, body in (
        ("test/plan", {"options": {"run": job.id, "prompts": "x", "suites": []}}),
        ("test/choose", {"run": job.id, "cell": "x"}),
        ("test/keep", {"run": job.id, "cell": "x", "others": ["secret.txt", "secret.safetensors"]}),
        ("test/fault", {"run": job.id, "cell": "x"}),
    ):
        assert client.post(f"{API}/{path}", json=body).status_code in (403, 404, 409)
    assert client.get(f"{API}/test/cell", params={"run": job.id, "file": "0" * 20 + ".png"}).status_code in (403, 404, 409)
    assert bench.plans.asked == []  # type: ignore[attr-defined]
    bench.jobs.remove(bench.jobs.get(job.id))


@pytest.mark.usefixtures("untouched")
def test_a_link_among_the_cells_is_no_picture(client: Any, scene: dict[str, str], bench: Workbench) -> None:
    cells = bench.projects.path("penny") / "grids" / "others" / "cells"
    cells.mkdir(parents=True)
    (cells / ("0" * 20 + ".png")).symlink_to(Path(scene["outside"]) / "secret.png")
    reply = client.get(f"{API}/test/cell", params={"file": "0" * 20 + ".png"})
    assert reply.status_code == 403 and SECRET not in reply.text
    (cells / ("0" * 20 + ".png")).unlink()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "body", [{}, {"image": 5}, {"image": "eA==", "model": "/etc"}, {"image": "eA==", "model": "../toy_tagger"},
    {"image": "eA==", "model": None},
             {"image": "eA==", "model": "toy_tagger (demo)", "threshold": "1; rm"}, {"image": "eA==",
             "model": "toy_tagger (demo)", "queue": "q"}],
    ids=range(7),
)  # fmt: skip
def test_the_taggers_endpoint(client: Any, bench: Workbench, body: dict[str, Any]) -> None:
    assert client.post("/tagger/v1/interrogate", json=body).status_code in (400, 404)
    assert bench.tagger.asked == []  # type: ignore[attr-defined]
