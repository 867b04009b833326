"""LoRA files: round trip, hashes calculated from the file's bytes, the same bytes in every process."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from lora_workbench.trainer_core.models.header import CheckpointError
from lora_workbench.trainer_core.networks.format import by_module, read_lora, save_lora
from lora_workbench.trainer_core.problems import UserError

METADATA = {"ss_network_dim": "4", "ss_tag_frequency": json.dumps({"10_a": {"größe": 2}}), "modelspec.title": "x"}


def tensors(count: int = 40, width: int = 3000) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    result = {}
    for number in range(count):
        name = f"lora_unet_{number}"
        result[f"{name}.alpha"] = torch.tensor(2.0)
        result[f"{name}.lora_up.weight"] = torch.randn(width, 4, generator=generator)
        result[f"{name}.lora_down.weight"] = torch.randn(4, width, generator=generator)
    return result


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16), (None, torch.float32)]
)
def test_round_trip(tmp_path: Path, precision: str | None, dtype: torch.dtype) -> None:
    path, content = tmp_path / "new" / "lora.safetensors", tensors(3, 8)
    save_lora(path, content, METADATA, precision)
    read, metadata = read_lora(path)
    assert read.keys() == content.keys()
    assert all(torch.equal(read[name], content[name].to(dtype)) and read[name].dtype == dtype for name in content)
    assert {key: metadata[key] for key in METADATA} == METADATA
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_hashes_are_those_of_the_files_own_bytes(tmp_path: Path) -> None:
    path, content = tmp_path / "lora.safetensors", tensors()
    save_lora(path, content, METADATA, "float")
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    metadata = json.loads(whole[8 : 8 + length])["__metadata__"]
    assert metadata["sshs_model_hash"] == hashlib.sha256(whole[8 + length :]).hexdigest()
    # the library's own serialisation with ss_* metadata only, as kohya calculates the legacy hash
    theirs = save(content, {key: value for key, value in METADATA.items() if key.startswith("ss_")})
    assert len(theirs) > 0x110000
    assert metadata["sshs_legacy_hash"] == hashlib.sha256(theirs[0x100000:0x110000]).hexdigest()[:8]


def test_a_small_file_has_the_legacy_hash_of_nothing(tmp_path: Path) -> None:
    save_lora(tmp_path / "a.safetensors", tensors(1, 8), {})
    assert read_lora(tmp_path / "a.safetensors")[1]["sshs_legacy_hash"] == hashlib.sha256().hexdigest()[:8] == "e3b0c442"


def test_the_library_reads_the_file_and_the_order_is_its_own(tmp_path: Path) -> None:
    path, content = tmp_path / "lora.safetensors", tensors(12, 5)
    save_lora(path, content, METADATA, "fp16")
    half = {name: tensor.half() for name, tensor in content.items()}
    read = load_file(path)
    assert all(torch.equal(read[name], half[name]) for name in half)
    whole, theirs = path.read_bytes(), save(half)
    assert whole[8 + struct.unpack("<Q", whole[:8])[0] :] == theirs[8 + struct.unpack("<Q", theirs[:8])[0] :]


def test_order_of_tensors_and_metadata_given_does_not_matter(tmp_path: Path) -> None:
    content = tensors(3, 8)
    save_lora(tmp_path / "a.safetensors", content, METADATA)
    save_lora(tmp_path / "b.safetensors", dict(reversed(content.items())), dict(reversed(METADATA.items())))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_numbers_that_do_not_fit_the_precision_are_not_written(tmp_path: Path) -> None:
    content = tensors(1, 8)
    content["lora_unet_0.lora_up.weight"][0, 0] = 70000.0
    with pytest.raises(UserError, match=r"lora_unet_0\.lora_up\.weight"):
        save_lora(tmp_path / "a.safetensors", content, {}, "fp16")
    assert not list(tmp_path.glob("*.safetensors"))
    save_lora(tmp_path / "a.safetensors", content, {}, "float")


def test_torch_files_are_read_weights_only_and_hostile_ones_refused(tmp_path: Path) -> None:
    content = tensors(1, 8)
    torch.save(content, tmp_path / "lora.pt")
    read, metadata = read_lora(tmp_path / "lora.pt")
    assert metadata == {} and all(torch.equal(read[name], content[name]) for name in content)

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({**content, "x": Hostile()}, tmp_path / "evil.pt", pickle_module=pickle)
    with pytest.raises(CheckpointError, match="system"):
        read_lora(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_lora_is_refused(random_base: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a LoRA in kohya"):
        read_lora(random_base)


def test_tensors_by_module() -> None:
    content = {
        "a.alpha": torch.tensor(2.0),
        "a.lora_down.weight": torch.zeros(4, 9),
        "bundle_emb.x.string_to_param.*": torch.ones(1),
    }
    found = by_module(content)
    assert {name: set(tensors) for name, tensors in found.items()} == {"a": {"alpha", "lora_down.weight"}}
