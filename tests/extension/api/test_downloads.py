"""What can be taken away: LoRAs, a run, a grid, a dataset with captions; and nothing else of the disk."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.job_reader import JobReader
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.grid_scene import make_run
from lora_workbench.tests.extension.parts import API, FakeHost

GET = f"{API}/download"


@pytest.fixture
def run(client: Any, bench: Workbench) -> JobReader:
    """The project penny with a training of three epochs, where others can reach the page."""
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(bench.host.data,), writable=(bench.host.data,))
    bench.projects.create("penny")
    return make_run(bench)


def unzipped(answer: Any) -> dict[str, bytes]:
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip", answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_dataset_with_its_captions(client: Any, run: JobReader, bench: Workbench, tmp_path: Path) -> None:
    folder = bench.host.data / "sets" / "红帽"
    (folder / "4_penny").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"secret")
    for name in ("a.png", "a.txt", "4_penny/b.webp", "4_penny/b.txt", "notes.json", ".hidden.png"):
        (folder / name).write_text(name, encoding="utf-8")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "5_out").symlink_to(tmp_path)
    bench.projects.change({"dataset": str(folder)}, bench.rights)
    answer = client.get(f"{GET}/dataset")
    assert sorted(unzipped(answer)) == ["4_penny/b.txt", "4_penny/b.webp", "a.png", "a.txt"]
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E7%BA%A2%E5%B8%BD.zip"
    assert unzipped(client.get(f"{GET}/dataset", params={"captions": 1})) == {
        "4_penny/b.txt": b"4_penny/b.txt",
        "a.txt": b"a.txt",
    }


def test_a_run_and_its_files(client: Any, run: JobReader, bench: Workbench) -> None:
    names = sorted({path.name for path in run.written})
    assert len(names) == 3
    answer = client.get(f"{GET}/run/{run.id}/file", params={"name": names[0]})
    path = next(path for path in run.written if path.name == names[0])
    assert answer.content == path.read_bytes() and answer.headers["content-encoding"] == "identity"
    assert names[0] in answer.headers["content-disposition"]
    assert set(names) <= set(unzipped(client.get(f"{GET}/run/{run.id}")))
    assert client.get(f"{GET}/lora", params={"path": str(path)}).content == path.read_bytes()


def test_a_grid(client: Any, run: JobReader, bench: Workbench) -> None:
    assert client.get(f"{GET}/grid", params={"run": run.id}).status_code == 404
    folder = bench.projects.path("penny") / "grids" / "penny"
    (folder / "cells").mkdir(parents=True)
    for name in ("grid.json", "grid.html", "grid-1.png", "cells/abc.png", "weights.safetensors"):
        (folder / name).write_text(name, encoding="utf-8")
    found = unzipped(client.get(f"{GET}/grid", params={"run": run.id}))
    assert sorted(found) == ["cells/abc.png", "grid-1.png", "grid.html", "grid.json"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("run/{id}/file", {"name": "../../../../secret.safetensors"}),
        ("run/{id}/file", {"name": "{tmp}/secret.safetensors"}),
        ("run/..%2f..%2fx", {}),
        ("run/20260101-000000-train", {}),
        ("lora", {"path": "{tmp}/secret.safetensors"}),
        ("lora", {"path": "{data}/models/other.safetensors"}),
        ("lora", {"path": "/etc/passwd"}),
        ("dataset", {"folder": "{tmp}"}),
        ("dataset", {"folder": "{data}/jobs"}),
        ("dataset", {"folder": "{data}/projects"}),
        ("dataset", {}),
        ("grid", {"run": "../../.."}),
    ],
)
def test_nothing_else(client: Any, run: JobReader, bench: Workbench, tmp_path: Path, path: str, query: dict[str, str]) -> None:
    for place in (tmp_path / "secret.safetensors", bench.host.data / "models" / "other.safetensors"):
        place.write_bytes(b"the weights")
    words = {"tmp": tmp_path, "data": bench.host.data, "id": run.id}
    asked = {name: value.format(**words) for name, value in query.items()}
    answer = client.get(f"{GET}/{path.format(**words)}", params=asked)
    assert answer.status_code in (400, 403, 404) and b"the weights" not in answer.content


def test_a_going_run_gives_single_files_only(client: Any, run: JobReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JobReader, "alive", property(lambda self: True))
    answer = client.get(f"{GET}/run/{run.id}")
    assert answer.status_code == 409 and "still going on" in answer.json()["error"]
    assert client.get(f"{GET}/run/{run.id}/file", params={"name": run.written[0].name}).status_code == 200
