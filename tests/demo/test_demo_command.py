"""The demo's words, its closing summary and what it refuses before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.demo.run import command, recipe
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings

AIMS = {"concept_after": ("at least", 0.9), "without_tag": ("at most", 0.15)}


def result(concept_after: float, without_tag: float, missed: list[str], control: bool = False) -> dict:
    return {"concept_after": concept_after, "without_tag": without_tag, "missed": missed, "control": control}


def test_words_of_the_command_line(tmp_path: Path) -> None:
    job = command.read_job(["--out", str(tmp_path / "x"), "--creature", "mirra", "--seed", "7", "--shuffle-captions"])
    assert (job.out, job.creature, job.seed, job.shuffle_captions) == (tmp_path / "x", "mirra", 7, True)
    assert job.judge != job.tagger


def test_without_out_the_next_free_folder_of_the_data_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LORA_WORKBENCH_DATA", str(tmp_path))
    (tmp_path / "demo").mkdir()
    assert command.read_job([]).out == tmp_path / "demo-2"


def test_misspelt_words_end_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--shuffel"])
    assert ended.value.code == 2
    assert "--shuffel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missed", "control", "status", "words"),
    [
        ([], False, 0, "every aim is met"),
        (["without_tag"], False, 1, "misses its aim in without_tag"),
        (["concept_after"], True, 0, "it misses concept_after, as it should"),
        ([], True, 1, "can't be trusted"),
    ],
)
def test_summary_names_what_is_missed(missed: list[str], control: bool, status: int, words: str) -> None:
    lines, ended = command.summary(result(0.95, 0.2, missed, control), AIMS)
    assert ended == status
    assert words in lines[-1]
    assert ("missed" in next(line for line in lines if line.startswith("without_tag"))) == ("without_tag" in missed)


def test_shipped_settings_are_settings_of_the_trainer() -> None:
    shipped = recipe.load_recipe()
    settings = Settings.of(**shipped.training)
    assert settings.given == set(shipped.training)
    assert not [notice for notice in settings.notices if notice.severity != "note"]
    assert set(shipped.aims) >= {"concept_before", "concept_after", "context_followed", "without_tag"}


def test_a_used_folder_a_missing_model_and_an_unknown_creature_are_refused(tmp_path: Path) -> None:
    for name in ("base.safetensors", "tagger/model.onnx", "judge/model.onnx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    models = {"base": tmp_path / "base.safetensors", "tagger": tmp_path / "tagger", "judge": tmp_path / "judge"}

    def job(out: str, creature: str = "zibbo", **other: Path) -> recipe.Job:
        return recipe.Job(tmp_path / out, creature, 1, False, **{**models, **other})

    recipe.check(job("new"))
    with pytest.raises(UserError, match="already holds something"):
        recipe.check(job("tagger"))
    with pytest.raises(UserError, match="nobase.safetensors is missing"):
        recipe.check(job("new", base=tmp_path / "nobase.safetensors"))
    with pytest.raises(UserError, match="zibbo or mirra"):
        recipe.check(job("new", creature="zebra"))
