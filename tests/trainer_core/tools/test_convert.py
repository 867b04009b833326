"""LoRAs in diffusers' and PEFT's naming, and torch's files, become files that change the same weights by the same amounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.networks.format import read_lora

Tensors = dict[str, torch.Tensor]
TE = "text_model.encoder.layers.3.self_attn.q_proj", 768, 768, ()
# {family: [(part, module in diffusers' words, inputs, outputs, kernel, kohya's name)]}
MODULES: dict[str, list[tuple[str, str, int, int, tuple[int, ...], str]]] = {
    "1.x": [
        ("unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 768, 640, (),
         "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"),
        ("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", 1280, 1280, (),
         "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0"),
        ("unet", "up_blocks.3.attentions.2.proj_in", 320, 320, (1, 1), "lora_unet_up_blocks_3_attentions_2_proj_in"),
        ("text_encoder", *TE, "lora_te_text_model_encoder_layers_3_self_attn_q_proj"),
    ],
    "2.x": [
        ("unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 1024, 640, (),
         "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"),
    ],
    "XL": [
        ("unet", "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k", 2048, 640, (),
         "lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k"),
        ("unet", "mid_block.attentions.0.transformer_blocks.9.ff.net.0.proj", 1280, 10240, (),
         "lora_unet_middle_block_1_transformer_blocks_9_ff_net_0_proj"),
        ("unet", "up_blocks.0.attentions.2.proj_out", 1280, 1280, (), "lora_unet_output_blocks_2_1_proj_out"),
        ("unet", "down_blocks.1.resnets.0.conv1", 320, 640, (3, 3), "lora_unet_input_blocks_4_0_in_layers_2"),
        ("unet", "down_blocks.0.downsamplers.0.conv", 320, 320, (3, 3), "lora_unet_input_blocks_3_0_op"),
        ("unet", "up_blocks.0.upsamplers.0.conv", 1280, 1280, (3, 3), "lora_unet_output_blocks_2_2_conv"),
        ("text_encoder", *TE, "lora_te1_text_model_encoder_layers_3_self_attn_q_proj"),
        ("text_encoder_2", "text_model.encoder.layers.3.mlp.fc1", 1280, 5120, (),
         "lora_te2_text_model_encoder_layers_3_mlp_fc1"),
    ],
}  # fmt: skip
DATA = Path(__file__).resolve().parents[2] / "data"


def named(part: str, module: str, form: str) -> tuple[str, str]:
    """The names of down and up."""
    if form == "old":  # diffusers' first files: attn1.processor.to_q_lora, and to_out without its number
        start, to, last = module.rpartition(".to_")
        name = f"{start}.processor.to_{last.removesuffix('.0')}_lora" if to else f"{module}.lora_linear_layer"
        return f"{part}.{name}.down.weight", f"{part}.{name}.up.weight"
    if form == "underscores":  # on SDXL some write kohya's form with diffusers' words
        start = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}[part]
        name = f"{start}_{module.replace('.', '_')}"
        return f"{name}.lora_down.weight", f"{name}.lora_up.weight"
    start = "base_model.model" if form == "peft" else part
    return f"{start}.{module}.lora_A.weight", f"{start}.{module}.lora_B.weight"


def foreign(family: str, form: str, path: Path, **metadata: str) -> Tensors:
    """Writes such a file of rank 2; what it is in kohya's naming, without alphas."""
    content, expected = {}, {}
    for part, module, in_, out, kernel, name in MODULES[family]:
        if form == "peft" and part == "text_encoder_2":
            continue  # adapters are saved one by one, and their names don't tell the encoders apart
        down, up = torch.randn(2, in_, *kernel), torch.randn(out, 2, *(1 for _ in kernel))
        content |= dict(zip(named(part, module, form), (down, up), strict=True))
        expected |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    save_file(content, path, metadata)
    return expected


def test_the_names_are_kohyas() -> None:
    for family, file in (("1.x", "lora_modules_sd15.tsv"), ("XL", "lora_modules_sdxl.tsv")):
        known = {line.split("\t")[0] for line in (DATA / file).read_text(encoding="utf-8").splitlines()}
        assert {name for *_, name in MODULES[family]} <= known


@pytest.mark.parametrize("form", ["diffusers", "old", "peft", "underscores"])
@pytest.mark.parametrize("family", list(MODULES))
def test_every_naming_and_family(form: str, family: str, tmp_path: Path, capsys: Any) -> None:
    path, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    expected = foreign(family, form, path)
    before = path.read_bytes()
    if form != "underscores":
        assert main(["resize", str(path), "--new_rank", "1"]) == 1
        assert "diffusers' or PEFT's naming: `python -m trainer_core convert`" in capsys.readouterr().err
    status = main(["convert", str(path), "--out", str(out)])
    told = capsys.readouterr()
    if (form, family) == ("underscores", "2.x"):
        assert status == 1 and "in kohya's naming already" in told.err and not out.exists()
        return
    assert status == 0 and f"for Stable Diffusion {family}, rank 2; alphas as high as the ranks" in told.out
    found, metadata = read_lora(out)
    alphas = {key: float(found.pop(key)) for key in list(found) if key.endswith(".alpha")}
    assert found.keys() == expected.keys() and len(alphas) == len(expected) // 2 and set(alphas.values()) == {2.0}
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())
    assert metadata["ss_network_dim"] == "2" and "lora_workbench_converted" in metadata and path.read_bytes() == before
    assert main(["inspect", str(out)]) == 0


def test_alphas_that_the_adapter_tells(tmp_path: Path, capsys: Any) -> None:
    """In diffusers' metadata, and in PEFT's file beside; a folder is looked into."""
    special = MODULES["1.x"][2]
    told = {"unet.lora_alpha": 8, "unet.alpha_pattern": {special[1]: 5}, "text_encoder.lora_alpha": 3}
    foreign("1.x", "diffusers", tmp_path / "in.safetensors", lora_adapter_metadata=json.dumps(told))
    assert main(["convert", str(tmp_path / "in.safetensors")]) == 0
    found, _ = read_lora(tmp_path / "in-kohya.safetensors")
    assert sorted(float(one) for key, one in found.items() if key.endswith("alpha")) == [3, 5, 8, 8]
    assert float(found[f"{special[-1]}.alpha"]) == 5
    foreign("1.x", "peft", tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 7, "r": 2}', encoding="utf-8")
    assert main(["convert", str(tmp_path), "--save_precision", "fp16"]) == 0
    found, _ = read_lora(tmp_path / "adapter_model-kohya.safetensors")
    assert {float(one) for key, one in found.items() if key.endswith("alpha")} == {7.0}
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 7, "use_dora": true}', encoding="utf-8")
    assert main(["convert", str(tmp_path)]) == 1 and "is a DoRA or rank-stabilized LoRA of PEFT's" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.pt", "a.ckpt", "a.safetensors"])
def test_files_of_torchs(name: str, tmp_path: Path, capsys: Any) -> None:
    """Also under the other ending."""
    write(tmp_path / "plain.safetensors", "lora", torch.float16)
    tensors, path = load_file(tmp_path / "plain.safetensors"), tmp_path / name
    torch.save({"state_dict": tensors} if name == "a.ckpt" else tensors, path)
    assert main(["inspect", str(path)]) == 1
    assert "is a file of torch's: `python -m trainer_core convert` makes" in capsys.readouterr().err
    assert main(["convert", str(path), "--out", str(tmp_path / "out")]) == 0
    found, _ = read_lora(tmp_path / "out.safetensors")
    assert found.keys() == tensors.keys() and all(torch.equal(found[key].float(), one.float()) for key, one in tensors.items())


def test_what_cannot_be_converted(tmp_path: Path, capsys: Any) -> None:
    path, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    one, other = torch.zeros(2, 2), torch.ones(2, 2)
    attention = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    for content, told in (
        ({"transformer.blocks.0.lora_A.weight": one}, "for another kind of model (transformer.blocks.0.lora_A.weight)"),
        ({f"{attention}.lora_A.weight": one}, "has half of its LoRA"),
        (
            {f"{attention}.lora_A.weight": one, f"{attention}.lora_magnitude_vector": other},
            "which has no place in kohya's files",
        ),
        ({"unet.down_blocks.1.foo.lora_A.weight": one, "text_encoder_2.a.lora_A.weight": other}, "half of its LoRA"),
    ):
        save_file(content, path)
        assert main(["convert", str(path), "--out", str(out)]) == 1
        error = capsys.readouterr().err
        assert told in error and len(error.splitlines()) == 1 and not out.exists()
    (tmp_path / "folder").mkdir()
    assert main(["convert", str(tmp_path / "folder")]) == 1
    assert "holds no pytorch_lora_weights.safetensors" in capsys.readouterr().err
