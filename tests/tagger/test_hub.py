"""Models by name, from a hub on this machine: resumed, checked, and what is said where there is none."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from lora_workbench.tagger.hub import find_or_download, is_whole
from lora_workbench.tagger.job import run_tag_job
from lora_workbench.trainer_core.endings import Stopped
from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.problems import UserError

MODEL = bytes(range(256)) * 9000  # 2.3 MB
LIST = b"tag_id,name,category,count\n0,hat,0,1\n"


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does; `cut` bytes of the model are sent at the first try, then the line breaks."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[tuple[str, str]]] = []
    cut: ClassVar[list[int]] = []
    listed: ClassVar[bool] = True
    wrong_hash: ClassVar[bool] = False

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range", "")))
        if self.path.startswith("/api/models/"):
            self._send(json.dumps(self._listing()).encode() if self.listed else b"<html>", 200)
            return
        content = self.files.get(self.path.partition("/resolve/main/")[2])
        if content is None or not self.path.startswith(("/SmilingWolf/wd-new", "/someone/")):
            self._send(b"", 404)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self._send(content[start:], 206 if start else 200, self.cut.pop() if self.cut and self.path.endswith(".onnx") else None)

    def _listing(self) -> dict:
        blobs = []
        for name, content in self.files.items():
            digest = hashlib.sha256(content + b"x" * self.wrong_hash).hexdigest()
            blobs.append({"rfilename": name, "size": len(content), "lfs": {"sha256": digest, "size": len(content)}})
        return {"siblings": blobs}

    def _send(self, content: bytes, status: int, only: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:only])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    Hub.files = {
        "model.onnx": MODEL,
        "selected_tags.csv": LIST,
        "README.md": b"x",
        "deep/model.onnx": b"other",
        "deep/tag_mapping.json": b"{}",
    }
    Hub.asked, Hub.cut, Hub.listed, Hub.wrong_hash = [], [], True, False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield Hub
    server.shutdown()
    server.server_close()


def test_a_model_is_fetched_once(hub: type[Hub], tmp_path: Path) -> None:
    told = []
    folder = find_or_download("wd-new-tagger-v9", tmp_path, lambda *values: told.append(values))
    assert folder == tmp_path / "wd-new-tagger-v9" and is_whole(folder)
    assert (folder / "model.onnx").read_bytes() == MODEL and (folder / "selected_tags.csv").read_bytes() == LIST
    assert told[-1] == ("model.onnx", len(MODEL), len(MODEL)) and [path for path, _ in hub.asked][0].startswith("/api/models/")
    count = len(hub.asked)
    assert find_or_download("wd-new-tagger-v9", tmp_path) == folder and len(hub.asked) == count
    assert find_or_download(str(folder), tmp_path / "x") == folder and len(hub.asked) == count


def test_a_folder_of_a_repository(hub: type[Hub], tmp_path: Path) -> None:
    folder = find_or_download("someone/cl_tagger/deep", tmp_path)
    assert folder.name == "someone_cl_tagger_deep"
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "tag_mapping.json"]
    assert (folder / "model.onnx").read_bytes() == b"other"


def test_a_broken_download_goes_on_where_it_was(hub: type[Hub], tmp_path: Path) -> None:
    hub.cut = [1_500_000]
    with pytest.raises(UserError, match=r"by hand"):
        find_or_download("wd-new", tmp_path)
    part = tmp_path / "wd-new" / "model.onnx.part"
    assert 0 < part.stat().st_size <= 1_500_000 and not is_whole(tmp_path / "wd-new")
    there = part.stat().st_size
    folder = find_or_download("wd-new", tmp_path)
    assert (folder / "model.onnx").read_bytes() == MODEL and hub.asked[-1][1] == f"bytes={there}-" and is_whole(folder)


def test_a_damaged_download_is_not_kept(hub: type[Hub], tmp_path: Path) -> None:
    hub.wrong_hash = True
    with pytest.raises(UserError, match="arrived damaged"):
        find_or_download("wd-new", tmp_path)
    assert not list((tmp_path / "wd-new").glob("*"))


def test_a_mirror_without_a_listing(hub: type[Hub], tmp_path: Path) -> None:
    hub.listed = False
    assert (find_or_download("wd-new", tmp_path) / "model.onnx").read_bytes() == MODEL


def test_what_is_no_tagger_or_not_there(hub: type[Hub], tmp_path: Path) -> None:
    hub.listed = False
    with pytest.raises(UserError, match=r"no such model: look at its name \(wd-unknown, HTTP 404\)"):
        find_or_download("wd-unknown", tmp_path)
    with pytest.raises(UserError, match=r"did you mean wd-swinv2-tagger-v3\?"):
        find_or_download("wd-swinv2-tager-v3", tmp_path)
    hub.listed, hub.files = True, {"weights.bin": b"x"}
    with pytest.raises(UserError, match="is no WD tagger"):
        find_or_download("someone/thing", tmp_path)


def test_offline_the_error_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError) as caught:
        find_or_download("wd-swinv2-tagger-v3", tmp_path)
    said = str(caught.value)
    assert str(tmp_path / "wd-swinv2-tagger-v3") in said and "http://127.0.0.1:9/SmilingWolf/wd-swinv2-tagger-v3" in said
    assert "model.onnx and selected_tags.csv" in said and "\n" not in said


@pytest.mark.parametrize(
    "name", ["./nothing", "/nowhere/model", "model.onnx", "~/x", "my folder", "nothing", "a/..", "a/b/../c", "../x"]
)
def test_paths_are_never_looked_for_on_the_hub(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="is missing: give a folder"):
        find_or_download(name, tmp_path)


def test_a_tag_job_fetches_its_tagger_and_stops_when_asked(hub: type[Hub], tmp_path: Path) -> None:
    folder, pictures = tmp_path / "jobs" / "one", tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"no picture")
    log = EventLog(folder)
    asked = []

    class Requests:
        def taken(self, _: Path, what: str) -> bool:
            asked.append(what)
            return len(asked) > 1

    job = {"folder": str(pictures), "options": {"model": "wd-new-tagger-v9"}}
    with pytest.raises(Stopped, match="the next tagging goes on with that"):
        run_tag_job(folder, job, log, Requests())
    log.close()
    first, *_ = read_events(folder)
    assert first["kind"] == "fetching" and first["file"] == "selected_tags.csv" and first["total"] == len(LIST)
    assert set(asked) == {"stop"}
    place = tmp_path / "models" / "taggers" / "wd-new-tagger-v9"
    assert list(place.iterdir()) and not is_whole(place)
    assert is_whole(find_or_download("wd-new-tagger-v9", place.parent))
