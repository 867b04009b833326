"""The picture report's routes: what is asked of the helper and of a job, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API


class Asked:
    """A helper that notes what it is asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, dict[str, Any]]] = []

    def ask(self, what: str, **values: Any) -> Any:
        self.questions.append((what, values))
        return {"made": [], "gone": [], "left": [], "name": "a-crop.png", "new": True, "warnings": []}

    def end(self) -> None:
        return None


@pytest.fixture(autouse=True)
def dataset(bench: Workbench) -> Path:
    """An open project's, in the data folder."""
    folder = bench.host.data / "penny"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"not looked into here")
    bench.plans = Asked()  # type: ignore[assignment]
    bench.projects.create("penny")
    bench.projects.change({"dataset": str(folder), "settings": {"resolution": "768"}}, bench.rights)
    return folder


def post(client: Any, path: str, **body: Any) -> tuple[int, Any]:
    answer = client.post(f"{API}/{path}", json=body)
    return answer.status_code, answer.json()


def test_a_job_gets_the_projects_folder_and_resolution(client: Any, bench: Workbench) -> None:
    status, told = post(client, "jobs", kind="pictures", options={"deed": "cut_bars", "target": "clean"})
    assert status == 200
    job = json.loads((bench.jobs.folder / told["id"] / "job.json").read_text(encoding="utf-8"))
    dataset = Path(bench.projects.current()["dataset"])
    assert job["folder"] == str(dataset) and job["options"] == {
        "deed": "cut_bars",
        "target": str(dataset / "clean"),
        "faces": "",
    }
    assert job["settings"]["resolution"] == "768" and job["settings"]["caption_extension"] == ".txt"
    assert Path(job["out"]) == bench.projects.path("penny") / "pictures" / "report.json"


@pytest.mark.parametrize("options", [{"deed": "delete"}, {"target": "../elsewhere"}, {"target": "/tmp"}, {"out": "x"}, [1]])
def test_jobs_that_ask_for_anything_else_are_refused(client: Any, bench: Workbench, options: Any) -> None:
    status, told = post(client, "jobs", kind="pictures", options=options)
    assert status in (400, 403) and told["error"].endswith(".")


def test_a_cut_is_asked_of_the_helper(client: Any, bench: Workbench) -> None:
    status, _ = post(client, "picture_report/cut", name="a.png", box=[1, 2, 30, 40], tags=["close-up"], target="4_parts")
    assert status == 200
    what, values = bench.plans.questions[-1]  # type: ignore[attr-defined]
    assert what == "cut" and values["box"] == [1, 2, 30, 40] and values["tags"] == ["close-up"]
    assert values["target"].endswith("4_parts") and values["settings"]["resolution"] == "768"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "../b.png", "box": [0, 0, 9, 9]},
        {"name": "a.png", "box": [0, 0, 9]},
        {"name": "a.png", "box": [0, 0, -9, 9]},
        {"name": "a.png", "box": ["0", 0, 9, 9]},
        {"name": "a.png", "box": [0, 0, 9, 9], "tags": "close-up"},
        {"name": "a.png", "box": [0, 0, 9, 9], "tags": ["two\nlines"]},
        {"name": "a.png", "box": [0, 0, 9, 9], "target": "a/b"},
        {"name": "a.png", "box": [0, 0, 9, 9], "folder": "/etc"},
        {"name": "a.png", "box": [0, 0, 9, 9], "more": 1},
    ],
)
def test_wrong_cuts_are_refused_before_the_helper_is_asked(client: Any, bench: Workbench, body: dict[str, Any]) -> None:
    status, told = post(client, "picture_report/cut", **body)
    assert status in (400, 403) and told["error"].endswith(".")
    assert bench.plans.questions == []  # type: ignore[attr-defined]


def test_taking_back_takes_names_in_the_dataset_only(client: Any, bench: Workbench) -> None:
    assert post(client, "picture_report/back", names=["parts/a-crop.png"])[0] == 200
    for names in ([], ["../a.png"], "a.png", ["/etc/passwd"]):
        assert post(client, "picture_report/back", names=names)[0] in (400, 403)
    assert len(bench.plans.questions) == 1  # type: ignore[attr-defined]


def test_setting_aside_takes_names_in_the_dataset_only(client: Any, bench: Workbench) -> None:
    assert post(client, "picture_report/aside", names=["a.png"])[0] == 200
    assert post(client, "picture_report/aside", names=["a.png"], back=True)[0] == 200
    assert [what for what, _ in bench.plans.questions] == ["set_aside", "put_back"]  # type: ignore[attr-defined]
    for body in ({"names": []}, {"names": ["../a.png"]}, {"names": "a.png"}, {"names": ["a.png"], "back": "yes"}):
        assert post(client, "picture_report/aside", **body)[0] in (400, 403)
    assert len(bench.plans.questions) == 2  # type: ignore[attr-defined]


def test_whom_others_can_reach_writes_in_data_folders_only(client: Any, bench: Workbench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    dataset = Path(bench.projects.current()["dataset"])
    (dataset / "link.png").symlink_to(outside / "secret.png")
    data = bench.host.data
    bench.host.chosen_rights = Rights(restricted=True, readable=(data,), writable=(data,))  # type: ignore[attr-defined]
    assert post(client, "picture_report/cut", name="a.png", box=[0, 0, 16, 16], tags=[])[0] == 200
    assert post(client, "picture_report/cut", name="link.png", box=[0, 0, 16, 16], tags=[])[0] == 403


def test_a_report_of_another_folder_is_none(client: Any, bench: Workbench) -> None:
    path = bench.projects.path("penny") / "pictures" / "report.json"
    assert client.get(f"{API}/picture_report").json()["there"] is False
    path.parent.mkdir()
    path.write_text('{"folder": "/other", "findings": []}', encoding="utf-8")
    told = client.get(f"{API}/picture_report").json()
    assert told["there"] is False and "findings" not in told
    path.write_text(json.dumps({"folder": bench.projects.current()["dataset"], "findings": []}), encoding="utf-8")
    assert client.get(f"{API}/picture_report").json()["there"] is True


def test_a_detector_of_faces_by_name_or_file_and_whom_it_is_fetched_for(client: Any, bench: Workbench, tmp_path: Path) -> None:
    def asked(faces: str, deed: str = "look") -> tuple[int, Any]:
        return post(client, "jobs", kind="pictures", options={"deed": deed, "faces": faces})

    names = [(one["name"], one["there"]) for one in client.get(f"{API}/picture_report").json()["detectors"]]
    assert names == [("drawn", False), ("photo", False)]
    assert asked("drawn")[0] == 200 and asked(str(tmp_path / "own.onnx"))[0] == 200
    assert asked("", "faces") == (400, {"error": "Faces are written where a detector has looked for them: choose one."})
    data = bench.host.data
    bench.host.chosen_rights = Rights(restricted=True, readable=(data,), writable=(data,))  # type: ignore[attr-defined]
    assert client.get(f"{API}/picture_report").json()["detectors"] == []
    assert asked("drawn")[0] == 403 and asked(str(tmp_path / "own.onnx"))[0] == 403
    fetched = data / "models" / "faces" / "photo" / "face_detection_yunet_2023mar.onnx"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"")
    assert asked("photo")[0] == 200
    assert [one["name"] for one in client.get(f"{API}/picture_report").json()["detectors"]] == ["photo"]


def test_the_faces_of_the_report_are_places_to_cut(client: Any, bench: Workbench) -> None:
    path = bench.projects.path("penny") / "pictures" / "report.json"
    path.parent.mkdir()
    faces = {"a.png": [[10, 20, 30, 40, 0.9]]}
    path.write_text(
        json.dumps({"folder": bench.projects.current()["dataset"], "findings": [], "faces": faces}), encoding="utf-8"
    )
    assert post(client, "picture_report/places", name="a.png")[0] == 200
    what, values = bench.plans.questions[-1]  # type: ignore[attr-defined]
    assert what == "cut_places" and values["faces"] == faces["a.png"]
