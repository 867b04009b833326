"""`python -m tagger`: its words, its exit statuses, and that it starts from the project's root and by its full name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger.commands import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / name)
    (folder / "b.txt").write_text("blue thing, cat", encoding="utf-8")
    return folder


def test_tag_and_undo(folder: Path, make_tagger: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--threshold", "0.6", "--character_threshold", "0.95", "--first", "zibbo", "--exclude", "a,red_hat"]
    assert main(["tag", str(folder), "--model", str(make_tagger()), *words]) == 0
    assert (folder / "a.txt").read_bytes() == b"zibbo" and (folder / "b.txt").read_bytes() == b"blue thing, cat"
    assert "1 picture tagged" in capsys.readouterr().out
    assert main(["tag", str(folder), "--model", str(make_tagger()), *words, "--mode", "prepend"]) == 0
    assert (folder / "b.txt").read_bytes() == b"zibbo, long hair, blue thing, cat"
    assert main(["undo", str(folder)]) == 0 and main(["undo", str(folder)]) == 0
    assert (folder / "b.txt").read_bytes() == b"blue thing, cat" and not (folder / "a.txt").exists()
    assert main(["undo", str(folder)]) == 1
    assert "nothing to undo" in capsys.readouterr().err


def test_stats_and_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "2 pictures, 1 with a caption, 1 without" in out and "1  100.0 %  blue thing" in out
    assert main(["check", str(folder), "--first", "zibbo"]) == 1
    out = capsys.readouterr().out
    assert "a.png: has no caption" in out and "b.txt: begins with 'blue thing', not 'zibbo'" in out
    (folder / "a.txt").write_text("zibbo, cat, Cat", encoding="utf-8")
    (folder / "b.txt").write_bytes("zibbo, 红色帽子".encode("gbk"))
    assert main(["check", str(folder), "--first", "zibbo"]) == 1
    out = capsys.readouterr().out
    assert "cat more than once" in out and "is in GBK" in out
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("zibbo, cat", encoding="utf-8")
    assert main(["check", str(folder), "--first", "zibbo"]) == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["edit", "DIR"], 2, "Nothing is to be edited"),
        (["tga", "DIR"], 2, "tga"),
        ([], 2, "COMMAND"),
        (["tag", "DIR"], 2, "--model"),
        (["tag", "DIR", "--model", "m", "--threshold", "2"], 2, "'2' is not a number from 0 to 1"),
        (["tag", "DIR", "--model", "m", "--mode", "all"], 2, "all"),
        (["tag", "DIR", "--model", "m", "--mode", "overwrite"], 2, "add --yes"),
        (["tag", "DIR", "--model", "nowhere"], 1, "nowhere is missing"),
        (["stats", "nowhere"], 1, "nowhere is missing"),
    ],
)
def test_wrong_words_and_missing_things(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert main([str(folder) if word == "DIR" else word for word in words]) == status
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["tagger", "lora_workbench.tagger"])
def test_it_starts_under_both_names(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", name, "stats", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0 and "2 pictures" in ended.stdout, ended.stderr


def captions(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def read(folder: Path, name: str) -> str:
    return (folder / f"{name}.txt").read_text(encoding="utf-8")


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    status = main([*words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_edit_dry_run_shows_and_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions(folder, a="penny, boots, smile", b="cat, boots")
    words = ["edit", str(folder), "--filter", "has:penny", "--replace", "boots", "red boots", "--add_first", "zibbo"]
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "  - penny, boots, smile\n  + zibbo, penny, red boots, smile" in out and "1 caption of 1 would change" in out
    assert "taken out: boots (1)" in out and read(folder, "a") == "penny, boots, smile"
    status, told = run_json(capsys, *words, "--dry-run")
    assert status == 0 and told["changed"] == 1 and told["change"] is None and told["dry_run"]
    assert told["captions"][0] == {
        "path": "a.txt",
        "before": ["penny", "boots", "smile"],
        "after": ["zibbo", "penny", "red boots", "smile"],
    }
    assert run_json(capsys, *words)[1]["change"] == 1
    assert read(folder, "a") == "zibbo, penny, red boots, smile" and read(folder, "b") == "cat, boots"


def test_edits_are_done_in_the_order_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions(folder, a="b, a", b="x")
    assert main(["edit", str(folder), "--add_at", "1", "c", "--sort", "alphabet", "--move_first", "c", "--remove", "x"]) == 0
    assert read(folder, "a") == "c, a, b" and read(folder, "b") == "c"
    assert main(["edit", str(folder), "--word", "c", "d", "--regex", "^(.)$", r"\1\1", "--dedupe"]) == 0
    assert read(folder, "a") == "dd, aa, bb"
    (folder / "order.list").write_text("bb\naa, dd", encoding="utf-8")
    assert main(["edit", str(folder), "--sort", str(folder / "order.list"), "--keep_first", "1"]) == 0
    assert read(folder, "a") == "dd, bb, aa"
    assert main(["undo", str(folder)]) == 0 and main(["undo", str(folder)]) == 0 and read(folder, "a") == "c, a, b"
    assert main(["redo", str(folder)]) == 0 and read(folder, "a") == "dd, aa, bb"
    capsys.readouterr()
    status, told = run_json(capsys, "changes", str(folder))
    assert status == 0 and [(one["number"], one["state"]) for one in told["changes"]] == [
        (3, "undone"),
        (2, "done"),
        (1, "done"),
    ]
    assert "word c d" in told["changes"][1]["what"] and told["changes"][1]["files"] == 2


def test_merge_preview_suggest_and_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions(folder, a="laetitia, boots, red footwear, red boots", b="laetitia, sneaker, smile")
    status, told = run_json(capsys, "merge", str(folder), "--rule", "sneaker -> sneakers", "--preview")
    assert {one["rule"]: (one["source"], one["captions"], one["examples"]) for one in told["merges"]} == {
        "boots -> red boots": ("implication", 1, ["a.png"]),
        "red footwear -> red boots": ("implication", 1, ["a.png"]),
        "sneaker -> sneakers": ("map", 1, ["b.png"]),
    }
    assert read(folder, "b") == "laetitia, sneaker, smile"
    assert main(["merge", str(folder), "--rule", "sneaker -> sneakers", "--reject", "boots -> red boots"]) == 0
    assert read(folder, "a") == "laetitia, boots, red boots" and read(folder, "b") == "laetitia, sneakers, smile"
    assert main(["undo", str(folder)]) == 0
    assert main(["merge", str(folder)]) == 0 and read(folder, "a") == "laetitia, red boots"
    capsys.readouterr()
    assert run_json(capsys, "merge", str(folder), "--suggest") == (0, {"merges": []})


def test_check_mends_what_it_can(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions(folder, a=r"hat \(red\)，smile, Smile", b="smile, zibbo, cat")
    status, told = run_json(capsys, "check", str(folder), "--first", "zibbo")
    assert status == 1 and {"activation-tag", "escapes", "wide-commas"} <= {one["code"] for one in told["findings"]}
    assert main(["check", str(folder), "--first", "zibbo", "--mend", "--no_notes"]) == 0
    assert read(folder, "a") == "zibbo, hat (red), Smile" and read(folder, "b") == "zibbo, smile, cat"
    assert main(["undo", str(folder)]) == 0 and read(folder, "b") == "smile, zibbo, cat"
    (folder / "b.txt").write_text(", ".join(f"zibbo word {n}" for n in range(60)), encoding="utf-8")
    capsys.readouterr()
    status, told = run_json(capsys, "check", str(folder), "--tokens", "75", "--confidence", "0.5")
    assert status == 1 and {"too-long", "low-confidence"} <= {one["code"] for one in told["findings"]}


def test_stats_as_json_and_filtered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions(folder, a="penny, hat", b="penny")
    status, told = run_json(capsys, "stats", str(folder), "--filter", "has:hat")
    assert status == 0 and told["tags"] == {"penny": 1, "hat": 1} and told["pictures"] == 1


def test_tag_with_several_models_thresholds_and_places(
    folder: Path, make_tagger: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.json").write_text('{"hatsune miku": 0.95, "^_^": 0.4}', encoding="utf-8")
    words = [
        "--model",
        str(make_tagger()),
        "--model",
        str(make_tagger("large", size=20)),
        "--combine",
        "union",
        "--threshold",
        "0.6",
    ]
    words += [
        "--tag_thresholds",
        str(tmp_path / "own.json"),
        "--last",
        "end",
        "--name_as_tag",
        "--rating",
        "last",
        "--mode",
        "append",
    ]
    status, told = run_json(capsys, "tag", str(folder), *words)
    assert status == 0 and told["written"] == 2 and told["notes"] == ["The tagger runs on the CPU."]
    assert read(folder, "a") == "a, red hat, ^_^, general, end"
    assert read(folder, "b") == "b, blue thing, cat, long hair, ^_^, general, end"
    status, told = run_json(capsys, "tag", str(folder), *words[:2], "--mode", "overwrite", "--yes", "--threshold", "model")
    assert status == 0 and read(folder, "a") == "red hat, hatsune miku, ^_^"
    (tmp_path / "own.json").write_text("[1]", encoding="utf-8")
    assert run_json(capsys, "tag", str(folder), *words)[0] == 1


def test_processes_that_torchrun_starts_share_the_work(
    folder: Path, make_tagger: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three at the same time, on one folder and one store of results: the captions are those of one alone."""
    for number in range(40):
        Image.new("RGB", (8, 8), (6 * number, 0, 255 - 6 * number)).save(folder / f"{number:02d}.png")
    command = [
        sys.executable,
        "-I",
        "-X",
        "utf8",
        "-m",
        "lora_workbench.tagger",
        "tag",
        str(folder),
        "--model",
        str(make_tagger()),
    ]
    command += ["--data_dir", str(tmp_path / "shared"), "--threshold", "0.1", "--json"]
    running = []
    for rank in range(3):
        place = {"RANK": str(rank), "WORLD_SIZE": "3", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "3"}
        running.append(subprocess.Popen(command, env={**os.environ, **place}, stdout=subprocess.PIPE, text=True))
    told = [json.loads(one.communicate(timeout=120)[0]) for one in running]
    assert [one.returncode for one in running] == [0, 0, 0]
    assert sum(one["written"] for one in told) == 41 and sorted(one["change"] for one in told) == [1, 2, 3]
    together = {path.name: path.read_bytes() for path in folder.glob("*.txt")}
    for _ in range(3):
        assert main(["undo", str(folder)]) == 0
    assert [path.name for path in folder.glob("*.txt")] == ["b.txt"]
    assert main(["tag", str(folder), "--model", str(make_tagger("alone")), "--threshold", "0.1"]) == 0
    assert {path.name: path.read_bytes() for path in folder.glob("*.txt")} == together


@pytest.mark.skipif(os.name == "nt", reason="Ctrl+C reaches a process otherwise there")
def test_ctrl_c_writes_what_was_tagged_and_the_next_run_goes_on(
    folder: Path, make_tagger: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1000):
        Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(folder / f"{number:04d}.png")
    words = ["tag", str(folder), "--model", str(make_tagger()), "--data_dir", str(tmp_path / "data"), "--json"]
    command = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.tagger", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        end = time.monotonic() + 60
        while not (folder / "0000.txt").is_file() and time.monotonic() < end:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    told = json.loads(out)
    assert child.returncode == 1 and told["stopped"] and "Writing what was tagged so far" in err
    assert len(list(folder.glob("*.txt"))) == told["written"] + 1 < 1001  # b.txt was there
    status, rest = run_json(capsys, *words[:-1])
    assert status == 0 and rest["written"] == 1001 - told["written"] and rest["kept"] == told["written"] + 1
