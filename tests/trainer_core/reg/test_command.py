"""`python -m trainer_core reg`: whole sets by a base of random weights, what is drawn again, and what is never touched."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.trainer_core import commands
from lora_workbench.trainer_core.files import file_sha256
from lora_workbench.trainer_core.models.families import identify
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.reg import command, draw
from lora_workbench.trainer_core.reg.manifest import NAME, read_manifest
from lora_workbench.trainer_core.settings import Settings

Run = Callable[..., dict]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """`pictures/2_penny`: two square pictures and a wide one, with captions."""
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number, size in enumerate([(128, 128), (128, 128), (192, 96)]):
        Image.new("RGB", size, (60 * number, 90, 30)).save(folder / f"p{number}.png")
        (folder / f"p{number}.txt").write_text(f"penny, red hat, number {number} \\(toy\\)", encoding="utf-8")
    return folder


def settings_of(pictures: Path, base: Path, **changes: object) -> dict[str, object]:
    values = {
        "pretrained_model_name_or_path": base, "train_data_dir": pictures.parent, "reg_data_dir": pictures.parents[1] / "reg",
        "resolution": 128, "enable_bucket": True, "min_bucket_reso": 64, "max_bucket_reso": 256, "bucket_reso_steps": 32,
        "caption_extension": ".txt", "seed": 42, **changes,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def words_of(pictures: Path, base: Path, **changes: object) -> list[str]:
    values = settings_of(pictures, base, **changes)
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in values.items()]


@pytest.fixture
def run(pictures: Path, random_base: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Draws with two steps and the class word `doll`; returns what --json says."""

    def go(*own: str, **changes: object) -> dict:
        own = own if any(word.startswith("--kind") for word in own) else ("--class_word=doll", *own)
        own = own if any(word.startswith("--steps") for word in own) else (*own, "--steps=2")
        assert command.main([*words_of(pictures, random_base, **changes), *own, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return go


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def drawn(told: dict) -> dict[str, str]:
    folder = Path(told["folder"])
    return {path.name: file_sha256(path) for path in sorted(folder.glob("*.png"))}


def test_one_command_makes_the_matched_set(run: Run, random_base: Path) -> None:
    told = run()
    folder = Path(told["folder"])
    assert folder.name == "1_doll" and told["made"] == 3
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [NAME, *(f"p{number}{end}" for number in range(3) for end in (".png", ".txt"))]
    )
    assert (folder / "p1.txt").read_text(encoding="utf-8") == "doll, red hat, number 1 (toy)"
    with Image.open(folder / "p1.png") as square, Image.open(folder / "p2.png") as wide:
        prompt, values = square.info["parameters"].split("\n")
        assert prompt == r"doll, red hat, number 1 \(toy\)"
        assert "Sampler: DDIM" in values and "Seed: 42" in values and "CFG scale: 6" in values
        assert f"Model hash: {file_sha256(random_base)[:10]}" in values
        assert square.size == (128, 128) and wide.size == (160, 96)  # the training's own bucket
    manifest = read_manifest(folder)
    assert manifest is not None and manifest.pending == {} and manifest.seed == 42
    entry = manifest.pictures["p2.png"]
    assert (entry.base, entry.request.width, entry.request.steps) == (file_sha256(random_base), 160, 2)
    content = json.loads((folder / NAME).read_text(encoding="utf-8"))
    assert len(content["captions"]) == 64


def test_only_what_changed_is_drawn_again(run: Run, pictures: Path) -> None:
    first = drawn(run())
    again = run()
    assert again["made"] == 0 and again["kept"] == 3 and drawn(again) == first
    (pictures / "p1.txt").write_text("penny, blue boots", encoding="utf-8")
    edited = run()
    assert edited["made"] == 1 and edited["to_draw"] == ["p1.png"]
    after = drawn(edited)
    assert {name for name in first if first[name] != after[name]} == {"p1.png"}
    assert (Path(edited["folder"]) / "p1.txt").read_text(encoding="utf-8") == "doll, blue boots"
    lost = Path(edited["folder"]) / "p0.png"
    before = pixels(lost)
    lost.unlink()
    assert run()["to_draw"] == ["p0.png"]
    assert np.abs(pixels(lost) - before).max() <= 2  # the same seed draws the same picture, in whatever batch


@pytest.mark.parametrize(
    ("own", "changes", "why"),
    [
        ((), {"seed": 43}, "seed"),
        ((), {"clip_skip": 2}, "clip skip"),
        (("--steps=3", "--negative=ghost"), {}, "negative prompt, steps"),
        (("--class_word=toy", "--folder=1_doll"), {}, "class word"),
        (("--cfg=7",), {"resolution": 96, "bucket_no_upscale": True}, "CFG"),
    ],
)
def test_a_set_drawn_otherwise_is_stale_until_redo(run: Run, own: tuple[str, ...], changes: dict, why: str) -> None:
    first = drawn(run())
    told = run(*own, **changes)
    assert told["made"] == 0 and drawn(told) == first
    assert len(told["stale"]) == 3 and all(why in one["changed"] for one in told["stale"])
    redone = run(*own, "--redo", **changes)
    assert redone["made"] == 3 and not redone["stale"]
    assert all(first[name] != now for name, now in drawn(redone).items())
    assert run(*own, **changes)["kept"] == 3


def test_another_base_makes_it_stale(run: Run, tmp_path: Path) -> None:
    from lora_workbench.benchmarks.make_checkpoint import make_checkpoint

    run()
    other = make_checkpoint(tmp_path / "other.safetensors", "toy", dtype="fp16")
    told = run(pretrained_model_name_or_path=other)
    assert [one["changed"] for one in told["stale"]] == ["base"] * 3


def test_a_users_files_are_never_replaced(run: Run, pictures: Path) -> None:
    folder = pictures.parents[1] / "reg" / "1_doll"
    folder.mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(folder / "p0.jpg")
    (folder / "p1.txt").write_text("mine", encoding="utf-8")
    Image.new("RGB", (9, 9)).save(folder / "other.png")
    told = run()
    assert told["yours"] == ["p0.jpg"] and told["extra"] == ["other.png"] and told["made"] == 2
    assert not (folder / "p0.png").exists() and (folder / "p1.txt").read_text(encoding="utf-8") == "mine"
    Image.new("RGB", (9, 9)).save(folder / "p2.png")  # ours, and then changed: the user's from now on
    mine = drawn(told)["p2.png"]
    redone = run("--redo", seed=5)
    assert sorted(redone["yours"]) == ["p0.jpg", "p2.png"] and redone["to_draw"] == ["p1.png"]
    assert drawn(redone)["p2.png"] == mine


def test_pictures_without_a_caption_are_listed_and_left_out(run: Run, pictures: Path) -> None:
    (pictures / "p0.txt").unlink()
    (pictures / "p1.txt").write_text("", encoding="utf-8")
    (pictures / "torn.png").write_bytes(b"half a pict")
    told = run("--activation=penny")
    assert [Path(path).name for path in told["without_caption"]] == ["p0.png", "p1.png"]
    assert [Path(path).name for path in told["not_trained"]] == ["torn.png"]
    assert told["to_draw"] == ["p2.png"]


def test_dry_run_draws_and_writes_nothing(run: Run, pictures: Path) -> None:
    told = run("--dry_run")
    assert told["to_draw"] == ["p0.png", "p1.png", "p2.png"] and told["made"] == 0
    assert not (pictures.parents[1] / "reg").exists()


def test_the_batch_changes_no_picture(run: Run, tmp_path: Path) -> None:
    found = {}
    for size in (1, 2, 3):
        told = run(f"--out={tmp_path / str(size)}", f"--batch_size={size}")
        found[size] = [pixels(path) for path in sorted(Path(told["folder"]).glob("*.png"))]
    for size in (2, 3):
        for one, other in zip(found[1], found[size], strict=True):
            assert np.abs(one - other).max() <= 2
    assert np.abs(found[1][0] - found[1][1]).max() > 2


def test_long_prompts_are_drawn_whole(run: Run, pictures: Path) -> None:
    words = ", ".join(f"tag number {number}" for number in range(75))
    (pictures / "p0.txt").write_text(f"penny, {words}", encoding="utf-8")
    (pictures / "p1.txt").write_text(f"penny, {words}, moon", encoding="utf-8")
    told = run("--seeds=same")
    assert told["made"] == 3
    one, other = (pixels(Path(told["folder"]) / f"p{number}.png") for number in range(2))
    assert (one != other).any()  # the last tag is read


def test_seeds_by_index(run: Run) -> None:
    told = run("--seeds=index")
    seeds = {name: entry.request.seed for name, entry in read_manifest(Path(told["folder"])).pictures.items()}
    assert seeds == {"p0.png": 42, "p1.png": 43, "p2.png": 44}


def test_the_prompts_end_may_name_loras_and_is_in_no_caption(run: Run, tmp_path: Path) -> None:
    import torch

    from lora_workbench.trainer_core.networks.format import save_lora

    name = "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_attn1_to_q"
    first = {f"{name}.lora_{way}.weight": torch.randn((2, 64) if way == "down" else (64, 2)) for way in ("down", "up")}
    (tmp_path / "loras").mkdir()
    save_lora(tmp_path / "loras" / "style.safetensors", first, {})
    own = ("--prompt_end=best quality, <lora:style:0.8>", f"--lora_folders={tmp_path / 'loras'}")
    plain = drawn(run())
    assert {one["changed"] for one in run(*own)["stale"]} == {"LoRAs, prompt's end"}
    told = run(*own, "--redo")
    folder = Path(told["folder"])
    assert told["made"] == 3 and all(plain[one] != now for one, now in drawn(told).items())
    assert (folder / "p1.txt").read_text(encoding="utf-8") == "doll, red hat, number 1 (toy)"
    with Image.open(folder / "p1.png") as picture:
        prompt = picture.info["parameters"].split("\n")[0]
    assert prompt == r"doll, red hat, number 1 \(toy\), best quality, <lora:style:te=0.8:unet=0.8>"
    assert run(*own)["kept"] == 3
    save_lora(tmp_path / "loras" / "style.safetensors", {key: tensor * 2 for key, tensor in first.items()}, {})
    assert {one["changed"] for one in run(*own)["stale"]} == {"LoRAs"}, "another LoRA of that name"


def test_a_lora_of_another_family_is_one_sentence_and_nothing_is_drawn(
    pictures: Path, random_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from lora_workbench.trainer_core.networks.format import save_lora

    name = "lora_te2_text_model_encoder_layers_0_mlp_fc1"
    save_lora(tmp_path / "xl.safetensors", {f"{name}.lora_{way}.weight": torch.zeros(2, 2) for way in ("down", "up")}, {})
    own = ["--class_word=doll", "--prompt_end=<lora:xl:1>", f"--lora_folders={tmp_path}"]
    assert commands.main(["reg", *words_of(pictures, random_base), *own]) == 1
    told = capsys.readouterr().err
    assert "xl.safetensors isn't for this model" in told and len(told.splitlines()) == 1
    assert not list((pictures.parents[1] / "reg").rglob("*.png"))


def test_class_sets(run: Run) -> None:
    own = ("--kind=class", "--class_word=1girl", "--tags=red hair, 1girl, hat (red)")
    folder = Path(run(*own, "--count=2")["folder"])
    entries = read_manifest(folder).pictures
    assert [entry.request.seed for entry in entries.values()] == [42, 43] and list(entries) == ["0001.png", "0002.png"]
    assert entries["0001.png"].request.prompt == r"1girl, red hair, hat \(red\)"
    assert (folder / "0001.txt").read_text(encoding="utf-8") == "1girl, red hair, hat (red)"
    assert Image.open(folder / "0001.png").size == (128, 128)
    assert run(*own, "--count=3")["to_draw"] == ["0003.png"]
    assert run(*own, "--count=1")["extra"] == ["0002.png", "0003.png"]
    other = ("--kind=class", "--count=3", "--dry_run", "--folder=1_1girl")
    assert run(*other, "--class_word=1girl", "--tags=hat")["why_stale"] == {"tags": 3}
    assert run(*other, "--class_word=1boy", "--tags=hat")["why_stale"] == {"class word": 3}


def test_a_kill_between_two_writes_loses_and_repeats_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after the second picture's file, before its caption and before the manifest says so."""
    whole, written = draw.save_caption, []

    def killed(wanted: draw.Wanted, entry: draw.Entry) -> bool:
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(wanted)
        return whole(wanted, entry)

    monkeypatch.setattr(draw, "save_caption", killed)
    with pytest.raises(KeyboardInterrupt):
        run("--batch_size=2")
    monkeypatch.setattr(draw, "save_caption", whole)
    told = run()
    assert told["kept"] == 2 and told["to_draw"] == ["p2.png"] and not told["yours"]
    assert (Path(told["folder"]) / "p1.txt").read_text(encoding="utf-8") == "doll, red hat, number 1 (toy)"


def test_after_sigkill_the_same_command_goes_on(pictures: Path, random_base: Path, run: Run) -> None:
    for number in range(3, 8):
        shutil.copy(pictures / "p0.png", pictures / f"p{number}.png")
        (pictures / f"p{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")
    words = [*words_of(pictures, random_base), "--class_word=doll", "--batch_size=1", "--steps=8"]
    command = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.trainer_core", "reg", *words]
    folder = pictures.parents[1] / "reg" / "1_doll"
    process = subprocess.Popen(command, env={**os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while len(list(folder.glob("p*.png"))) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = {path.name: file_sha256(path) for path in folder.glob("p*.png")}
    assert 2 <= len(before) < 8
    told = run("--batch_size=4", "--steps=8")
    assert told["kept"] == len(before) and told["made"] == 8 - len(before) and not told["yours"]
    after = drawn(told)
    assert {name: after[name] for name in before} == before


def test_a_full_disk_is_one_sentence_and_what_was_made_stays(
    run: Run, pictures: Path, random_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = draw.write_atomically

    def full(path: Path, data: bytes) -> None:
        if path.name == "p2.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        whole(path, data)

    monkeypatch.setattr(draw, "write_atomically", full)
    words = [*words_of(pictures, random_base), "--class_word=doll", "--steps=2", "--batch_size=1"]
    assert commands.main(["reg", *words]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: No space left on device") and "The 2 pictures drawn until then" in told
    monkeypatch.setattr(draw, "write_atomically", whole)
    assert run()["to_draw"] == ["p2.png"]


@pytest.mark.parametrize(
    ("own", "changes", "status", "words"),
    [
        (("--class_word=doll",), {"pretrained_model_name_or_path": None}, 1, "no base model"),
        (("--class_word=doll",), {"pretrained_model_name_or_path": "nowhere.safetensors"}, 1, "There is no model at nowhere"),
        (("--class_word=doll",), {"seed": None}, 1, "give no seed"),
        (("--class_word=doll",), {"resolution": None}, 1, "resolution is missing"),
        (("--class_word=doll",), {"reg_data_dir": None}, 1, "no folder for the pictures"),
        (("--class_word=doll",), {"caption_extension": ".caption"}, 1, "None of the 3 training pictures has a caption"),
        (("--class_word=doll", "--activation=jenny"), {}, 1, "No caption holds the activation tag 'jenny'"),
        (("--class_word=doll", "--sampler=Quux"), {}, 1, "no sampler 'Quux'"),
        ((), {}, 2, "reg needs --class_word"),
        (("--class_word=doll", "--steps=0"), {}, 2, "--steps"),
        (("--class_word=doll", "--folder=a/b"), {}, 2, "not the name of a folder"),
        (("--kind=class", "--class_word=doll"), {}, 2, "needs --count"),
        (("--class_word=doll", "--count=3"), {}, 2, "--kind class"),
        (("--class_word=doll", "--quux=3"), {}, 2, "quux"),
        (("--class_word=doll", "--prompt_end=<lora:gone:1>"), {}, 1, "The LoRA gone of a prompt is looked for in no folder"),
        (("--class_word=doll", "--schedule=Quux"), {}, 1, "no schedule type 'Quux'"),
    ],
)
def test_wrong_input_is_one_sentence(
    pictures: Path,
    random_base: Path,
    capsys: pytest.CaptureFixture[str],
    own: tuple[str, ...],
    changes: dict,
    status: int,
    words: str,
) -> None:
    assert commands.main(["reg", *words_of(pictures, random_base, **changes), *own]) == status
    told = capsys.readouterr().err
    assert words in told and told.startswith("error: ") and len(told.splitlines()) == 1
    assert not (pictures.parents[1] / "reg").exists()


def test_a_lora_is_no_base(tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "lora.safetensors"
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(2, 2)}, str(path))
    assert identify(read_header(path)) == "lora"
    assert commands.main(["reg", *words_of(pictures, path), "--class_word=doll"]) == 1
    assert "is a LoRA, not a base model" in capsys.readouterr().err


def test_the_training_folder_is_refused(pictures: Path, random_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = words_of(pictures, random_base, reg_data_dir=pictures.parent)
    assert commands.main(["reg", *words, "--class_word=doll"]) == 1
    assert "holds the training pictures" in capsys.readouterr().err


def test_help_says_what_a_matched_seed_does_not_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert "it doesn't line up any noise" in capsys.readouterr().out


def test_the_toy_world_draws_what_its_captions_say(toy_base: Path, pictures: Path, run: Run) -> None:
    """A trained base: the class word's pictures are no noise, and equal in batches of one and three."""
    for number, place in enumerate(("snow", "forest", "beach")):
        (pictures / f"p{number}.txt").write_text(f"zibbo, 1creature, round body, {place}", encoding="utf-8")
    found = []
    for size in (1, 3):
        out = pictures.parents[1] / f"toy{size}"
        options = ("--drop_activation", "--steps=6", f"--out={out}", f"--batch_size={size}")
        told = run(*options, pretrained_model_name_or_path=toy_base)
        assert told["made"] == 3 and (Path(told["folder"]) / "p0.txt").read_text() == "1creature, round body, snow"
        assert run(*options, pretrained_model_name_or_path=toy_base)["made"] == 0
        found.append([pixels(path) for path in sorted(Path(told["folder"]).glob("*.png"))])
    assert all(np.abs(one - other).max() <= 2 for one, other in zip(*found, strict=True))


def plan_codes(pictures: Path, base: Path, **changes: object) -> dict[str, str]:
    problems = make_plan(Settings.of(**settings_of(pictures, base, **changes))).problems
    return {one.code: one.message for one in problems if one.code.startswith("reg-")}


def test_the_plan_says_when_the_set_is_stale(run: Run, pictures: Path, random_base: Path, toy_base: Path) -> None:
    run()
    assert plan_codes(pictures, random_base) == {}
    assert "another base model" in plan_codes(pictures, toy_base)["reg-base"]
    assert "drawn with seed 42, and this run has 7" in plan_codes(pictures, random_base, seed=7)["reg-seed"]
    assert "this run has none" in plan_codes(pictures, random_base, seed=None)["reg-seed"]
    lost = pictures.parents[1] / "reg" / "1_doll" / "p2.png"
    lost.unlink()
    assert run(seed=7)["made"] == 1  # one is of the new seed, and the others still of the old
    for seed, other in ((7, 42), (42, 7)):
        assert f"drawn with seed {other}, and this run has {seed}" in plan_codes(pictures, random_base, seed=seed)["reg-seed"]
    assert run("--redo")["to_draw"] == ["p2.png"]
    (pictures / "p1.txt").write_text("penny, blue boots", encoding="utf-8")
    assert plan_codes(pictures, random_base)["reg-captions"].endswith("were drawn: p1.png.")
    run()
    assert plan_codes(pictures, random_base) == {}
    lost.unlink()
    assert "without a regularization picture of their own" in plan_codes(pictures, random_base)["reg-captions"]
    (pictures.parents[1] / "reg" / "1_doll" / NAME).write_text("{", encoding="utf-8")
    assert "is damaged" in plan_codes(pictures, random_base)["reg-manifest"]
