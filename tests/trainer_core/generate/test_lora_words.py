"""LoRAs that prompts name: read as webui reads them, found in folders, put on together, and taken off again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.trainer_core.generate.base_model import Base
from lora_workbench.trainer_core.generate.infotext import infotext
from lora_workbench.trainer_core.generate.lora_words import read_words, with_loras, with_words
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.grids.axes import block_points
from lora_workbench.trainer_core.models.checkpoint import Model, load_model
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.format import save_lora
from lora_workbench.trainer_core.problems import UserError

TE, OUT = "lora_te_text_model_encoder_layers_0_mlp_fc1", "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_attn1_to_q"
WIDTHS = {TE: (64, 256), OUT: (64, 64)}  # of the toy base: in, out


@pytest.fixture(scope="module")
def model(random_base: Path) -> Model:
    return load_model(random_base)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two LoRAs, `penny` and, in a folder below, `style`, of strong weights in one module of each part."""
    folder = tmp_path_factory.mktemp("loras")
    (folder / "styles").mkdir()
    for seed, path in enumerate((folder / "penny.safetensors", folder / "styles" / "style.safetensors")):
        generator, tensors = torch.Generator().manual_seed(seed), {}
        for name, (width, out) in WIDTHS.items():
            tensors[f"{name}.lora_down.weight"] = torch.randn((2, width), generator=generator)
            tensors[f"{name}.lora_up.weight"] = torch.randn((out, 2), generator=generator)
            tensors[f"{name}.alpha"] = torch.tensor(2.0)
        save_lora(path, tensors, {})
    return folder


ONE = Request("a", width=32, height=32, seed=11, steps=2, cfg=3.0)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize(
    ("word", "te", "unet", "lbw", "x"),
    [
        ("<lora:penny>", 1.0, 1.0, "", None),
        ("<lora:penny:0.8>", 0.8, 0.8, "", None),
        ("<lora:penny:0.8:0.5>", 0.8, 0.5, "", None),
        ("<lora:penny:unet=0.5>", 1.0, 0.5, "", None),
        ("<lora:penny:te=0.5>", 0.5, 0.5, "", None),
        ("<lora:penny:te=0.5:unet=2:lbw=OUTX:x=0.3>", 0.5, 2.0, "OUTX", 0.3),
        ("<lyco:penny:1:w=OUTALL>", 1.0, 1.0, "OUTALL", None),
    ],
)
def test_words_are_read_as_webui_reads_them(folder: Path, word: str, te: float, unet: float, lbw: str, x: float | None) -> None:
    """The first number is the text encoder's; the UNet's is the same where none is given for it."""
    found = with_loras(replace(ONE, prompt=f"red, {word} blue (hat:1.2)"), [folder])
    assert found.prompt == "red,  blue (hat:1.2)"
    (lora,) = found.loras
    assert (lora.name, lora.te, lora.unet, lora.lbw, lora.x) == ("penny", te, unet, lbw, x)
    assert lora.path == str(folder / "penny.safetensors") and len(lora.digest) == 64
    again = with_loras(Request(with_words(found)), [folder])
    assert again.loras == found.loras, "what the infotext says draws the same"


def test_prompts_without_words_stay_as_they_are() -> None:
    for prompt in ("1girl, <3", "a <b> c", "x > y", "[a:b:0.5]"):
        assert with_loras(Request(prompt), []) == Request(prompt)


def test_several_at_once_are_those_applied_by_hand(model: Model, folder: Path) -> None:
    request = with_loras(replace(ONE, prompt="a <lora:penny:0.5:1> <lora:style:unet=0.7:te=0>"), [folder])
    plain, drawn, again = (generate(model, [one])[0] for one in (ONE, request, ONE))
    with applied(model, [(request.loras[0].path, 0.5, 1.0), (request.loras[1].path, 0.0, 0.7)]):
        expected = generate(model, [replace(ONE, prompt="a")])[0]
    assert (pixels(drawn) == pixels(expected)).all() and (pixels(plain) == pixels(again)).all()
    assert np.abs(pixels(drawn) - pixels(plain)).mean() > 1
    mixed = generate(model, [ONE, request, ONE, replace(request, loras=request.loras[:1])], batch_size=4)
    assert (pixels(mixed[1]) == pixels(expected)).all() and (pixels(mixed[0]) == pixels(plain)).all()
    assert np.abs(pixels(mixed[3]) - pixels(mixed[1])).max() > 2


def test_block_weights_leave_blocks_out(model: Model, folder: Path) -> None:
    def drawn(words: str) -> np.ndarray:
        return pixels(generate(model, [with_loras(replace(ONE, prompt=f"a <lora:penny:te=0:unet=1{words}>"), [folder])])[0])

    assert (drawn(":lbw=ALL") == drawn("")).all()
    assert (drawn(":lbw=INALL") == pixels(generate(model, [ONE])[0])).all(), "its UNet part lies in OUT11 alone"
    assert np.abs(drawn(":lbw=OUTX:x=1") - drawn(":lbw=INALL")).max() > 2


def test_presets_of_the_users_own_are_written_out(folder: Path, own_data_folder: Path) -> None:
    """So that a picture by a preset that has been changed since is another picture."""
    values = ",".join("0" if number else "1" for number in range(17))
    own_data_folder.mkdir(parents=True)
    (own_data_folder / "lbwpresets.txt").write_text(f"MINE:{values}\n", encoding="utf-8")
    (lora,) = with_loras(replace(ONE, prompt="<lora:penny:1:lbw=MINE>"), [folder]).loras
    (point,) = block_points(["MINE"])
    assert lora.lbw == point.value == values and (point.id, point.label) == ("lbwMINE", "MINE")


def test_the_infotext_names_them_with_their_hashes(folder: Path) -> None:
    request = with_loras(replace(ONE, prompt="a <lora:penny:0.5> b <lora:style:te=1:unet=2:lbw=OUTX:x=0.5>"), [folder])
    first, last = infotext(request, Base("base", "ab" * 32)).split("\n")
    assert first == "a  b <lora:penny:te=0.5:unet=0.5> <lora:style:te=1:unet=2:lbw=OUTX:x=0.5>"
    assert f'Lora hashes: "penny: {request.loras[0].digest[:12]}, style: {request.loras[1].digest[:12]}"' in last


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("<lora:none:1>", "The LoRA none of a prompt is not in"),
        ("<lora:penny:strong>", "'strong' is no number"),
        ("<lora:penny:1:nan>", "'nan' is no number"),
        ("<lora:penny:1:1:OUTALL>", "block weights are written by name: lbw=OUTALL"),
        ("<lora:penny:1:lbwe=ATTN>", "lbwe= asks for elements"),
        ("<lora:penny:1:start=5>", "start= asks for a first step"),
        ("<lora:penny:1:lwb=ALL>", "there is no lwb="),
        ("<hypernet:penny:1>", "is a hypernetwork"),
    ],
)
def test_words_that_can_not_be_drawn_are_one_sentence(folder: Path, word: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        with_loras(Request(f"a {word}"), [folder])


def test_two_of_one_name_are_told(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "penny.safetensors").write_bytes((folder / "penny.safetensors").read_bytes())
    with pytest.raises(UserError, match="several LoRAs called penny"):
        with_loras(Request("<lora:penny:1>"), [folder, tmp_path])


def test_sets_of_words_hold_nothing_else(folder: Path) -> None:
    assert [one.name for one in read_words("<lora:penny:0.5>, <lora:style:1>", [folder])] == ["penny", "style"]
    assert read_words("", [folder]) == ()
    with pytest.raises(UserError, match="'smile' beside them"):
        read_words("<lora:penny:0.5> smile", [folder])


@pytest.mark.parametrize("name", ["../penny", "styles/style", "/penny", "..\\penny"])
def test_a_prompt_reaches_no_other_folder(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="without folders"):
        with_loras(Request(f"a <lora:{name}:1>"), [folder, folder / "styles"])
