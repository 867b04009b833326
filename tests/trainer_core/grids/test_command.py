"""`python -m trainer_core grid` on the toy base with a quickly trained LoRA: cells, infotext, going on, choosing, mistakes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.generate.infotext import save_png
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.run_snapshots import read_snapshot, snapshots_of_run
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.grids import cells
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.format import read_lora, save_lora
from lora_workbench.trainer_core.settings import read_settings

TAGGER = Path(__file__).resolve().parents[3] / "demo" / "models" / "toy_tagger"
PROMPT, NEGATIVE = "1creature, (red:1.2), round body", "ghost, night: dark"
FEW = ["--steps", "2", "--batch_size", "3"]
# As webui reads the last line of a picture's parameters.
_PARAMETER = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, toy_base: Path) -> Path:
    """A folder with `out/penny.safetensors` of three epochs of one step, its snapshots, pictures, and `data` with the job."""
    folder = tmp_path_factory.mktemp("trained")
    pictures = folder / "pictures" / "1_penny"
    pictures.mkdir(parents=True)
    for number in range(2):
        Image.linear_gradient("L").resize((64, 64)).rotate(90 * number).convert("RGB").save(pictures / f"{number}.png")
        (pictures / f"{number}.txt").write_text("penny, red")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LORA_WORKBENCH_DATA", str(folder / "data"))
        words = {
            "pretrained_model_name_or_path": toy_base, "train_data_dir": folder / "pictures", "output_dir": folder / "out",
            "output_name": "penny", "resolution": 64, "caption_extension": ".txt", "network_dim": 2, "unet_lr": "2e-2",
            "text_encoder_lr": "1e-2", "train_batch_size": 2, "max_train_epochs": 3, "save_every_n_epochs": 1, "seed": 7,
        }  # fmt: skip
        assert main(["train", *(f"--{name}={value}" for name, value in words.items())]) == 0
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of its LoRA, with the job known."""
    shutil.copytree(trained / "out", tmp_path / "out")
    shutil.copytree(trained / "data", tmp_path / "data")
    yield tmp_path / "out" / "penny.safetensors"


def manifest(run: Path) -> dict:
    return json.loads((run.parent / "grids" / "penny" / "grid.json").read_text())


def cell_path(run: Path, id_: str) -> Path:
    return run.parent / "grids" / "penny" / manifest(run)["cells"][id_]["file"]


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What stderr says beside how many pictures are drawn."""
    return [line for line in capsys.readouterr().err.splitlines() if "pictures drawn" not in line]


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


def test_cells_are_what_single_samples_are_and_say_every_value(run: Path, toy_base: Path) -> None:
    words = ["--prompt", PROMPT, "--negative", NEGATIVE, "--epochs", "last", "--te", "0.5", "1", "--unet", "0", "1.5"]
    assert main(["grid", str(run), *words, "--seeds", "11", "--cfg", "4.5", "--clip_skip", "2", *FEW]) == 0
    model = load_model(toy_base)
    request = Request(PROMPT, NEGATIVE, 64, 64, seed=11, steps=2, cfg=4.5, clip_skip=2)
    drawn = {}
    for te, unet in ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.5, 1.5), (1.0, 1.5)):
        with applied(model, [(run, te, unet)]):
            expected = pixels(generate(model, [request])[0])
        id_ = f"e3/te{te}/unet{unet}" if te else "base"
        with Image.open(cell_path(run, id_)) as image:
            drawn[id_] = pixels(image)
            said = image.info["parameters"].split("\n")
        assert np.abs(drawn[id_] - expected).max() <= 1
        lora = f" <lora:penny:te={te:g}:unet={unet:g}>" if te else ""
        assert said[:2] == [PROMPT + lora, f"Negative prompt: {NEGATIVE}"]
        values = {name: value.strip('"') for name, value in _PARAMETER.findall(said[2])}
        assert (values["Steps"], values["Sampler"], values["Seed"], values["Size"]) == ("2", "Euler a", "11", "64x64")
        assert (values["CFG scale"], values["Clip skip"], values["RNG"]) == ("4.5", "2", "CPU")
        assert values["Model"] == "toy_base" and len(values["Model hash"]) == 10
        digest = read_lora(run)[1]["sshs_model_hash"][:12]
        assert values.get("Lora hashes") == (f"penny: {digest}" if te else None)
    assert np.abs(drawn["e3/te1.0/unet1.5"] - drawn["base"]).max() > 5, "the LoRA changes the picture"
    assert np.abs(drawn["e3/te1.0/unet1.5"] - drawn["e3/te0.5/unet1.5"]).max() > 1
    with Image.open(run.parent / "grids" / "penny" / "grid.png") as grid:
        assert grid.width > 4 * 64 and grid.height > 2 * 64


def test_sets_of_loras_and_block_weights_are_axes_and_a_cell_takes_its_blocks_along(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--prompt", "penny", "--epochs", "last", "--together", "", "<lora:penny-000001:te=0:unet=3>"]
    assert main(["grid", str(run), *words, "--lbw", "ALL", "OUTX", "--x", "0.5", *FEW]) == 0
    assert "<lora:penny:te=1:unet=1:lbw=OUTX:x=0.5>" in capsys.readouterr().out
    ids = [f"e3/te1.0/unet1.0/{lbw}/x0.5/{w}" for lbw in ("lbwALL", "lbwOUTX") for w in ("w1", "w2")]
    assert set(manifest(run)["cells"]) == {"base/w1", "base/w2", *ids}
    drawn = {}
    for id_ in manifest(run)["cells"]:
        with Image.open(cell_path(run, id_)) as image:
            drawn[id_], said = pixels(image), image.info["parameters"]
        assert ("<lora:penny-000001:te=0:unet=3>" in said) == id_.endswith("w2")
        assert ("lbw=OUTX:x=0.5" in said) == ("OUTX" in id_)
    assert len({one.tobytes() for one in drawn.values()}) == 6
    model = load_model(manifest(run)["cells"]["base/w1"]["checkpoint"])
    with applied(model, [(run, 1.0, 1.0), (run.with_name("penny-000001.safetensors"), 0.0, 3.0)]):
        expected = pixels(generate(model, [Request("penny", "", 64, 64, steps=2)])[0])
    assert np.abs(drawn[ids[1]] - expected).max() <= 1

    assert main(["grid", str(run), "--choose", ids[2]]) == 0
    settings = read_settings(["--config_file", str(run.with_name("penny-next.toml"))], "train")
    assert list(settings.network_args) == ["block_weights=OUTX", "x=0.5"]


def test_how_a_picture_is_drawn_may_vary_too(run: Path) -> None:
    words = [
        "--prompt",
        "penny",
        "--epochs",
        "last",
        "--sampler",
        "Euler a",
        "DPM++ 2M",
        "--steps",
        "2-3",
        "--clip_skip",
        "1",
        "2",
    ]
    assert main(["grid", str(run), *words, "--no_base", "--rows", "clip_skip", "--columns", "sampler"]) == 0
    cells = manifest(run)["cells"]
    assert len(cells) == 8 and "e3/te1.0/unet1.0/byDPMpp_2M/n3/clip2" in cells
    assert [one["title"] for one in manifest(run)["grids"]] == ["2 steps", "3 steps"]
    assert manifest(run)["grids"][0]["rows"] == ["clip skip 1", "clip skip 2"]
    for id_ in cells:
        with Image.open(cell_path(run, id_)) as image:
            said = dict(_PARAMETER.findall(image.info["parameters"].split("\n")[-1]))
        assert (said["Sampler"], said["Steps"]) == ("DPM++ 2M" if "DPM" in id_ else "Euler a", id_.split("/n")[1][0])
        assert said.get("Clip skip", "1") == id_[-1]
    assert len({cell_path(run, id_).read_bytes() for id_ in cells}) == 8


def test_the_trainings_vae_is_in_the_pictures_and_in_their_text(run: Path, tmp_path: Path) -> None:
    words = [str(run), "--prompt", "penny", "--epochs", "last", *FEW]
    assert main(["grid", *words]) == 0
    own = {id_: cell_path(run, id_) for id_ in manifest(run)["cells"]}
    vae = load_model(manifest(run)["cells"]["base"]["checkpoint"], parts=("vae",)).vae
    tensors = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    tensors["decoder.conv_out.bias"] += 0.2
    save_file(tensors, tmp_path / "bright.safetensors")
    settings = tmp_path / "with_vae.toml"
    settings.write_text(f"vae = '{tmp_path / 'bright.safetensors'}'\n", encoding="utf-8")
    known = ["--config_file", str(settings), "--checkpoints", manifest(run)["cells"]["base"]["checkpoint"]]
    size = ["--width", "64", "--height", "64"]
    assert main(["grid", *words, *known, *size]) == 0
    for id_, path in own.items():
        with Image.open(path) as image, Image.open(cell_path(run, id_)) as bright:
            assert 10 < (pixels(bright) - pixels(image)).mean() < 60
            assert "VAE: bright.safetensors" in bright.info["parameters"] and "VAE" not in image.info["parameters"]
    assert main(["grid", *words, *known, *size, "--vae", ""]) == 0
    assert {id_: cell_path(run, id_) for id_ in own} == own, "without it nothing is drawn anew"


def test_a_prompt_of_three_hundred_tokens_is_drawn_to_its_end(run: Path) -> None:
    words = ", ".join(f"tag number {number}" for number in range(75))
    assert main(["grid", str(run), "--prompt", words, f"{words}, moon", "--epochs", "last", *FEW]) == 0
    drawn = []
    for id_ in ("base/p1", "base/p2"):
        with Image.open(cell_path(run, id_)) as image:
            drawn.append(pixels(image))
            assert image.info["parameters"].split("\n")[0].startswith(words)
    assert (drawn[0] != drawn[1]).any()


def test_only_what_is_missing_is_drawn(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["grid", str(run), "--prompt", PROMPT, *FEW]
    assert main(words) == 0
    assert "4 pictures, 4 to draw" in capsys.readouterr().out
    cell_path(run, "e2/te1.0/unet1.0").unlink()
    assert main(words) == 0
    assert "4 pictures, 1 to draw" in capsys.readouterr().out and cell_path(run, "e2/te1.0/unet1.0").is_file()
    tensors, metadata = read_lora(run)
    save_lora(run, {name: tensor * 2 for name, tensor in tensors.items()}, metadata)
    assert main(words) == 0
    assert "4 pictures, 1 to draw" in capsys.readouterr().out, "only the retrained file's"


def test_a_full_disk_keeps_what_was_made_and_a_second_run_goes_on(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    def full(path: Path, image: Image.Image, text: str) -> None:
        if len(made) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        made.append(path)
        save_png(path, image, text)

    words = ["grid", str(run), "--prompt", PROMPT, *FEW]
    monkeypatch.setattr(cells, "save_png", full)
    assert main(words) == 1
    said = errors(capsys)
    assert len(said) == 1 and "No space left" in said[0] and "the 2 pictures made before stay" in said[0]
    assert all(path.is_file() for path in made)
    monkeypatch.undo()
    monkeypatch.setenv("LORA_WORKBENCH_DATA", str(run.parents[1] / "data"))
    assert main(words) == 0
    assert "4 pictures, 2 to draw" in capsys.readouterr().out


def test_the_run_is_found_from_any_of_its_files_and_from_its_job(run: Path, trained: Path) -> None:
    names = ["penny-000001", "penny-000002", "penny"]
    for given in (run, run.with_name("penny-000002.safetensors")):
        assert [one.name for one in snapshots_of_run(given)] == names
    (job,) = (trained / "data" / "jobs").iterdir()
    assert [(one.name, one.label, one.epoch) for one in snapshots_of_run(job)] == [
        ("penny-000001", "e1", 1),
        ("penny-000002", "e2", 2),
        ("penny", "e3", 3),
    ]
    tensors, metadata = read_lora(run)
    save_lora(run.with_name("penny-000009.safetensors"), tensors, {**metadata, "ss_session_id": "1"})
    save_lora(run.with_name("penny-000008.safetensors"), tensors, {**metadata, "ss_training_started_at": "1.0"})  # of one seed
    assert [one.name for one in snapshots_of_run(run)] == names, "an earlier run's file under the same name is not of this one"


def test_the_hash_is_found_where_the_file_does_not_say_it(run: Path) -> None:
    said = read_snapshot(run).digest
    content = run.read_bytes()
    length = int.from_bytes(content[:8], "little")
    bare = json.loads(content[8 : 8 + length])
    del bare["__metadata__"]
    header = json.dumps(bare).encode()
    other = run.with_name("bare.safetensors")
    other.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    assert read_snapshot(other).digest == said


def test_choosing_writes_the_next_run_and_deletes_only_when_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors, metadata = read_lora(run)
    for name, session in (("penny-000009", "1"), ("pennywise", metadata["ss_session_id"])):  # another run's
        save_lora(run.with_name(f"{name}.safetensors"), tensors, {**metadata, "ss_session_id": session})
    words = ["grid", str(run), "--prompt", PROMPT, "--te", "1", "2", "--unet", "0.5", *FEW]
    assert main(words) == 0
    choose = ["grid", str(run), "--choose", "e2/te2.0/unet0.5"]
    assert main([*choose, "--delete_others"]) == 1
    said = capsys.readouterr().err
    assert "2 snapshots, add --yes" in said and "penny-000001" in said and "penny-000009" not in said
    assert len(list(run.parent.glob("*.safetensors"))) == 5 and not list(run.parent.glob("*.toml"))

    content = run.with_name("penny-000002.safetensors").read_bytes()
    save_lora(run.with_name("penny-000002.safetensors"), tensors, metadata)
    assert main(choose) == 1 and "has changed since the grid was drawn" in capsys.readouterr().err
    run.with_name("penny-000002.safetensors").write_bytes(content)

    assert main([*choose, "--delete_others", "--yes"]) == 0
    left = sorted(path.stem for path in run.parent.glob("*.safetensors"))
    assert left == ["penny-000002", "penny-000009", "pennywise"]
    said = capsys.readouterr().out
    assert "UNet had to be lowered to 0.5: overfit" in said and "text encoder had to be raised to 2: undertrained" in said
    settings = read_settings(["--config_file", str(run.with_name("penny-next.toml"))], "train")
    assert (settings.unet_lr, settings.learning_rates()["text_encoder_lr"], settings.max_train_epochs) == (1e-2, 2e-2, 2)
    assert settings.seed == 7 and settings.network_dim == 2 and settings.output_name == "penny"


@pytest.mark.skipif(not (TAGGER / "model.onnx").is_file(), reason="the toy taggers are not there")
def test_whose_fault_a_cell_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grid", str(run), "--prompt", PROMPT, "--epochs", "last", *FEW]) == 0
    capsys.readouterr()
    assert main(["grid", str(run), "--whose_fault", "e3", "--tagger", str(TAGGER)]) == 0
    said = capsys.readouterr().out
    assert "The training pictures most like e3/te1.0/unet1.0:" in said
    assert said.count(f"1_penny{os.sep}") == 2, "both of the job's training pictures"


def test_without_its_job_the_settings_are_asked_for(run: Path, toy_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(run.parents[1] / "data" / "jobs")
    words = ["grid", str(run), "--prompt", PROMPT, "--epochs", "1", "--width", "64", *FEW]
    assert main(words) == 2
    assert "give it with --checkpoints" in capsys.readouterr().err
    assert main([*words, "--checkpoints", str(toy_base)]) == 0
    assert main(["grid", str(run), "--choose", "e1"]) == 1
    assert "give them with --config_file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "grid needs a LoRA"),
        (["none.safetensors", "--prompt", "a"], 1, "There is no LoRA none.safetensors"),
        (["RUN"], 2, "grid needs prompts"),
        (["RUN", "--suite", "clothes"], 2, "there is no suite clothes; there are first_look"),
        (["RUN", "--suite", "negatives"], 2, "needs --subject"),
        (["RUN", "--prompt", "a", "--lbw", "QUUX"], 1, "QUUX"),
        (["RUN", "--prompt", "a", "--x", "0.5"], 2, "give --lbw too"),
        (["RUN", "--prompt", "a", "--together", "smile"], 1, "must be words such as <lora:name:0.8>"),
        (["RUN", "--prompt", "a <lora:x:1>"], 1, "The LoRA x of a prompt is not in"),
        (["RUN", "--prompt", "a", "--strength", "1", "--te", "1"], 2, "--strength is both"),
        (["RUN", "--prompt", "a", "--epochs", "8"], 2, "--epochs 8: there is no such snapshot; there are e1, e2, e3"),
        (["RUN", "--prompt", "a", "--width", "33"], 1, "multiples of 8"),
        (["RUN", "--prompt", "a", "--rowz", "te"], 2, "unrecognized arguments"),
        (["RUN", "--prompt", "a", "--unet", "nan"], 2, "'nan' is no number, and no range such as"),
        (["RUN", "--prompt", "a", "--seeds", "-1"], 2, "--seeds must be whole numbers"),
        (["RUN", "--prompt", "a", "--checkpoints", "gone.safetensors"], 1, "There is no model at gone.safetensors"),
        (["RUN", "--prompt", "a", "--checkpoints", "RUN"], 1, "is a LoRA, not a base model"),
        (["RUN", "--prompt", "a", "--vae", "gone.pt"], 1, "There is no model at gone.pt: check the path."),
        (["RUN", "--prompt", "a", "--tagger", "nowhere.onnx"], 1, "The tagger nowhere.onnx is missing"),
        (["RUN", "--delete_others"], 2, "need --choose"),
        (["RUN", "--whose_fault", "e1"], 2, "needs --tagger"),
        (["RUN", "--whose_fault", "e1", "--tagger", "nowhere.onnx"], 1, "The tagger nowhere.onnx is missing"),
        (["RUN", "--whose_fault", "e1", "--tagger", str(TAGGER)], 1, "There is no grid in"),
        (["RUN", "--prompt", "a", "--sampler", "Euler", "DPM fast"], 1, "left out here"),
        (["RUN", "--prompt", "a", "--steps", "2", "2000"], 1, "2000 steps are not possible"),
        (["RUN", "--prompt", "a", "--rows", "sampler"], 2, "sampler has one value only"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], status: int, said: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grid", *(str(run) if word == "RUN" else word for word in words)]) == status
    told = capsys.readouterr().err
    assert said in told and len(told.splitlines()) == 1 and "Traceback" not in told and "should not have" not in told
    assert "full report" not in told and not list((run.parent / "grids").glob("*/*")), "nothing was drawn before"


def test_a_lora_of_another_family_is_refused_and_the_base_stays(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {
        f"lora_te2_text_model_encoder_layers_0_mlp_fc1.{end}": torch.zeros(2, 2)
        for end in ("lora_down.weight", "lora_up.weight")
    }
    save_lora(run.with_name("xl.safetensors"), other, {})
    assert (
        main(["grid", str(run), "--epochs", "1", "--loras", str(run.with_name("xl.safetensors")), "--prompt", "a", *FEW]) == 1
    )
    said = errors(capsys)
    assert len(said) == 1 and "xl.safetensors isn't for this model" in said[0]
    assert len(list((run.parent / "grids" / "penny" / "cells").glob("*.png"))) == 2, "the base's and the other LoRA's"
