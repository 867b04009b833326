"""`python -m trainer_core import`: prints or writes TOML, says what is left out, and one sentence for bad input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lora_workbench.tests.trainer_core.imports.test_formats import EASY, GUI, SECOND
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.imports.read import LARGEST
from lora_workbench.trainer_core.settings import read_settings

LINE = "accelerate launch train_network.py --network_dim 8 --fancy 3 --flip-aug"


def test_it_prints_toml_and_says_the_rest_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.sh"
    path.write_text(LINE, encoding="utf-8")
    assert main(["import", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out == "flip_aug = true\nnetwork_dim = 8\n"
    assert "a script for bash: 2 settings" in told.err
    assert "left out: --fancy = 3: has no equivalent here" in told.err and "note: --flip-aug is --flip_aug" in told.err


def test_the_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xef\xbb\xbf" + LINE.encode())))
    assert main(["import", "-"]) == 0
    assert "network_dim = 8" in capsys.readouterr().out


def test_files_that_the_settings_need_are_written_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "easy.toml", tmp_path / "new" / "run.toml"
    source.write_text(SECOND + EASY, encoding="utf-8")
    assert main(["import", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    settings = read_settings(["--config_file", str(out)])
    assert settings.dataset_config == out.with_name("run_dataset.toml")
    assert len(settings.dataset_tree["datasets"][0]["subsets"]) == 2
    assert main(["import", str(source)]) == 0
    assert "left out: dataset_config: the source holds folders" in capsys.readouterr().err

    window = tmp_path / "penny.json"
    window.write_text(json.dumps(GUI), encoding="utf-8")
    assert main(["import", str(window), "--out", str(tmp_path / "two.toml")]) == 0
    settings = read_settings(["--config_file", str(tmp_path / "two.toml")])
    assert settings.sample_prompts.read_text(encoding="utf-8") == "penny, smile --w 512\npenny, hat\n"


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "easy.toml", tmp_path / "run.toml"
    source.write_text(SECOND + EASY, encoding="utf-8")
    out.with_name("run_dataset.toml").write_text("mine", encoding="utf-8")
    assert main(["import", str(source), "--out", str(out)]) == 2
    assert not out.exists() and out.with_name("run_dataset.toml").read_text(encoding="utf-8") == "mine"
    out.write_text("mine", encoding="utf-8")
    assert main(["import", str(source), "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine"
    assert capsys.readouterr().err.count("exists already; give another name with --out.") == 2


BAD: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("a.toml", b" \n", "It is empty"),
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "It is not text"),
    "too large": ("a.toml", b"a = 1\n" * (LARGEST // 5), "It is too large"),
    "no known name": ("a.toml", b"a = 1\n", "no setting in it that is known"),
    "no valid TOML": ("a.toml", b"a = \n", "a.toml is not valid TOML"),
    "no valid JSON": ("a.json", b'{"a": ', "It is not valid JSON"),
    "a list": ("a.json", b'{"a": [[1], {"b": 2}]}', "no setting in it that is known"),
    "deep": ("a.json", b'{"a": ' + b"[" * 50_000, "It is not valid JSON"),
    "another training": ("a.toml", b'[[subsets]]\nimage_dir = "x"\n[train_mode]\ntrain_mode = "ti"\n', "only LoRAs"),
    "prose": ("a.txt", "今天天气很好。".encode(), "There is no training in it"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told"), BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence(
    name: str, content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert main(["import", str(path)]) == 2
    said = capsys.readouterr()
    assert told in said.err and len(said.err.strip().splitlines()) == 1 and said.out == ""


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "gone.toml")]) == 2
    assert main(["import", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "gone.toml does not exist." in err and "can't be read" in err
