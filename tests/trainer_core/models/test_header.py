"""Headers of good, damaged and hostile model files."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from lora_workbench.trainer_core.models.families import identify, require_base
from lora_workbench.trainer_core.models.header import LEGACY_PICKLE, CheckpointError, ModelHeader, TensorInfo, read_header


def write(path: Path, entries: dict[str, object], data: bytes = b"") -> Path:
    encoded = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
    return path


def said(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        require_base(read_header(path))
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence
    return sentence


def test_reads_names_shapes_dtypes_places_and_metadata(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.safetensors",
        {
            "__metadata__": {"k": "v"},
            "x": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
            "y": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
        },
        bytes(range(16)),
    )
    header = read_header(path)
    assert header.metadata == {"k": "v"} and header.tensors["x"].shape == (2, 3) and header.tensors["y"].dtype == "F32"
    assert path.read_bytes()[header.tensors["y"].start :] == bytes([12, 13, 14, 15])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a checkpoint"),
        (b"hello, this is a text of some length", "not a checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"\n <!DOCTYPE html><html></html>", "web page"),
        (struct.pack("<Q", 1 << 40) + b"{}", "damaged"),
        (struct.pack("<Q", 500) + b'{"a":', "truncated"),
        (struct.pack("<Q", 9) + b'{"a": [1}', "damaged"),
        (struct.pack("<Q", 6) + b'{"a":1', "damaged"),
        (struct.pack("<Q", 7) + b'{"a":1}', "damaged"),
        (b"PK\x03\x04 and no more", "damaged"),
        (LEGACY_PICKLE, "damaged"),
    ],
)
def test_what_is_no_checkpoint_gets_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert words in said(path)


def test_missing_and_folder_without_unet(tmp_path: Path) -> None:
    assert "no model at" in said(tmp_path / "nothing.safetensors")
    assert "diffusers folder" in said(tmp_path)
    (tmp_path / "unet").mkdir()
    with pytest.raises(CheckpointError, match=r"holds no diffusion_pytorch_model\.safetensors"):
        read_header(tmp_path)


def test_a_file_cut_anywhere_is_truncated_and_says_by_how_much(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}
    whole = write(tmp_path / "m.safetensors", {"x": entry}, bytes(400))
    whole.write_bytes(whole.read_bytes()[:-7])
    assert "7 bytes are missing" in said(whole)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [100], "data_offsets": [0, 399]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
        {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "x", "data_offsets": [0, 4]},
        {"dtype": "F32"},
    ],
)
def test_places_that_lie_are_refused(tmp_path: Path, entry: dict[str, object]) -> None:
    assert "damaged" in said(write(tmp_path / "m.safetensors", {"x": entry}, bytes(400)))


class Hostile:
    def __init__(self, marker: Path, call: object = os.system) -> None:
        self.marker, self.call = marker, call

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return self.call, (f"touch {self.marker}",)


@pytest.mark.parametrize("layout", ["zip", "legacy"])
@pytest.mark.parametrize("call", [os.system, eval, exec, __import__])
def test_a_pickle_that_would_run_code_is_named_and_never_run(tmp_path: Path, layout: str, call: object) -> None:
    path, marker = tmp_path / "model.ckpt", tmp_path / "ran"
    evil = pickle.dumps({"state_dict": Hostile(marker, call)}, protocol=2)
    if layout == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", evil)
            archive.writestr("archive/version", "3")
    else:
        path.write_bytes(LEGACY_PICKLE + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + evil)
    assert call.__name__ in said(path)
    assert not marker.exists()


def test_a_zip_with_other_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("../evil.py", "")
    assert "evil.py" in said(path)


def header(*names: str, shape: tuple[int, ...] = (4, 4, 3, 3), path: str = "file.safetensors") -> ModelHeader:
    return ModelHeader(Path(path), {name: TensorInfo(shape, "F16") for name in names})


UNET = "model.diffusion_model.input_blocks.0.0.weight"


@pytest.mark.parametrize(
    ("names", "family", "words"),
    [
        (
            (UNET, "conditioner.embedders.0.model.ln_final.weight"),
            "sdxl",
            "is the refiner of Stable Diffusion XL",
        ),
        (
            (UNET, "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight", "edm_vpred.sigma_max"),
            "sdxl",
            "EDM",
        ),
        (
            (UNET, "cond_stage_model.model.ln_final.weight", "model.diffusion_model.label_emb.0.0.weight"),
            "sd2",
            "image variation",
        ),
        (("first_stage_model.decoder.conv_in.weight",), "vae", "is a VAE"),
        (("decoder.conv_in.weight", "encoder.conv_in.weight"), "vae", "--vae"),
        (("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",), "lora", "is a LoRA"),
        (("unet.mid_block.lora_A.weight",), "lora", "is a LoRA"),
        (("lora_unet_mid_block_attentions_0_proj_in.oft_blocks",), "lora", "is a LoRA"),
        (("lora_unet_mid_block_attentions_0_proj_in.diff",), "lora", "is a LoRA"),
        (("double_blocks.0.img_attn.qkv.weight",), "unknown", "not a Stable Diffusion checkpoint"),
        ((UNET,), "unknown", "not a Stable Diffusion checkpoint"),
    ],
)
def test_other_families_are_named(names: tuple[str, ...], family: str, words: str) -> None:
    assert identify(header(*names)) == family
    with pytest.raises(CheckpointError, match=words):
        require_base(header(*names))


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("sd1", "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"),
        ("sd2", "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"),
        ("sdxl", "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"),
    ],
)
def test_all_three_families_are_taken_and_their_inpainting_models_are_not(family: str, name: str) -> None:
    names = (UNET, name)
    assert require_base(header(*names)) == family
    with pytest.raises(CheckpointError, match="9 input channels"):
        require_base(header(*names, shape=(320, 9, 3, 3)))
