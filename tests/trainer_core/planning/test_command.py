"""`plan --fix`, `--undo` and `--crops` as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.tests.trainer_core.planning.conftest import Fill
from lora_workbench.trainer_core.plan_command import main
from lora_workbench.trainer_core.problems import UserError, WordsError
from lora_workbench.trainer_core.settings.toml_files import read_config, write_config

Write = Callable[..., Path]


@pytest.fixture
def run(given: Callable[..., dict[str, object]], tmp_path: Path) -> Write:
    """Settings in run.toml."""

    def make(**changes: object) -> Path:
        path = tmp_path / "run.toml"
        write_config(path, given(**changes))
        return path

    return make


def test_a_file_is_mended_in_its_place_and_kept(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    path = run(network_alpha=16, noise_offset=0.5)
    before = path.read_bytes()
    assert main([f"--config_file={path}", "--fix", "alpha-above-rank", "--fix=noise-offset-high", "--fix", "few-steps"]) == 0
    lines = capsys.readouterr().out.splitlines()
    kept = path.with_name("run-before.toml")
    assert lines == [
        "alpha-above-rank: Changed network_alpha 16 → 8.",
        "noise-offset-high: Changed noise_offset 0.5 → 0.1.",
        "few-steps: The plan tells of no few-steps, so nothing was changed.",
        f"Written to {path}; the old one is kept as {kept}.",
    ]
    assert kept.read_bytes() == before
    assert (read_config(path, "")["network_alpha"], read_config(path, "")["noise_offset"]) == (8, 0.1)


def test_nothing_is_written_where_nothing_is_wrong(fill: Fill, run: Write, tmp_path: Path) -> None:
    fill("1_penny", caption="penny")
    path = run()
    before = path.read_bytes()
    assert main(["--config_file", str(path), "--fix", "few-steps"]) == 0
    assert path.read_bytes() == before and not list(tmp_path.glob("*-before*")) and not list(tmp_path.glob("*-fixed*"))


def test_flags_beside_the_file_make_a_new_one(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    path = run()
    before = path.read_bytes()
    assert main(["--config_file", str(path), "--noise_offset", "0.5", "--fix", "noise-offset-high"]) == 0
    new = path.with_name("run-fixed.toml")
    assert f"All settings are written to {new}" in capsys.readouterr().out and path.read_bytes() == before
    written = read_config(new, "")
    assert written["noise_offset"] == 0.1 and written["network_dim"] == 8 and "config_file" not in written
    assert main(["--config_file", str(new), "--json"]) == 1  # there is still no base model
    codes = [one["code"] for one in json.loads(capsys.readouterr().out)["problems"]]
    assert codes == ["base-model-missing"]


def test_what_a_preset_gives_is_taken_out_in_a_new_file(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that names the preset would get it again."""
    fill("1_penny", caption="penny")
    path = run(preset="simple", unet_lr=1, text_encoder_lr=1)
    assert main(["--config_file", str(path), "--fix", "min-snr-adaptive"]) == 0
    written = read_config(path.with_name("run-fixed.toml"), "")
    assert "min_snr_gamma" not in written and "preset" not in written and written["optimizer_type"] == "DAdaptAdam"


def test_the_list_names_what_can_be_mended(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    assert main(["--config_file", str(run(network_alpha=16)), "--fix", "list"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("--fix alpha-above-rank\n  warning: network_alpha 16 is above") and "base-model" not in text
    assert main(["--config_file", str(run()), "--fix", "list"]) == 0
    assert capsys.readouterr().out == "Nothing in this plan can be mended by --fix.\n\n"


def test_the_plan_names_the_words_that_mend(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    assert main(["--config_file", str(run(network_alpha=16))]) == 1
    assert "Set network_alpha to 8 or less. (--fix alpha-above-rank)" in capsys.readouterr().out


def test_json_of_mends(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    assert main(["--config_file", str(run(network_alpha=16)), "--json", "--fix", "alpha-above-rank"]) == 0
    content = json.loads(capsys.readouterr().out)
    (fixed,) = content["fixed"]
    assert (
        fixed["changes"] == [{"name": "network_alpha", "before": 16.0, "after": 8.0}]
        and "run-before.toml" in content["written"]
    )


def test_moved_folders_come_back(fill: Fill, run: Write, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    fill("mia", caption="mia")
    path = run()
    assert main(["--config_file", str(path), "--fix", "folder-unnumbered"]) == 0
    assert (root / "1_mia").is_dir() and "Moved" in capsys.readouterr().out
    assert main(["--config_file", str(path), "--undo"]) == 0
    assert (root / "mia" / "0.png").is_file() and "back to" in capsys.readouterr().out
    with pytest.raises(UserError, match="Nothing was moved"):
        main(["--config_file", str(path), "--undo"])


def test_what_was_mended_before_one_that_fails_is_written(fill: Fill, run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    path = run(network_alpha=16)
    with pytest.raises(UserError, match="base-model-missing can't be mended"):
        main(["--config_file", str(path), "--fix", "alpha-above-rank", "--fix", "base-model-missing"])
    assert read_config(path, "")["network_alpha"] == 8 and "kept as" in capsys.readouterr().out


def test_crops_are_drawn(fill: Fill, run: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill("1_penny", caption="penny")
    assert main(["--config_file", str(run()), "--crops", str(tmp_path / "crops.html")]) == 0
    assert "3 of 3 pictures" in capsys.readouterr().out and "<figure>" in (tmp_path / "crops.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given_words", "sentence"), [(["--fix"], "a code, or list"), (["--crops", "--json"], "ends in .html")]
)
def test_words_without_a_value(given_words: list[str], sentence: str) -> None:
    with pytest.raises(WordsError, match=sentence):
        main(given_words)


def test_help_says_what_the_plan_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "--fix CODE" in text and "--crops FILE" in text and "--network_dim" in text
