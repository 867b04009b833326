"""kohya's tagging program by its name: every flag is taken or named, and it does what people's scripts expect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger.commands.kohya_words import _parser, main, tag_words
from lora_workbench.trainer_core.problems import WordsError

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "finetune/tag_images_by_wd14_tagger.py"
KOHYAS = (
    "repo_id", "model_dir", "force_download", "batch_size", "max_data_loader_n_workers", "output_path", "caption_extention",
    "caption_extension", "thresh", "general_threshold", "character_threshold", "meta_threshold", "model_threshold",
    "copyright_threshold", "artist_threshold", "recursive", "remove_underscore", "debug", "undesired_tags", "frequency_tags",
    "onnx", "append_tags", "use_rating_tags", "use_rating_tags_as_last_tag", "use_quality_tags",
    "use_quality_tags_as_last_tag", "character_tags_first", "always_first_tags", "caption_separator", "tag_replacement",
    "character_tag_expand",
)  # fmt: skip


def test_every_flag_is_known() -> None:
    known = {action.dest for action in _parser()._actions}
    assert set(KOHYAS) <= known


def test_words_of_a_usual_script() -> None:
    words, notes = tag_words(
        ["--onnx", "--repo_id=SmilingWolf/wd-swinv2-tagger-v3", "--batch_size", "4", "--thresh=0.4", "--remove_underscore",
         "--undesired_tags", "1girl,solo", "--recursive", "--character_threshold", "0.8", "--caption_extension", "txt",
         "--append_tags", "--character_tag_expand", "--use_rating_tags_as_last_tag", "pictures"]
    )  # fmt: skip
    assert words == [
        "tag", "pictures", "--model", "SmilingWolf/wd-swinv2-tagger-v3", "--caption_extension", ".txt", "--threshold", "0.4",
        "--character_threshold", "0.8", "--recursive", "--exclude", "1girl,solo", "--series_apart", "--rating", "last",
        "--mode", "append",
    ]  # fmt: skip
    assert notes == []


def test_what_has_no_equivalent_is_named() -> None:
    words, notes = tag_words(["p", "--always_first_tags", "1girl", "--frequency_tags", "--caption_separator", "; "])
    assert [note.split()[0] for note in notes] == ["--frequency_tags", "--always_first_tags", "--caption_separator", "captions"]
    assert "--underscores" in words and words[-3:] == ["--mode", "overwrite", "--yes"] and "undo p" in notes[-1]
    with pytest.raises(WordsError, match="output_path is refused"):
        tag_words(["p", "--output_path", "a.json"])


def test_a_model_that_kohyas_program_has_fetched(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "a_b"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"")
    words, _ = tag_words(["p", "--model_dir", str(tmp_path / "models"), "--repo_id", "a/b"])
    assert words[3] == str(folder)


def test_it_tags_and_can_be_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lora_workbench.tagger.commands import main as tagger

    folder = tmp_path / "10_penny"
    folder.mkdir()
    Image.new("RGB", (64, 64), (200, 40, 40)).save(folder / "a.png")
    (folder / "a.txt").write_text("by hand", encoding="utf-8")
    toy = ROOT / "demo" / "models" / "toy_tagger"
    assert main([str(folder), "--onnx", "--repo_id", str(toy), "--thresh", "0.05", "--remove_underscore"]) == 0
    assert (folder / "a.txt").read_text(encoding="utf-8") != "by hand" and "undo" in capsys.readouterr().err
    assert tagger(["undo", str(folder)]) == 0
    assert (folder / "a.txt").read_text(encoding="utf-8") == "by hand"


def test_the_program_itself_tells_what_is_wrong_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--fancy", "x"], cwd=ROOT / "trainer_core", capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 2 and "--fancy" in done.stderr and done.stderr.count("\n") == 1, done.stderr
