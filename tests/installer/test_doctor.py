"""What the doctor tells."""

from __future__ import annotations

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

    lock.write_text(f"pytest=={version('pytest')}\nno-such-package==1 ; python_version < '3'\n", encoding="utf-8")
    text = "\n".join(doctor.examine()[0])
    assert "all as in the lock" in text and f"PyTorch {version('torch')}" in text
    lock.write_text("pytest==1.0\nno-such-package==1\n", encoding="utf-8")
    lines, is_well = doctor.examine()
    text = "\n".join(lines)
    assert not is_well
    assert f"pytest is {version('pytest')}, not 1.0; no-such-package is missing" in text
