"""The notebook for rented machines: its cells run, train with the settings, and go on after a disconnect."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.export import export, file_name
from lora_workbench.trainer_core.settings import Settings, read_settings

VALUES = {
    "pretrained_model_name_or_path": "X:\\models\\na'i 寺.safetensors", "train_data_dir": "/sets/penny",
    "reg_data_dir": "/reg/penny", "output_dir": "/out", "output_name": "penny", "network_dim": 8, "unet_lr": 1e-4,
    "resolution": "512,768",
    "resume": "/old-state",
    "optimizer_args": ["betas=0.9,0.99"], "training_comment": 'it\'s "so"\n{x} \\', "shuffle_caption": True,
}  # fmt: skip


def cells(text: str) -> list[str]:
    content = json.loads(text)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 4)
    for cell in content["cells"]:
        keys = {"cell_type", "metadata", "source"}
        assert set(cell) == (keys if cell["cell_type"] == "markdown" else {*keys, "execution_count", "outputs"})
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


class Machine:
    """A rented machine: runs the cells in order, with programs that only note what they were asked."""

    def __init__(self, text: str, work: Path) -> None:
        self.cells, self.work, self.names, self.asked = cells(text), work, {}, []

    def run_all(self, stop_at: str = "") -> None:
        for source in self.cells:
            if stop_at and source.startswith(stop_at):
                return
            exec(compile(source, "cell", "exec"), self.names)
            if "def run(" in source:
                self.names.update(run=self.note, WORK=self.work, PROGRAM=self.work.parent / "program", REPOSITORY="https://x/y")

    def note(self, *words: Any) -> None:
        self.asked.append([str(word) for word in words])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    return Machine(export(Settings.from_dict(VALUES), "notebook"), work)


def test_it_sets_up_trains_and_goes_on(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run_all(stop_at="# Download")
    program = machine.work.parent / "program"
    assert machine.asked[:3] == [
        ["git", "clone", "https://x/y", str(program)],
        [sys.executable, str(program / "install.py"), "setup"],
        [sys.executable, str(program / "install.py"), "doctor"],
    ]
    plan, train = machine.asked[3:]
    assert plan[5:] == ["lora_workbench.trainer_core", "plan", "--config_file", str(machine.work / "run.json")]
    assert train[6:] == ["train", "--config_file", str(machine.work / "run.json"), "--resume", "auto"]
    assert "Still missing: na'i 寺.safetensors, penny, reg_data_dir_penny" in capsys.readouterr().out

    (machine.work / "output").mkdir()
    (machine.work / "output" / "penny.safetensors").touch()
    machine.asked.clear()
    machine.run_all(stop_at="# Download")
    assert not [words for words in machine.asked if "train" in words], "what is finished is not trained again"


def test_its_settings_are_the_exported_ones(machine: Machine) -> None:
    machine.run_all(stop_at="# The plan")
    settings = read_settings(["--config_file", str(machine.work / "run.json")])
    work = machine.work
    there = {
        "pretrained_model_name_or_path": work / "na'i 寺.safetensors", "train_data_dir": work / "penny",
        "reg_data_dir": work / "reg_data_dir_penny", "output_dir": work / "output", "resume": None,
        "save_state": True, "save_last_n_epochs_state": 1, "save_every_n_epochs": 1, "config_file": work / "run.json",
    }  # fmt: skip
    expected = Settings.from_dict(VALUES).as_dict() | {name: value and str(value) for name, value in there.items()}
    assert settings.as_dict() == expected | {"save_state": True, "save_last_n_epochs_state": 1, "save_every_n_epochs": 1}


def test_zip_files_are_unpacked(machine: Machine) -> None:
    for inside in ("penny/1_penny/a.png", "1_girl/b.png"):
        name = "penny" if inside.startswith("penny") else "reg_data_dir_penny"
        with zipfile.ZipFile(machine.work / f"{name}.zip", "w") as archive:
            archive.writestr(inside, b"x")
    for _ in range(2):
        machine.run_all(stop_at="SETTINGS")
        assert (machine.work / "penny" / "1_penny" / "a.png").is_file()
        assert (machine.work / "reg_data_dir_penny" / "1_girl" / "b.png").is_file()


def test_without_an_address_the_sentence_says_so(machine: Machine) -> None:
    with pytest.raises(SystemExit, match="REPOSITORY"):
        for source in machine.cells[:2]:
            exec(compile(source.replace("lora_run", str(machine.work)), "cell", "exec"), machine.names)


def test_its_own_run_tells_what_failed(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(machine.cells[0], "cell", "exec"), machine.names)
    machine.names["run"](sys.executable, "-c", "print('寺', 3)")
    assert capsys.readouterr().out == "寺 3\n"
    with pytest.raises(SystemExit, match="status 3"):
        machine.names["run"](sys.executable, "-c", "raise SystemExit(3)")


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--as=notebook", "--network_dim=8", "--save_every_n_steps=50"]) == 0
    text = capsys.readouterr().out
    source = "\n".join(cells(text))
    assert "'network_dim': 8," in source and "'save_every_n_epochs'" not in source and "'output_name': 'last'" in source
    assert file_name(Settings.of(output_name="penny"), "notebook") == "train_penny.ipynb"
