"""Stable Diffusion 2.x and XL: diffusers' own loading, and an OpenCLIP written for this test, give the same numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from lora_workbench.trainer_core.models.checkpoint import Model, load_model
from lora_workbench.trainer_core.models.predict import predict
from lora_workbench.trainer_core.models.text import TextStates, encode_all, tokenize
from lora_workbench.trainer_core.models.tokenizer import BOS, EOS, load_tokenizer

CAPTIONS = ["penny, red hat", "", ", ".join(f"tag{number}" for number in range(40))]
OPEN_CLIP = {"tiny_sd2": "cond_stage_model.model.", "tiny_sdxl": "conditioner.embedders.1.model."}


@pytest.fixture(scope="module")
def sd2(tiny_sd2: Path) -> Model:
    return load_model(tiny_sd2)


@pytest.fixture(scope="module")
def sdxl(tiny_sdxl: Path) -> Model:
    return load_model(tiny_sdxl)


def open_clip(raw: dict[str, torch.Tensor], prefix: str, ids: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """OpenCLIP's text transformer from its published form: states [B, 77, C] after 0 … n layers, pooled and projected [B, P].

    Heads are 64 wide, the activation is GELU, ids are filled with 0, the pooled state is at the highest id (the end mark).
    """
    own = {name[len(prefix) :]: tensor for name, tensor in raw.items() if name.startswith(prefix)}
    x = own["token_embedding.weight"][ids] + own["positional_embedding"]
    width = x.shape[-1]
    mask = torch.full((77, 77), float("-inf")).triu(1)
    states, layer = [x], 0
    while f"transformer.resblocks.{layer}.ln_1.weight" in own:
        part = {
            name.removeprefix(f"transformer.resblocks.{layer}."): tensor
            for name, tensor in own.items()
            if name.startswith(f"transformer.resblocks.{layer}.")
        }
        normed = F.layer_norm(x, (width,), part["ln_1.weight"], part["ln_1.bias"])
        attended, _ = F.multi_head_attention_forward(
            *[normed.transpose(0, 1)] * 3,
            width,
            width // 64,
            part["attn.in_proj_weight"],
            part["attn.in_proj_bias"],
            None,
            None,
            False,
            0.0,
            part["attn.out_proj.weight"],
            part["attn.out_proj.bias"],
            attn_mask=mask,
            need_weights=False,
        )
        x = x + attended.transpose(0, 1)
        normed = F.layer_norm(x, (width,), part["ln_2.weight"], part["ln_2.bias"])
        x = x + F.linear(
            F.gelu(F.linear(normed, part["mlp.c_fc.weight"], part["mlp.c_fc.bias"])),
            part["mlp.c_proj.weight"],
            part["mlp.c_proj.bias"],
        )
        states.append(x)
        layer += 1
    final = F.layer_norm(x, (width,), own["ln_final.weight"], own["ln_final.bias"])
    pooled = final[torch.arange(len(ids)), ids.argmax(dim=-1)] @ own["text_projection"]
    return states, pooled


def open_clip_ids(captions: list[str]) -> torch.Tensor:
    rows = []
    for caption in captions:
        ids = load_tokenizer().ids(caption)[:75]
        rows.append([BOS, *ids, EOS] + [0] * (75 - len(ids)))
    return torch.tensor(rows)


def test_sdxls_text_states_are_clips_and_open_clips_before_the_last_layer(sdxl: Model, tiny_sdxl: Path) -> None:
    raw = load_file(tiny_sdxl)
    ids = tokenize(sdxl.tokenizer, CAPTIONS)
    with torch.no_grad():
        ours = encode_all(sdxl, ids)
        states, pooled = open_clip(raw, OPEN_CLIP["tiny_sdxl"], open_clip_ids(CAPTIONS))
        first = sdxl.text_encoder(input_ids=ids[:, 0], output_hidden_states=True).hidden_states[-2]
    assert ours.states.shape == (3, 77, 64 + 128) and ours.pooled.shape == (3, 128)
    assert torch.allclose(ours.states[..., :64], first, atol=2e-5)
    assert torch.allclose(ours.states[..., 64:], states[-2], atol=2e-5)
    assert torch.allclose(ours.pooled, pooled, atol=2e-5)
    assert not torch.allclose(states[-2], states[-1], atol=1e-2)


def test_sd2s_text_states_are_open_clips_before_the_last_layer_and_normed(sd2: Model, tiny_sd2: Path) -> None:
    raw = load_file(tiny_sd2)
    with torch.no_grad():
        ours = encode_all(sd2, tokenize(sd2.tokenizer, CAPTIONS))
        states, _ = open_clip(raw, OPEN_CLIP["tiny_sd2"], open_clip_ids(CAPTIONS))
        skipped = encode_all(sd2, tokenize(sd2.tokenizer, CAPTIONS), 2)
    norm = [raw[f"{OPEN_CLIP['tiny_sd2']}ln_final.{kind}"] for kind in ("weight", "bias")]
    assert ours.pooled is None
    assert torch.allclose(ours.states, F.layer_norm(states[-2], (64,), *norm), atol=2e-5)
    assert torch.allclose(skipped.states, F.layer_norm(states[-3], (64,), *norm), atol=2e-5)


def test_several_chunks_are_joined_and_the_first_ones_pooled_state_counts(sdxl: Model) -> None:
    with torch.no_grad():
        long = encode_all(sdxl, tokenize(sdxl.tokenizer, CAPTIONS, 225))
        short = encode_all(sdxl, tokenize(sdxl.tokenizer, CAPTIONS))
    assert long.states.shape == (3, 227, 192)
    assert torch.allclose(long.pooled, short.pooled, atol=1e-6)
    assert torch.allclose(long.states[:2, :76], short.states[:2, :76], atol=1e-6)  # both end within the first chunk


def unet_folder(folder: Path, model: Model) -> Path:
    """The configuration that diffusers wants beside a single file."""
    (folder / "unet").mkdir(parents=True)
    config = {key: value for key, value in model.unet.config.items() if not key.startswith("_")}
    (folder / "unet" / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel", **config}, default=list))
    return folder


@pytest.mark.parametrize("name", ["tiny_sd2", "tiny_sdxl"])
def test_the_unet_answers_as_the_one_that_diffusers_loads(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from diffusers import UNet2DConditionModel

    path = request.getfixturevalue(name)
    model: Model = request.getfixturevalue(name.removeprefix("tiny_"))
    theirs = UNet2DConditionModel.from_single_file(
        str(path), config=str(unet_folder(tmp_path, model)), subfolder="unet", local_files_only=True
    )
    draw = torch.Generator().manual_seed(1)
    width = model.unet.config.cross_attention_dim
    noisy = torch.randn((2, 4, 16, 8), generator=draw)
    text = TextStates(torch.randn((2, 77, width), generator=draw), torch.randn((2, 128), generator=draw))
    sizes = [(700, 500, 8, 0, 128, 64), (128, 64, 0, 0, 128, 64)]
    if name == "tiny_sd2":
        text, more = TextStates(text.states), {}
    else:
        more = {"added_cond_kwargs": {"text_embeds": text.pooled, "time_ids": torch.tensor(sizes)}}
    timesteps = torch.tensor([3, 977])
    with torch.no_grad():
        ours = predict(model, noisy, timesteps, text, sizes)
        expected = theirs(noisy, timesteps, text.states, **more).sample
    assert torch.allclose(ours, expected, atol=1e-5) and ours.std() > 0.1
    assert model.unet.config.attention_head_dim == [max(1, w // 64) for w in model.unet.config.block_out_channels]


def test_sdxls_unet_heeds_sizes_and_pooled_state(sdxl: Model) -> None:
    draw = torch.Generator().manual_seed(2)
    noisy, text = torch.randn((1, 4, 8, 8), generator=draw), TextStates(torch.randn((1, 77, 192), generator=draw))
    pooled = torch.randn((1, 128), generator=draw)
    sizes = (64, 64, 0, 0, 64, 64)
    with torch.no_grad():
        plain, other_size, other_crop, other_pooled = (
            predict(sdxl, noisy, torch.tensor([500]), TextStates(text.states, one), [size])
            for one, size in (
                (pooled, sizes),
                (pooled, (512, 64, 0, 0, 64, 64)),
                (pooled, (64, 64, 32, 0, 64, 64)),
                (-pooled, sizes),
            )
        )
    for other in (other_size, other_crop, other_pooled):
        assert (plain - other).abs().max() > 1e-4


def test_the_size_numbers_are_those_of_the_original_embedding(sdxl: Model, tiny_sdxl: Path) -> None:
    """cos and sin of each number at 128 frequencies from 1 to 1/10000, behind the pooled state, through label_emb."""
    raw = load_file(tiny_sdxl)
    pooled, sizes = torch.randn((1, 128), generator=torch.Generator().manual_seed(3)), (700, 500, 8, 4, 128, 64)
    frequencies = 10000.0 ** (-torch.arange(128, dtype=torch.float64) / 128)
    angles = torch.tensor(sizes, dtype=torch.float64)[:, None] * frequencies
    vector = torch.cat([pooled, torch.cat([angles.cos(), angles.sin()], dim=1).reshape(1, -1).float()], dim=1)
    start = "model.diffusion_model.label_emb.0."
    first = F.silu(F.linear(vector, raw[f"{start}0.weight"], raw[f"{start}0.bias"]))
    expected = F.linear(first, raw[f"{start}2.weight"], raw[f"{start}2.bias"])
    seen: list[torch.Tensor] = []
    hook = sdxl.unet.add_embedding.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        predict(sdxl, torch.zeros(1, 4, 8, 8), torch.tensor([5]), TextStates(torch.zeros(1, 77, 192), pooled), [sizes])
    hook.remove()
    assert torch.allclose(seen[0], expected, atol=1e-4)


@pytest.mark.parametrize("name", ["tiny_sd2", "tiny_sdxl"])
def test_a_diffusers_folder_a_ckpt_and_a_half_file_hold_the_same_model(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(name.removeprefix("tiny_"))
    raw = load_file(request.getfixturevalue(name))
    for part, module in model.parts().items():
        (tmp_path / "folder" / part).mkdir(parents=True)
        stem = "model" if part.startswith("text") else "diffusion_pytorch_model"
        prefix = "text_model." if part.startswith("text") else ""
        tensors = {
            ("" if key.startswith("text_projection") else prefix) + key: tensor.contiguous()
            for key, tensor in module.state_dict().items()
        }
        save_file(tensors, tmp_path / "folder" / part / f"{stem}.safetensors")
    (tmp_path / "folder" / "scheduler").mkdir()
    scheduler = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    (tmp_path / "folder" / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    torch.save({"state_dict": raw}, tmp_path / "model.ckpt")
    save_file({key: tensor.half() for key, tensor in raw.items()}, tmp_path / "half.safetensors")

    folder, ckpt, half = (load_model(tmp_path / one) for one in ("folder", "model.ckpt", "half.safetensors"))
    assert (folder.prediction, folder.zero_terminal, ckpt.prediction) == ("v_prediction", True, "epsilon")
    for part, module in model.parts().items():
        expected = module.state_dict()
        for other in (folder, ckpt):
            found = getattr(other, part).state_dict()
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[key], tensor) for key, tensor in expected.items()), part
        found = getattr(half, part).state_dict()
        assert all(torch.equal(found[key].float(), tensor.half().float()) for key, tensor in expected.items()), part
        assert not any(parameter.is_meta or parameter.requires_grad for parameter in getattr(half, part).parameters())


def test_facts_of_the_families(sd2: Model, sdxl: Model) -> None:
    assert (sd2.family, sd2.scaling_factor, list(sd2.parts())) == ("sd2", 0.18215, ["text_encoder", "unet", "vae"])
    assert (sdxl.family, sdxl.scaling_factor) == ("sdxl", 0.13025)
    assert list(sdxl.parts()) == ["text_encoder", "text_encoder_2", "unet", "vae"]
    assert len(sd2.text_encoder.encoder.layers) == 3  # four in the file, the last of which is never run
    assert [one.config.hidden_act for one in (sd2.text_encoder, sdxl.text_encoder, sdxl.text_encoder_2)] == [
        "gelu",
        "quick_gelu",
        "gelu",
    ]


@pytest.fixture
def marked(tmp_path: Path) -> Callable[..., Any]:
    """What a file with these marks or this metadata is taken to predict."""
    from lora_workbench.trainer_core.models.header import ModelHeader, TensorInfo
    from lora_workbench.trainer_core.models.prediction import prediction_of

    def ask(*marks: str, v: bool = False, zero: bool = False, **metadata: str) -> Any:
        keys = {name.replace("__", "."): value for name, value in metadata.items()}
        header = ModelHeader(Path("m.safetensors"), {name: TensorInfo((0,), "F32") for name in marks}, keys)
        return prediction_of(header, v, zero)

    return ask


def test_what_is_predicted_is_known_from_marks_metadata_or_settings(marked: Callable[..., Any]) -> None:
    known = marked("v_pred", "ztsnr")
    assert (known.prediction, known.zero_terminal, known.prediction_from) == ("v_prediction", True, "the file's mark v_pred")
    assert marked(modelspec__prediction_type="v").prediction == "v_prediction"
    assert marked(modelspec__architecture="stable-diffusion-v2-768-v").prediction == "v_prediction"
    assert (marked(v=True).prediction, marked(v=True).prediction_from) == ("v_prediction", "v_parameterization")
    assert (marked(zero=True).zero_terminal, marked(zero=True).zero_terminal_from) == (True, "zero_terminal_snr")
    assumed = marked()
    assert (assumed.prediction, assumed.zero_terminal, assumed.prediction_from) == ("epsilon", False, "")
    assert marked(modelspec__prediction_type="epsilon").prediction_from == "the file's metadata"
