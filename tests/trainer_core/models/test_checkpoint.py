"""Loading: every layout gives the same weights, and diffusers' own conversion agrees with ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.trainer_core.models.checkpoint import Model, load_model, load_vae
from lora_workbench.trainer_core.models.hashes import model_hashes
from lora_workbench.trainer_core.models.header import CheckpointError, read_header
from lora_workbench.trainer_core.models.layout import ldm_names, part_names


@pytest.fixture(scope="module")
def raw(random_base: Path) -> dict[str, torch.Tensor]:
    return load_file(random_base)


@pytest.fixture(scope="module")
def model(random_base: Path) -> Model:
    return load_model(random_base)


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name].reshape(tensor.shape)), name


def test_the_unet_is_what_diffusers_makes_of_the_file(raw: dict[str, torch.Tensor], model: Model) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    config = {**model.unet.config, "class_embed_type": None, "addition_embed_type": None}
    assert_same(model.unet.state_dict(), convert_ldm_unet_checkpoint(dict(raw), config))


def test_the_vae_is_what_diffusers_makes_of_the_file(raw: dict[str, torch.Tensor], model: Model) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    assert_same(model.vae.state_dict(), convert_ldm_vae_checkpoint(dict(raw), model.vae.config))


def test_the_text_encoder_has_the_files_tensors(raw: dict[str, torch.Tensor], model: Model) -> None:
    start = "cond_stage_model.transformer.text_model."
    expected = {name.removeprefix(start): tensor for name, tensor in raw.items() if name.startswith(start)}
    assert_same(
        {name.removeprefix("text_model."): tensor for name, tensor in model.text_encoder.state_dict().items()}, expected
    )


def test_configuration_follows_from_shapes(model: Model) -> None:
    assert model.unet.config.block_out_channels == [64, 64, 128, 128]
    assert model.unet.config.down_block_types == ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
    assert model.vae.config.block_out_channels == [64, 64, 64, 64]
    assert (model.text_encoder.config.num_attention_heads, model.text_encoder.config.num_hidden_layers) == (8, 3)


def test_everything_is_frozen_in_eval_mode_and_on_a_real_device(model: Model) -> None:
    for part in (model.unet, model.vae, model.text_encoder):
        assert not part.training
        assert not any(parameter.requires_grad or parameter.is_meta for parameter in part.parameters())
        assert not any(buffer.is_meta for buffer in part.buffers())


def test_names_lead_back(random_base: Path) -> None:
    header = read_header(random_base)
    for part in ("unet", "vae", "text_encoder"):
        forward = part_names(header, part)
        assert ldm_names(forward, part) == forward


@pytest.mark.parametrize("legacy", [False, True])
def test_ckpt_files_load_through_weights_only(tmp_path: Path, raw: dict[str, torch.Tensor], model: Model, legacy: bool) -> None:
    path = tmp_path / "model.ckpt"
    content = {**raw, "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77).view(1, 77)}
    torch.save({"global_step": 3, "state_dict": content}, path, _use_new_zipfile_serialization=not legacy)
    # torch's formats have no metadata of ours, so the toy's heads would be guessed from the width: UNet and VAE are compared
    loaded = load_model(path, parts=("unet", "vae"))
    assert_same(loaded.unet.state_dict(), model.unet.state_dict())
    assert_same(loaded.vae.state_dict(), model.vae.state_dict())


def test_a_diffusers_folder_loads_the_same(tmp_path: Path, model: Model) -> None:
    for part in ("unet", "vae", "text_encoder"):
        getattr(model, part).save_pretrained(tmp_path / part)
    loaded = load_model(tmp_path)
    for part in ("unet", "vae", "text_encoder"):
        assert_same(getattr(loaded, part).state_dict(), getattr(model, part).state_dict())
    assert loaded.text_encoder.config.num_attention_heads == 8


def test_a_vae_of_its_own_in_either_layout(
    tmp_path: Path, random_base: Path, raw: dict[str, torch.Tensor], model: Model
) -> None:
    start = "first_stage_model."
    save_file(
        {name.removeprefix(start): 2 * tensor for name, tensor in raw.items() if name.startswith(start)},
        tmp_path / "ldm.safetensors",
    )
    save_file({name: 2 * tensor for name, tensor in model.vae.state_dict().items()}, tmp_path / "diffusers.safetensors")
    expected = {name: 2 * tensor for name, tensor in model.vae.state_dict().items()}
    for name in ("ldm", "diffusers"):
        assert_same(load_vae(tmp_path / f"{name}.safetensors").state_dict(), expected)
    assert_same(load_model(random_base, tmp_path / "ldm.safetensors", parts=("vae",)).vae.state_dict(), expected)
    assert_same(load_vae(random_base).state_dict(), model.vae.state_dict())


def test_half_precision_files_are_converted_exactly(tmp_path: Path, raw: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "half.safetensors"
    save_file({name: tensor.half() for name, tensor in raw.items()}, path)
    name = "model.diffusion_model.input_blocks.0.0.weight"
    weight = load_model(path, parts=("unet",)).unet.conv_in.weight
    assert weight.dtype == torch.float32 and torch.equal(weight, raw[name].half().float())
    assert load_model(path, dtype=torch.float16, parts=("unet",)).unet.conv_in.weight.dtype == torch.float16


@pytest.mark.parametrize(
    ("change", "words"), [("drop", "lacks 'mid_block.resnets.0.conv1.weight'"), ("reshape", "another shape")]
)
def test_an_incomplete_unet_is_named(tmp_path: Path, raw: dict[str, torch.Tensor], change: str, words: str) -> None:
    content, name = dict(raw), "model.diffusion_model.middle_block.0.in_layers.2.weight"
    if change == "drop":
        del content[name]
    else:
        content[name] = torch.zeros(3, 3)
    save_file(content, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=words):
        load_model(tmp_path / "m.safetensors")


def test_wrong_parts_and_damaged_shapes_get_a_sentence(tmp_path: Path, raw: dict[str, torch.Tensor]) -> None:
    content = {name: tensor for name, tensor in raw.items() if "first_stage_model" not in name}
    save_file(content, tmp_path / "no_vae.safetensors")
    with pytest.raises(CheckpointError, match="of the vae: the file isn't complete"):
        load_model(tmp_path / "no_vae.safetensors")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="is not a VAE"):
        load_vae(tmp_path / "other.safetensors")
    save_file(raw, tmp_path / "heads.safetensors", {"text_encoder_heads": "7"})
    with pytest.raises(CheckpointError, match="text encoder of shapes"):
        load_model(tmp_path / "heads.safetensors")


def test_hashes_are_webuis_and_follow_the_file(tmp_path: Path, own_data_folder: Path) -> None:
    path = tmp_path / "m.safetensors"
    for content in (bytes(range(256)) * 5000, bytes(1_200_000)):
        path.write_bytes(content)
        expected = (hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8], hashlib.sha256(content).hexdigest())
        assert model_hashes(path) == expected == model_hashes(path)
    assert (own_data_folder / "cache" / "model_hashes.json").is_file()


def test_the_token_table_stays_in_a_half_precision_file_and_gives_the_same_states(
    tmp_path: Path, raw: dict[str, torch.Tensor], model: Model
) -> None:
    from lora_workbench.trainer_core.models.text import encode, tokenize

    half, full = tmp_path / "half.safetensors", tmp_path / "full.safetensors"
    save_file({name: tensor.half() for name, tensor in raw.items()}, half, {"text_encoder_heads": "8"})
    save_file({name: tensor.half().float() for name, tensor in raw.items()}, full, {"text_encoder_heads": "8"})
    ids = tokenize(model.tokenizer, ["a cat"], 150)
    encoders = [load_model(path, parts=("text_encoder",)).text_encoder for path in (half, full)]
    assert [one.state_dict()["embeddings.token_embedding.weight"].dtype for one in encoders] == [torch.float16, torch.float32]
    with torch.no_grad():
        assert torch.equal(*(encode(one, ids, 2) for one in encoders))


def test_old_checkpoints_with_callbacks_and_numpy_numbers_load(
    tmp_path: Path, raw: dict[str, torch.Tensor], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As early Stable Diffusion files have them beside the weights; the callback's class is not installed here."""
    import sys
    import types

    import numpy as np

    names = ["pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    sys.modules[names[-1]].ModelCheckpoint = callback
    content = {"state_dict": raw, "callbacks": {callback: {"best": np.float64(0.5)}}, "epoch": 3}
    torch.save(content, tmp_path / "old.ckpt")
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    assert_same(load_model(tmp_path / "old.ckpt", parts=("unet",)).unet.state_dict(), model.unet.state_dict())
