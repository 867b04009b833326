"""What the doctor tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lora_workbench.installer.torch_build import Gpu


def gpu(capability: float, driver: str) -> list[Gpu]:
    return [Gpu("GeForce", capability, "8192 MiB", driver)]


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.installer import doctor

    monkeypatch.setattr(doctor, "find_gpus", lambda: gpu(8.6, "580.1"))
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "is unfinished")
    lines, is_well = doctor.examine()
    assert not is_well
    assert any("GeForce" in line for line in lines)
    wrong = next(number for number, line in enumerate(lines) if "is unfinished" in line)
    assert lines[wrong + 1].strip() == "mend: python install.py setup"


def test_the_doctor_compares_the_packages_with_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of this very environment, whose versions importlib knows."""
    from importlib.metadata import version

    from lora_workbench.installer import doctor

    lock = tmp_path / "trainer.lock"
    monkeypatch.setattr(doctor, "find_gpus", list)
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(doctor, "venv_python", lambda _: Path(sys.executable))
    monkeypatch.setattr(doctor, "LOCK", lock)

    lock.write_text(
        f"pytest=={version('pytest')}\nruff==1.0\nno-such-package==1\nnor-this==1 ; python_version < '3'\n", encoding="utf-8"
    )
    lines, is_well = doctor.examine()
    text = "\n".join(lines)
    assert not is_well
    assert f"Packages: ruff is {version('ruff')}, not 1.0; no-such-package is missing\n" in text
    assert f"PyTorch {version('torch')}" in text


def test_a_well_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.installer import doctor

    report = {"amiss": [], "torch": "2.13.0+cpu", "cuda": None, "hip": None, "devices": [], "clip": True}
    monkeypatch.setattr(doctor, "find_gpus", list)
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(doctor, "ask", lambda *_, **__: json.dumps(report))
    lines, is_well = doctor.examine()
    assert is_well and lines[-1] == "All is well." and not [line for line in lines if "mend:" in line]
    # The same environment beside a GPU is not what it should be.
    monkeypatch.setattr(doctor, "find_gpus", lambda: gpu(8.6, "580.1"))
    lines, is_well = doctor.examine()
    assert not is_well and "    mend: python install.py setup --torch auto" in lines


def test_a_trial_tells_what_twenty_steps_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.installer import doctor

    report = {"amiss": [], "torch": "2.13.0+cpu", "cuda": None, "hip": None, "devices": [], "clip": True}
    told = {"full": [["the losses are what they should be", ""]], "half": [["the loss of step 3 is nan", "train with AdamW"]]}
    asked: list[str] = []

    def ask(command: list[str | Path], **_: object) -> str:
        asked.append(str(command[-1]))
        return "a library's notice\n" + json.dumps({"findings": told[asked[-1]]}) if asked[-1] in told else json.dumps(report)

    monkeypatch.setattr(doctor, "find_gpus", list)
    monkeypatch.setattr(doctor, "what_is_wrong", lambda _: "")
    monkeypatch.setattr(doctor, "ask", ask)
    lines, is_well = doctor.examine(train=True)
    assert asked[1:] == ["full", "half"] and not is_well
    assert lines[-4:-2] == ["! the loss of step 3 is nan", "    mend: train with AdamW"]
    assert "  the losses are what they should be" in lines
    monkeypatch.setattr(doctor, "ask", lambda command, **_: "" if command[-1] == "full" else json.dumps(report))
    lines, is_well = doctor.examine(train=True)
    assert not is_well and "! Twenty steps in full precision did not come to their end" in lines
    asked.clear()
    monkeypatch.setattr(doctor, "ask", ask)
    assert doctor.examine()[1] and len(asked) == 1
