"""The trial of an installation: twenty steps that are known beforehand, and what happens where they come out otherwise."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from lora_workbench.demo import self_test
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.problems import UserError


def test_this_installation_computes_what_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    assert self_test.main(["full"]) == 0
    (losses, nothing), (change, nothing_either) = json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]
    assert "20 steps in full precision: the losses are what they should be" in losses
    assert change.startswith("The LoRA changes a picture as it should") and nothing == nothing_either == ""


def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, losses: list[float], change: float = 0.15) -> list[tuple[str, str]]:
    monkeypatch.setattr(self_test, "run", lambda *_: (losses, tmp_path / "zibbo.safetensors"))
    monkeypatch.setattr(self_test, "change", lambda _: change)
    return list(self_test.findings_of(self_test.TRIALS["full"], tmp_path, read_json(self_test.EXPECTED)))


def test_what_comes_out_otherwise_is_told_with_its_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good = read_json(self_test.EXPECTED)["losses"]
    assert len(found(monkeypatch, tmp_path, good)) == 2
    for wrong, words in (
        ([*good[:5], good[5] * 1.02, *good[6:]], "the loss of step 6 is 0.2463 in place of 0.2415"),
        ([math.nan, *good[1:]], "the loss of step 1 is nan"),
        (good[:7], "7 of 20 were counted"),
    ):
        ((told, mend),) = found(monkeypatch, tmp_path, wrong)
        assert words in told and mend.startswith("remove trainer_core/venv")
    (_, (told, mend)) = found(monkeypatch, tmp_path, good, change=0.0)
    assert told == "The LoRA changes a picture by 0.0000, where 0.1545 is usual" and mend


def test_a_training_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise UserError("The GPU's memory is full.")

    monkeypatch.setattr(self_test, "run", fails)
    ((told, mend),) = self_test.findings_of(self_test.TRIALS["half"], tmp_path, {})
    assert told == "20 steps in half precision with AdamW8bit failed: The GPU's memory is full." and "AdamW" in mend


def test_other_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert self_test.main(["twice"]) == 2
    assert "full, half or write" in capsys.readouterr().err
