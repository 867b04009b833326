"""Whatever is wrong: one sentence, the rest of the batch done, and exit status and --json tell."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger import journal
from lora_workbench.tagger.commands import main

Run = Callable[..., tuple[int, dict, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.png", "c.png", "deep/d.png"):
        Image.new("RGB", (8, 8), "red").save(folder / name)
    return folder


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, dict, str]:
        status = main([words[0], str(folder), *words[1:], "--json"])
        out, err = capsys.readouterr()
        return status, json.loads(out), err

    return run


def break_list(model: Path) -> None:
    lines = (model / "selected_tags.csv").read_text(encoding="utf-8").splitlines()
    (model / "selected_tags.csv").write_text("\n".join([*lines, "9,more,0,1"]), encoding="utf-8")


def truncate(model: Path) -> None:
    content = (model / "model.onnx").read_bytes()
    (model / "model.onnx").write_bytes(content[: len(content) // 3])


def no_model(model: Path) -> None:
    (model / "model.onnx").write_bytes(b"<html>not found</html>")


def no_list(model: Path) -> None:
    (model / "selected_tags.csv").write_text("<html>", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_list, "model and list are of different taggers"),
        (truncate, "can't be loaded"),
        (no_model, "can't be loaded"),
        (no_list, "is not the tag list"),
    ],
)
def test_wrong_models(
    damage: Callable[[Path], None], said: str, make_tagger: Callable[..., Path], run: Run, folder: Path
) -> None:
    model = make_tagger()
    damage(model)
    status, told, err = run("tag", "--model", str(model))
    assert status == 1 and said in told["error"] and err == f"error: {told['error']}\n"
    assert not list(folder.glob("*.txt")) and "\n" not in told["error"]


def test_unreadable_pictures_and_captions_in_the_way(make_tagger: Callable[..., Path], run: Run, folder: Path) -> None:
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "c.txt").mkdir()
    status, told, _ = run("tag", "--model", str(make_tagger()))
    assert status == 1 and told["written"] == 1 and (folder / "a.txt").is_file()
    failed = {Path(one["path"]).name: one["reason"] for one in told["failed"]}
    assert set(failed) == {"b.png", "c.png"} and "corrupt" in failed["b.png"] and "caption can't be read" in failed["c.png"]


def test_a_folder_that_can_not_be_written(
    make_tagger: Callable[..., Path], run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = journal.put

    def read_only(path: Path, content: bytes | None, number: int) -> None:
        if path.parent.name == "deep":
            raise OSError(30, os.strerror(30), str(path))
        put(path, content, number)

    monkeypatch.setattr(journal, "put", read_only)
    status, told, _ = run("tag", "--model", str(make_tagger()), "--recursive")
    assert status == 1 and told["written"] == 3
    ((failed),) = told["failed"]
    assert failed["path"].endswith("d.png") and "Read-only file system" in failed["reason"]
    status, told, _ = run("edit", "--add", "more", "--recursive")
    assert (
        status == 1 and told["changed"] == 3 and told["failed"] == [{"path": "deep/d.txt", "reason": "Read-only file system"}]
    )


def test_no_journal_no_change(make_tagger: Callable[..., Path], run: Run, folder: Path) -> None:
    (folder / ".lora_workbench").write_bytes(b"in the way")
    status, told, _ = run("tag", "--model", str(make_tagger()))
    assert status == 1 and "its journal can't be written" in told["error"] and not list(folder.glob("*.txt"))
