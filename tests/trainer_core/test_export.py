"""Exported settings, read back by those who will read them: a TOML reader, bash itself, and PowerShell's rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lora_workbench.trainer_core import export as export_room
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.export import export, file_name
from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import Settings, read_settings

HOSTILE = "it's \"so\" $HOME `id` $(touch gone) %PATH% !x! \\ ; & | > * ~ #\n'two' ‘lines’ 寺 \\"
VALUES = {
    "train_data_dir": "/sets/my pennies (2)/$x `y`", "output_dir": "C:\\a b\\it's\\", "output_name": "-penny",
    "pretrained_model_name_or_path": "/models/‘quoted’ 寺.safetensors", "resolution": "512,768", "network_dim": 16,
    "network_alpha": 0.1 + 0.2, "unet_lr": "1e-4", "text_encoder_lr": [5e-5], "adaptive_noise_scale": -0.01,
    "noise_offset": 0.05, "optimizer_args": ["betas=0.9, 0.999", "decouple=True"], "optimizer_type": "AdamW",
    "shuffle_caption": True, "cache_latents": False, "caption_separator": ", ", "keep_tokens_separator": "|||",
    "training_comment": HOSTILE, "metadata_title": "--seed=3", "face_crop_aug_range": "2.0,4.0", "max_train_epochs": 7,
    "lr_warmup_steps": 0.1, "seed": 2**63 - 1, "metadata_author": "",
}  # fmt: skip
FAKE = "#!/bin/sh\nexec {python} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' \"$@\"\n"
START = ["-I", "-X", "utf8", "-m", "lora_workbench.trainer_core", "train"]


@pytest.fixture
def settings() -> Settings:
    return Settings.from_dict(VALUES)


def same(found: Settings, wanted: Settings) -> None:
    """All values but where they were read from."""
    where = {"config_file": None, "preset": None, "job_dir": None}
    assert {**found.as_dict(), **where} == {**wanted.as_dict(), **where}


def test_toml(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / file_name(settings, "toml")
    path.write_text(export(settings, "toml"), encoding="utf-8", newline="\n")
    same(read_settings(["--config_file", str(path)]), settings)


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash here")
def test_bash(settings: Settings, tmp_path: Path) -> None:
    fake = tmp_path / "a 'fake' $python"
    fake.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    fake.chmod(0o755)
    text = export(settings, "bash", fake)
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True)
    words = json.loads(done.stdout)
    assert words[:6] == START and done.stderr == ""
    same(read_settings(words[6:]), settings)
    assert not (tmp_path / "gone").exists()
    lines = text.replace(HOSTILE.partition("\n")[2], "").splitlines()
    assert sum("--network_dim=16" in line for line in lines) == 1 and not any(
        "--network_dim" in x and "--seed" in x for x in lines
    )


def powershell_words(text: str) -> tuple[str, list[str]]:
    """Program and words of a script, by PowerShell's rules for strings in single quotes: five marks, doubled inside."""
    marks = "'‘’‚‛"

    def string(place: int) -> tuple[str, int]:
        assert text[place] in marks
        found, place = "", place + 1
        while True:
            if text[place] in marks:
                if text[place + 1 : place + 2] == "" or text[place + 1] not in marks:
                    return found, place + 1
                place += 1
            found += text[place]
            place += 1

    place = text.index("$words = @(") + len("$words = @(")
    words = []
    while True:
        while text[place].isspace():
            place += 1
        if text[place] == ")":
            break
        word, place = string(place)
        words.append(word)
        assert text[place] == "\n", "one word a line"
    start = text.rindex("\n& ") + 3
    program, end = string(start)
    assert text[end:].split() == ["@words"]
    return program, words


def test_powershell(settings: Settings) -> None:
    text = export(settings, "powershell", "C:\\it's ‘here’\\python.exe")
    program, words = powershell_words(text)
    assert program == "C:\\it's ‘here’\\python.exe" and words[:6] == START
    same(read_settings(words[6:]), settings)
    assert text.startswith("\ufeff"), "else Windows PowerShell takes it for the system's old encoding"
    assert "-lt [version]'7.3'" in text, "older ones don't mark quotation marks inside words"


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="there is no PowerShell here")
def test_powershell_itself(settings: Settings, tmp_path: Path) -> None:
    fake, script = tmp_path / "fake", tmp_path / "run.ps1"
    fake.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    fake.chmod(0o755)
    script.write_text(export(settings, "powershell", fake), encoding="utf-8")
    done = subprocess.run(["pwsh", "-NoProfile", "-File", str(script)], capture_output=True, encoding="utf-8", check=True)
    same(read_settings(json.loads(done.stdout)[6:]), settings)


def test_plain_settings_need_no_marks() -> None:
    text = export(Settings.of(network_dim=16, shuffle_caption=True, seed=0), "powershell", "python")
    assert text.isascii() and "PSVersionTable" not in text
    assert powershell_words(text)[1][6:] == ["--shuffle_caption", "--network_dim=16", "--seed=0"]


def test_old_powershell_marks_quotation_marks() -> None:
    """The replacement in the script, done here by its own pattern: what a program finds again by Windows' rules."""
    import re

    text = export(Settings.of(training_comment='a "b" c\\"d'), "powershell", "python")
    pattern, new = re.search(r"-replace '(.+)', '(.+)'", text).groups()
    marked = re.sub(pattern, new.replace("$1", r"\g<1>").replace('\\"', '\\\\"'), '--x=a "b" c\\"d')
    assert marked == '--x=a \\"b\\" c\\\\\\"d'


def test_what_a_preset_holds_is_exported_by_name(tmp_path: Path) -> None:
    settings = read_settings(["--preset", "new_project", "--seed", "5", f"--job_dir={tmp_path}"])
    words = powershell_words(export(settings, "powershell"))[1][6:]
    assert not any("preset" in word or "job_dir" in word for word in words)
    same(read_settings(words), settings)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--network_dim=8", "--as", "toml", "--seed", "3"]) == 0
    assert capsys.readouterr().out == "network_dim = 8\nseed = 3\n"
    assert main(["export", "--as=bash", "--seed=3"]) == 0
    assert "--seed=3" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "told"), [(["--seed=3"], "needs --as"), (["--as", "fish"], "'fish'"), (["--as"], "bash")])
def test_wrong_words(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *words]) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_form() -> None:
    with pytest.raises(WordsError, match="toml, bash, powershell, notebook"):
        export(Settings.of(seed=1), "exe")
    assert set(export_room.FORMS) == {"toml", "bash", "powershell", "notebook"}
