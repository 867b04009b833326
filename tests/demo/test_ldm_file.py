"""The base model's file: what is read back computes what was written, and its shape is the design's."""

from pathlib import Path

import pytest
import torch

from lora_workbench.demo.world.latent_scale import SCALING_FACTOR, fold_latent_scale
from lora_workbench.demo.world.ldm_file import write_ldm_file
from lora_workbench.demo.world.train_unet import make_text_encoder, make_unet
from lora_workbench.demo.world.vae_data import picture_pool
from lora_workbench.demo.world.vae_init import make_vae
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.models.text import encode, tokenize


@torch.no_grad()
def test_a_written_file_computes_what_its_parts_did(tmp_path: Path) -> None:
    torch.manual_seed(5)
    text, unet, vae = make_text_encoder().eval(), make_unet().eval(), make_vae(5).eval()
    for module in (text, unet, vae):  # rounded first, so that fp16 loses nothing and the results must agree
        for tensor in module.parameters():
            tensor.add_(0.01 * torch.randn_like(tensor)).copy_(tensor.half().float())
    model = load_model(write_ldm_file(tmp_path / "base.safetensors", text, unet, vae))
    assert model.family == "sd1"
    ids = tokenize(model.tokenizer, ["zibbo, one eye, top hat", ""])
    states = encode(text, ids)
    torch.testing.assert_close(encode(model.text_encoder, ids), states, rtol=1e-5, atol=1e-5)
    assert (states[0] - states[1]).abs().max() > 0.1
    latents = torch.randn(2, 4, 16, 16)
    steps = torch.tensor([20, 900])
    torch.testing.assert_close(
        model.unet(latents, steps, states).sample, unet(latents, steps, states).sample, rtol=1e-4, atol=1e-4
    )
    decoded = vae.decode(latents).sample
    torch.testing.assert_close(model.vae.decode(latents).sample, decoded, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        model.vae.encode(decoded).latent_dist.parameters, vae.encode(decoded).latent_dist.parameters, rtol=1e-4, atol=1e-3
    )


@torch.no_grad()
def test_folding_the_scale_gives_unit_latents_and_the_same_pictures() -> None:
    vae = make_vae(3).eval()
    picture = picture_pool(8).float() / 127.5 - 1
    before = vae.encode(picture).latent_dist
    decoded = vae.decode(before.mean[:2]).sample
    fold_latent_scale(vae, 10)
    after = vae.encode(picture).latent_dist
    latents = after.sample(torch.Generator().manual_seed(0)) * SCALING_FACTOR
    assert latents.mean().abs() < 0.1 and abs(latents.std() - 1) < 0.1
    torch.testing.assert_close(vae.decode(after.mean[:2]).sample, decoded, rtol=1e-3, atol=1e-3)
    ratio = (after.std / after.mean.std(dim=(0, 2, 3), keepdim=True)) / (
        before.std / before.mean.std(dim=(0, 2, 3), keepdim=True)
    )
    torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-3, atol=1e-3)


def test_the_shipped_base_has_the_designs_shape(toy_base: Path) -> None:
    header = read_header(toy_base)
    shapes = {name: tuple(tensor.shape) for name, tensor in header.tensors.items()}
    unet = "model.diffusion_model."
    assert shapes[unet + "input_blocks.0.0.weight"] == (64, 4, 3, 3)
    assert shapes[unet + "middle_block.0.in_layers.2.weight"] == (128, 128, 3, 3)
    widths = [shapes[f"{unet}input_blocks.{block}.0.in_layers.2.weight"][0] for block in (1, 4, 7, 10)]
    assert widths == [64, 64, 128, 128]
    assert shapes[unet + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"] == (64, 64)
    assert not [name for name in shapes if name.startswith((unet + "input_blocks.10.1", unet + "input_blocks.11.1"))]
    text = "cond_stage_model.transformer.text_model."
    assert shapes[text + "embeddings.token_embedding.weight"] == (49408, 64)
    assert {name.split(".")[5] for name in shapes if name.startswith(text + "encoder.layers.")} == {"0", "1", "2"}
    assert header.metadata["text_encoder_heads"] == "8"
    assert toy_base.stat().st_size < 35e6


def test_the_yaml_builds_the_shapes_that_the_file_has(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    write_ldm_file(tmp_path / "base.safetensors", make_text_encoder(), make_unet(), make_vae(1))
    params = yaml.safe_load((tmp_path / "base.yaml").read_text(encoding="utf-8"))["model"]["params"]
    shapes = {name: tuple(tensor.shape) for name, tensor in read_header(tmp_path / "base.safetensors").tensors.items()}
    unet, first = params["unet_config"]["params"], params["first_stage_config"]["params"]["ddconfig"]
    for level, factor in enumerate(unet["channel_mult"]):
        block = f"model.diffusion_model.input_blocks.{1 + level * (unet['num_res_blocks'] + 1)}"
        assert shapes[f"{block}.0.in_layers.2.weight"][0] == factor * unet["model_channels"]
        assert (f"{block}.1.proj_in.weight" in shapes) == (2**level in unet["attention_resolutions"])
    for level, factor in enumerate(first["ch_mult"]):
        for block in range(first["num_res_blocks"]):
            name = f"first_stage_model.encoder.down.{level}.block.{block}.conv1.weight"
            assert shapes[name][0] == factor * first["ch"]
    key = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"
    assert shapes[key][1] == unet["context_dim"] == shapes["cond_stage_model.transformer.text_model.final_layer_norm.weight"][0]
    assert params["scale_factor"] == SCALING_FACTOR
