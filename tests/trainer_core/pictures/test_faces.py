"""Faces: two kinds of detector files, what is found, crops of them, a file that is fetched, and what is said where none is."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from detector_files import no_faces, yolo, yunet
from PIL import Image, ImageDraw

from lora_workbench.trainer_core.pictures import detectors, faces
from lora_workbench.trainer_core.pictures.answers import answer
from lora_workbench.trainer_core.pictures.command import main
from lora_workbench.trainer_core.pictures.detectors import Detector, detector_file
from lora_workbench.trainer_core.pictures.faces import FaceDetector
from lora_workbench.trainer_core.pictures.job import run_pictures_job
from lora_workbench.trainer_core.problems import UserError, WordsError


def drawn(*squares: tuple[int, int, int, int], size: tuple[int, int] = (640, 640)) -> Image.Image:
    """A grey picture with red squares: left, top, width and height in px."""
    picture = Image.new("RGB", size, (90, 90, 90))
    for x, y, width, height in squares:
        ImageDraw.Draw(picture).rectangle((x, y, x + width - 1, y + height - 1), fill=(255, 0, 0))
    return picture


def seen(model: Path, picture: Image.Image) -> list[tuple[int, ...]]:
    return sorted(one.box for one in FaceDetector.load(model).faces(picture))


def test_yolos_faces_are_told_in_the_pictures_own_px(tmp_path: Path) -> None:
    """640 px are shown as 320, so that a cell of 32 is 64 px; 640×320 lies above grey, which is none."""
    model = yolo(tmp_path / "a.onnx")
    assert seen(model, drawn((128, 64, 64, 64), (448, 576, 64, 64))) == [(128, 64, 64, 64), (448, 576, 64, 64)]
    assert seen(model, drawn((64, 192, 64, 64), size=(640, 320))) == [(64, 192, 64, 64)]
    assert seen(model, drawn()) == [], "the class body is no face"
    (one,) = FaceDetector.load(model).faces(drawn((128, 64, 64, 64)))
    assert 0.95 < one.score <= 1


def test_yunets_faces_have_their_own_size_and_close_ups_are_seen_smaller(tmp_path: Path) -> None:
    model = yunet(tmp_path / "b.onnx")
    assert seen(model, drawn((128, 64, 64, 64))) == [(96, 48, 128, 96)], (
        "twice the cell wide, one and a half high, in its middle"
    )
    close = seen(model, drawn((160, 160, 160, 160)))
    assert (80, 120, 320, 240) in close, "shown at 0.4 of the size, where the square is one cell"


def test_doubles_of_a_face_are_one(tmp_path: Path) -> None:
    rows = faces.np.array([[0, 0, 10, 10, 0.8], [1, 0, 11, 10, 0.9], [30, 30, 40, 40, 0.7]])
    assert [row[4] for row in faces.distinct(rows, 0.5)] == [0.9, 0.7]
    assert faces.overlap(rows[0], rows[1]) == pytest.approx(90 / 110) and faces.overlap(rows[0], rows[2]) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "10_mia"
    place.mkdir()
    drawn((128, 128, 64, 64)).save(place / "good.png")
    drawn((0, 256, 64, 64), (448, 576, 64, 64)).save(place / "cut.png")
    drawn().save(place / "back.png")
    (place / "good.txt").write_text("mia, full body, smile", encoding="utf-8")
    return place


def codes(folder: Path, model: Path, capsys: Any, *words: str) -> dict[str, list[Any]]:
    assert main([str(folder), "--resolution=512", f"--faces={model}", "--json", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    wanted = ("face-at-border", "small-face", "several-faces", "no-face")
    return {
        one["code"]: [(file["name"], file["words"]) for file in one["files"]]
        for one in told["findings"]
        if one["code"] in wanted
    }


def test_the_report_tells_of_borders_sizes_and_numbers(folder: Path, tmp_path: Path, capsys: Any) -> None:
    """64 px of 640 are 51 px of 512: too small."""
    model = yolo(tmp_path / "a.onnx")
    assert codes(folder, model, capsys) == {
        "face-at-border": [("cut.png", "at the left border; at the lower border")],
        "small-face": [("cut.png", "51 px as it is trained"), ("good.png", "51 px as it is trained")],
        "several-faces": [("cut.png", "2 faces")],
        "no-face": [("back.png", "")],
    }
    assert "small-face" not in codes(folder, model, capsys, "--resolution=640")
    assert main([str(folder)]) == 0 and "face-at-border" not in capsys.readouterr().out, "nothing is looked for unasked"


def test_pictures_are_looked_at_once_by_a_detector(
    folder: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = codes(folder, yolo(tmp_path / "a.onnx"), capsys)
    monkeypatch.setattr(FaceDetector, "load", lambda path: pytest.fail("all was known"))
    assert codes(folder, tmp_path / "a.onnx", capsys) == first
    monkeypatch.undo()
    assert codes(folder, yunet(tmp_path / "b.onnx"), capsys)["several-faces"] == [("cut.png", "2 faces")]


def test_faces_and_half_bodies_become_pictures_with_captions(folder: Path, tmp_path: Path, capsys: Any) -> None:
    model = yolo(tmp_path / "a.onnx")
    words = [str(folder), f"--faces={model}", "--crop", "face", "half", "--to", str(folder / "parts"), "--pictures"]
    assert main([*words, "good.png", "back.png"]) == 0
    told = capsys.readouterr()
    assert "No face is seen in back.png." in told.err
    with Image.open(folder / "parts" / "good-face.png") as face, Image.open(folder / "parts" / "good-half.png") as half:
        assert face.size == (102, 102) and face.getpixel((51, 51)) == (255, 0, 0), "1.6 times the face, in its middle"
        assert half.size == (256, 301), "four faces wide; 45 px above it and four faces below its upper edge"
    assert (folder / "parts" / "good-face.txt").read_text(encoding="utf-8") == "mia, portrait, smile"
    assert (folder / "parts" / "good-half.txt").read_text(encoding="utf-8") == "mia, upper body, smile"
    assert not (folder / "parts" / "back-face.png").exists() and (folder / "parts" / "back-half.png").is_file()


def test_without_a_detector_the_way_to_one_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--faces drawn or --faces photo"):
        main([str(folder), "--crop", "face", "--pictures", "good.png", "--beside"])
    with pytest.raises(UserError, match="There is no detector of faces dawn: give drawn or photo, or an .onnx file"):
        main([str(folder), "--faces=dawn"])
    with pytest.raises(WordsError, match="--take_back, --set_aside and --put_back need none"):
        main([str(folder), "--faces=drawn", "--take_back", "all"])
    (tmp_path / "c.onnx").write_bytes(b"no")
    with pytest.raises(UserError, match=r"c\.onnx can't be loaded"):
        main([str(folder), f"--faces={tmp_path / 'c.onnx'}"])


def test_a_tagger_is_no_detector(folder: Path, tmp_path: Path) -> None:
    from lora_workbench.tests.tagger.conftest import BIAS, WEIGHTS, write_model

    model = write_model(tmp_path / "tagger", WEIGHTS, BIAS) / "model.onnx"
    with pytest.raises(UserError, match="no detector of faces that can be read"):
        FaceDetector.load(model)


def test_a_model_of_something_else_is_told_and_not_taken_for_one_that_sees_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gives 1×10×10 numbers, which are no faces of YOLO's"):
        main([str(folder), f"--faces={no_faces(tmp_path / 'd.onnx')}"])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A hub on this machine: {path: what it sends}; HF_ENDPOINT names it."""
    files: dict[str, bytes] = {}

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield files
    server.shutdown()
    server.server_close()


def test_a_known_detector_is_fetched_once_and_its_hash_compared(
    hub: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yolo(tmp_path / "a.onnx").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = Detector("photo", "", "someone/faces", "in/model.onnx", "MIT", len(content), digest)
    monkeypatch.setattr(detectors, "detectors", lambda: {"photo": known})
    with pytest.raises(UserError, match=r"can't be downloaded .*put it by hand as .*photo.model\.onnx"):
        detector_file("photo", tmp_path / "models")
    hub["/someone/faces/resolve/main/in/model.onnx"] = content[:-1] + b"x"
    with pytest.raises(UserError, match="arrived damaged"):
        detector_file("photo", tmp_path / "models")
    hub["/someone/faces/resolve/main/in/model.onnx"] = content
    path = detector_file("photo", tmp_path / "models")
    assert path == tmp_path / "models" / "photo" / "model.onnx" and path.read_bytes() == content
    hub.clear()
    assert detector_file("photo", tmp_path / "models") == path, "it is there"


def test_where_no_hash_is_written_down_the_hubs_is_compared(
    hub: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a model"
    monkeypatch.setattr(detectors, "detectors", lambda: {"drawn": Detector("drawn", "", "a/b", "m.onnx", "MIT", 0, "")})
    listed = {
        "siblings": [{"rfilename": "m.onnx", "lfs": {"size": len(content), "sha256": hashlib.sha256(b"another").hexdigest()}}]
    }
    hub |= {"/a/b/resolve/main/m.onnx": content, "/api/models/a/b?blobs=true": json.dumps(listed).encode()}
    with pytest.raises(UserError, match="arrived damaged"):
        detector_file("drawn", tmp_path / "models")


def test_the_known_detectors_are_free_and_of_a_full_hash_or_none() -> None:
    known = detectors.detectors()
    assert set(known) == {"drawn", "photo"}
    for one in known.values():
        assert one.license == "MIT" and one.path.endswith(".onnx") and len(one.sha256) in (0, 64)


class Log:
    """Of a job's events what the test looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, {}

    def write(self, kind: str, **values: Any) -> None:
        self.told[kind] = values


def test_a_job_looks_for_faces_and_writes_small_ones(folder: Path, tmp_path: Path, own_data_folder: Path) -> None:
    model, out, log = yolo(tmp_path / "a.onnx"), tmp_path / "report.json", Log(tmp_path)
    job = {"folder": str(folder), "out": str(out), "settings": {"data_dir": str(own_data_folder)}}
    asked = {"deed": "faces", "faces": str(model), "target": str(folder / "faces")}
    run_pictures_job(tmp_path, {**job, "options": asked}, log)  # type: ignore[arg-type]
    report = json.loads(out.read_text(encoding="utf-8"))
    assert log.told["done"]["summary"] == "3 new pictures written, 0 were there."
    assert report["detector"] == str(model) and report["faces"]["good.png"][0][:4] == [128, 128, 64, 64]
    assert sorted(path.name for path in (folder / "faces").glob("*.png")) == ["cut-face-2.png", "cut-face.png", "good-face.png"]
    places = answer(
        "cut_places", {"folder": str(folder), "name": "good.png", "settings": {}, "faces": [[128, 128, 64, 64, 1.0]]}
    )
    assert places["boxes"]["face"] == [(109, 109, 102, 102)] and places["boxes"]["half"] == [(32, 83, 256, 301)]
