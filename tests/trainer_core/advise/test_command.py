"""`advise` as a user calls it: it writes settings that plan without an error, says why, and overwrites nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.advise import command
from lora_workbench.trainer_core.advise.command import main
from lora_workbench.trainer_core.advise.look import look_at_base, look_at_pictures
from lora_workbench.trainer_core.advise.text import advice_table
from lora_workbench.trainer_core.forecasts.cards import Card
from lora_workbench.trainer_core.guide.facts import Reasoned
from lora_workbench.trainer_core.guide.symptoms import symptoms
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.problems import UserError, WordsError
from lora_workbench.trainer_core.settings import read_settings
from lora_workbench.trainer_core.settings.toml_files import read_toml

BASE = Path(__file__).resolve().parents[3] / "demo" / "models" / "toy_base.safetensors"
ANSWERS = ["--kind", "character", "--difficulty", "B", "--quality", "good", "--use", "usual", "--vram", "8"]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(command, "found_card", lambda: None)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """33 pictures of two shapes in 1_penny, captioned."""
    folder = tmp_path / "set" / "1_penny"
    folder.mkdir(parents=True)
    for number in range(33):
        size = (128, 128) if number % 3 else (96, 160)
        Image.new("RGB", size, (number, 0, 0)).save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(f"penny, 1girl, tag {number}", encoding="utf-8")
    return folder.parent


def advise(*words: object) -> int:
    return main([str(word) for word in words])


def plan_of(path: Path):
    return make_plan(read_settings(["--config_file", str(path)], "plan"))


def test_the_written_file_plans_without_an_error_and_says_why(pictures, tmp_path, capsys):
    assert advise(pictures, "--base", BASE, *ANSWERS) == 0
    path = tmp_path / "set_advised.toml"
    plan = plan_of(path)
    assert not plan.errors and plan.images == 33
    assert plan.steps >= 1000 and (plan.epochs - 1) * plan.steps_per_epoch < 1000
    text = path.read_text(encoding="utf-8")
    assert "class B, 33 pictures" in text and "(guide l. 276)" in text
    for line in text.splitlines():
        assert len(line) < 128 or not line.startswith("#")
    said = capsys.readouterr().out
    assert "network_dim" in said and f"{plan.steps} steps in {plan.epochs} epochs" in said and str(path) in said


@pytest.mark.parametrize("width", [60, 80, 100, 120, 300])
def test_the_table_fits_the_terminal_and_leaves_nothing_out(width: int, monkeypatch) -> None:
    values = [
        Reasoned("train_data_dir", "/somewhere/" + "far/" * 30, "The pictures.", ""),
        Reasoned("network_dim", 8, "Word " * 60, "guide l. 276"),
    ]
    monkeypatch.setenv("COLUMNS", str(width))
    told = advice_table(values)
    assert max(len(line) for line in told.splitlines()) <= width
    assert told.count("Word") == 60 and "".join(told.split()).count("far/") >= 25 and "276)" in told
    assert ("network_dim = 8" in told) is (width <= 80)


def test_the_plan_doesn_t_find_the_advised_length_short_when_two_pictures_make_a_step(pictures, tmp_path):
    assert advise(pictures, "--base", BASE, "--kind", "style", "--vram", "12") == 0
    plan = plan_of(tmp_path / "set_advised.toml")
    assert plan.settings.train_batch_size == 2 and plan.steps < 1600
    assert "few-steps" not in {one.code for one in plan.problems}


def test_nothing_is_overwritten(pictures, tmp_path):
    advise(pictures, "--base", BASE, *ANSWERS)
    first = (tmp_path / "set_advised.toml").read_bytes()
    advise(pictures, "--base", BASE, *ANSWERS, "--optimizer", "AdamW")
    assert (tmp_path / "set_advised.toml").read_bytes() == first
    assert "AdamW" in (tmp_path / "set_advised-2.toml").read_text(encoding="utf-8")
    with pytest.raises(WordsError, match="exists already"):
        advise(pictures, "--out", tmp_path / "set_advised.toml")


def test_json_has_values_with_reasons_and_the_plan(pictures, tmp_path, capsys):
    out = tmp_path / "here" / "mine.toml"
    assert advise(pictures, "--base", BASE, *ANSWERS, "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == str(out) and told["steps"] == plan_of(out).steps
    assert {one["name"] for one in told["values"]} == set(told["settings"])
    rank = next(one for one in told["values"] if one["name"] == "network_dim")
    assert rank["value"] == 4 and rank["source"] == "guide l. 276"
    written = read_toml(out, "settings")
    assert written["network_dim"] == 4 and written["resolution"] == "128" and written["subject_difficulty"] == "B"


def test_regularization_pictures_are_asked_for_and_the_length_holds_once_they_are_there(pictures, tmp_path, capsys):
    words = ["--kind", "character", "--difficulty", "B", "--quality", "poor", "--vram", "8"]
    assert advise(pictures, "--base", BASE, *words) == 0
    assert "--class_word 1girl" in capsys.readouterr().out
    path, reg = tmp_path / "set_advised.toml", tmp_path / "set_reg"
    assert reg.is_dir() and 1000 <= plan_of(path).steps < 1100
    for number in range(4):
        (reg / "1_girl").mkdir(exist_ok=True)
        Image.new("RGB", (128, 128), (0, number, 0)).save(reg / "1_girl" / f"{number}.png")
    assert 2000 <= plan_of(path).steps < 2200
    assert advise(pictures, "--base", BASE, *words, "--no_reg", "--out", tmp_path / "none.toml") == 0
    assert "reg_data_dir" not in (tmp_path / "none.toml").read_text(encoding="utf-8")


def test_the_gpu_that_is_found_is_taken_and_one_that_is_too_small_is_told(pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "found_card", lambda: Card("Small GPU", 6 << 30))
    assert advise(pictures, "--base", BASE, "--kind", "style", "--out", tmp_path / "found.toml") == 0
    said = capsys.readouterr().out
    assert "The GPU found here, Small GPU, has 6 GB." in said and "AdamW8bit" in said and "isn't known" not in said
    assert advise(pictures, "--base", BASE, "--kind", "style", "--vram", "1", "--out", tmp_path / "told.toml") == 0
    assert "is reckoned to take" in capsys.readouterr().out


def test_a_plain_folder_gets_its_repeats_as_a_setting(pictures, tmp_path):
    plain = tmp_path / "penny"
    shutil.move(pictures / "1_penny", plain)
    facts, _ = look_at_pictures(plain)
    assert facts.is_plain and facts.folders[0].repeats == 1 and facts.pictures == 33
    assert advise(plain, "--base", BASE, *ANSWERS) == 0
    assert 'dataset_repeats = 1' in (tmp_path / "penny_advised.toml").read_text(encoding="utf-8")  # fmt: skip
    numbered = tmp_path / "5_penny"
    plain.rename(numbered)
    assert look_at_pictures(numbered)[0].folders[0].repeats == 5


def test_pictures_are_looked_at_as_the_plan_does(pictures):
    for number, path in enumerate(sorted((pictures / "1_penny").glob("*.txt"))):
        if number > 3:
            path.write_text(path.read_text(encoding="utf-8") + ", tail", encoding="utf-8")
    (pictures / "1_penny" / "00.txt").write_text("1girl, penny", encoding="utf-8")
    facts, training_set = look_at_pictures(pictures)
    assert (facts.pictures, facts.captioned, facts.activation, facts.without_activation) == (33, 33, "penny", 1)
    assert facts.everywhere == ("tail",) and facts.max_token_length == 75 and facts.side == 128
    assert len(training_set.items) == 33


def test_a_base_model_shows_its_width_and_resolution(tmp_path):
    seen = look_at_base(BASE)
    assert (seen.family, seen.width, seen.resolution) == ("sd1", 64, 128)
    alone = tmp_path / "animefull.safetensors"
    shutil.copy(BASE, alone)
    seen = look_at_base(alone)
    assert seen.resolution == 512 and seen.clip_skip == 2
    alone.with_suffix(".yaml").write_text("model:\n  params:\n    image_size: 32\n", encoding="utf-8")
    assert look_at_base(alone).resolution == 256


def test_without_a_base_the_file_is_written_and_the_base_asked_for(pictures, tmp_path, capsys):
    assert advise(pictures, *ANSWERS) == 0
    assert "--base" in capsys.readouterr().out
    assert "pretrained_model_name_or_path" not in (tmp_path / "set_advised.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a folder of pictures is missing"),
        (["SET", "--difficulty", "Z"], "'Z' is no class"),
        (["SET", "--vram", "much"], "no number of gigabytes"),
        (["SET", "--kind", "dragon"], "invalid choice"),
        (["SET", "--settings", "x.toml"], "--settings belongs to --symptom"),
        (["--symptom", "bunt"], "did you mean burnt?"),
        (["--symptom", "burnt"], "needs --settings"),
        (["--symptom", "burnt", "--settings", "missing.toml"], "does not exist"),
        (["SET", "--optimizer", "Adma"], "is none that advice can be given on"),
        (["SET", "--reg", "nowhere"], "is no folder"),
        (["SET", "--base", "missing.safetensors"], "There is no model at missing.safetensors"),
        (["nowhere"], "doesn't exist"),
    ],
)
def test_wrong_words_get_one_sentence(words, said, pictures):
    with pytest.raises(UserError) as error:
        advise(*[pictures if word == "SET" else word for word in words])
    assert said in str(error.value) and "\n" not in str(error.value)


def test_an_empty_folder_is_refused_and_nothing_written(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no pictures"):
        advise(tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_symptoms_are_listed_and_lead_to_the_next_run(pictures, tmp_path, capsys):
    assert advise("--symptom", "list") == 0
    listed = capsys.readouterr().out
    assert all(one.code in listed and one.sees in listed for one in symptoms())
    first, following = tmp_path / "first.toml", tmp_path / "next.toml"
    advise(pictures, "--base", BASE, *ANSWERS, "--optimizer", "AdamW", "--out", first)
    capsys.readouterr()
    assert advise("--symptom", "noise-blocks", "--settings", first, "--out", following) == 0
    assert "1.25e-05" in capsys.readouterr().out
    before, after = (read_toml(path, "settings") for path in (first, following))
    assert after["unet_lr"] == before["unet_lr"] / 8
    assert not plan_of(following).errors
    assert {name: value for name, value in after.items() if not name.endswith(("lr", "learning_rate"))} == {
        name: value for name, value in before.items() if not name.endswith(("lr", "learning_rate"))
    }
    with pytest.raises(WordsError, match="exists already"):
        advise("--symptom", "noise-blocks", "--settings", first, "--out", following)
    assert advise("--symptom", "burnt", "--settings", first, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["symptom"]["code"] == "burnt" and {one["name"] for one in told["values"]} == {"unet_lr", "learning_rate"}


def test_base_models_are_advised_and_those_on_the_disk_named(pictures, tmp_path, capsys):
    """The captions have 1girl, so that the subject is drawn; --looks is believed before that."""
    models = tmp_path / "models"
    (models / "xl").mkdir(parents=True)
    for name in ("animefull-final-pruned.ckpt", "v1-5-pruned.ckpt", "xl/ponyDiffusionV6XL.safetensors", "animefull.txt"):
        (models / name).write_bytes(b"")
    assert advise(pictures, *ANSWERS, "--models", models) == 0
    said = capsys.readouterr().out
    assert "It looks so by its tags. Base models that suit it (guide l. 259, 380, 397): NovelAI's model" in said
    assert "these suit it, by their names: animefull-final-pruned.ckpt, xl/ponyDiffusionV6XL.safetensors." in said
    assert advise(pictures, *ANSWERS, "--models", models, "--looks", "real", "--out", tmp_path / "b.toml") == 0
    assert "these suit it, by their names: v1-5-pruned.ckpt." in capsys.readouterr().out
    with pytest.raises(WordsError, match="--models .* is no folder"):
        advise(pictures, *ANSWERS, "--models", tmp_path / "none", "--out", tmp_path / "c.toml")
    assert not (tmp_path / "c.toml").exists()
    shutil.copy(BASE, models / "v1-5-toy.safetensors")
    assert advise(pictures, *ANSWERS, "--base", models / "v1-5-toy.safetensors", "--out", tmp_path / "d.toml") == 0
    assert "Stable Diffusion 1.5 doesn't suit it: NovelAI's model (animefull) does." in capsys.readouterr().out
