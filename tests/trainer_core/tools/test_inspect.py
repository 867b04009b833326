"""Looking into a LoRA file, and writing it with other metadata and the same tensors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, KINDS, write
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.networks.format import read_lora, save_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.answers import answer
from lora_workbench.trainer_core.tools.inspect_file import inspect
from lora_workbench.trainer_core.tools.norms import block_norms

PRIVATE = {
    "ss_tag_frequency": '{"10_penny": {"red hair": 3}}',
    "ss_dataset_dirs": '{"10_penny": {"n_repeats": 10}}',
    "ss_datasets": '[{"subsets": [{"image_dir": "10_penny"}]}]',
    "ss_training_comment": "for Ann",
    "ss_network_args": '{"block_presets": "/home/ann/lbwpresets.txt"}',
    "ss_vae_name": "C:\\Users\\ann\\vae.pt",
}
PUBLIC = {
    "ss_output_name": "penny",
    "ss_network_module": "networks.lora",
    "ss_sd_model_name": "nai.safetensors",
    "modelspec.architecture": "stable-diffusion-v1/lora",
    "modelspec.implementation": "https://example.org/generative-models/",
    "ss_optimizer": "torch.optim.adamw.AdamW(weight_decay=0.1)",
    "ss_learning_rate": "1/2",
}


def data_of(path: Path) -> bytes:
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.parametrize("kind", [*KINDS, "dora", "boft"])
def test_kinds_and_ranks(kind: str, tmp_path: Path) -> None:
    write(tmp_path / "a.safetensors", kind)
    found = inspect(tmp_path / "a.safetensors")
    names = {"lora": "LoRA", "conv": "LoRA", "tucker": "LoCon (Tucker)", "full": "full difference", "ia3": "(IA)^3",
             "norm": "norm", "dora": "DoRA", "boft": "OFT", "glora": "GLoRA"}  # fmt: skip
    expected = names.get(kind) or {"loha": "LoHa", "lokr": "LoKr"}[kind.partition("_")[0]]
    assert found["kinds"] == {expected: 4} and found["modules"] == 4
    if kind in ("lora", "conv", "tucker", "loha", "dora", "glora"):
        assert found["ranks"] == [{"rank": 2, "alpha": 1.0, "modules": 4}]
    elif kind in ("full", "ia3", "norm", "boft"):
        assert found["ranks"] == []


def test_what_is_in_a_file(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a.safetensors"
    write(path, "lora", torch.float16)
    tensors = load_file(path)
    base = {"ss_sd_model_name": "nai", "ss_new_sd_model_hash": "a" * 64}
    save_lora(path, tensors, {**base, "lora_workbench_resized": '{"of": "b.safetensors"}'}, "fp16")
    assert main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hashes"]["tensors"] == hashlib.sha256(data_of(path)).hexdigest() == found["hashes"]["told"]
    assert found["hashes"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {one["key"]: (one["shape"], one["dtype"]) for one in found["keys"]} == {
        key: (list(tensor.shape), "F16") for key, tensor in tensors.items()
    }
    assert found["base"] == {"name": "nai", "hash": "a" * 64, "version": ""} and found["family"] == "sd1"
    assert found["made"] == {"lora_workbench_resized": {"of": "b.safetensors"}}
    assert found["blocks"] == block_norms(path)["blocks"] and found["lines"] == []
    assert main(["inspect", str(path), "--keys"]) == 0
    said = capsys.readouterr().out
    sizes = {f"mean {one.float().abs().mean():.3g}, largest {one.float().abs().max():.3g}" for one in tensors.values()}
    for words in ("4 LoRA", "2 (alpha 1; 4 modules)", "nai", *BLOCKS, *tensors, "F16", *sizes):
        assert words in said
    assert main(["inspect", "--metadata", "--model", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == found["metadata"]
    key = next(iter(tensors))
    save_file({**tensors, key: torch.full_like(tensors[key], float("nan"))}, path)
    assert main(["inspect", str(path), "-s", "--keys"]) == 0
    assert f"{key}  F16 {list(tensors[key].shape)}  not finite" in capsys.readouterr().out


def test_changed_tensors_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write(path, "lora", sshs_model_hash="0" * 64)
    assert "were changed since" in inspect(path)["lines"][0]


def test_metadata_change_and_tensors_do_not(tmp_path: Path, capsys: Any) -> None:
    path, out = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write(path, "lora", torch.bfloat16, **PRIVATE, **PUBLIC)
    before = path.read_bytes()
    words = [
        "inspect",
        str(path),
        "--set",
        "modelspec.title=Penny = red",
        "--set",
        "ss_output_name=p",
        "--remove",
        "ss_optimizer",
    ]
    assert main([*words, "--out", str(out)]) == 0
    assert "2 set, 1 removed" in capsys.readouterr().out
    assert data_of(out) == data_of(path) and path.read_bytes() == before
    told = read_lora(out)[1]
    hashes = {key: told.pop(key) for key in ("sshs_model_hash", "sshs_legacy_hash")}
    expected = {**PRIVATE, **PUBLIC, "modelspec.title": "Penny = red", "ss_output_name": "p", "ss_network_dim": "2"}
    assert told == {key: value for key, value in expected.items() if key != "ss_optimizer"}
    assert hashes["sshs_model_hash"] == hashlib.sha256(data_of(out)).hexdigest() and len(hashes["sshs_legacy_hash"]) == 8


def test_the_privacy_switch(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a.safetensors"
    write(path, "lora", **PRIVATE, **PUBLIC)
    assert main(["inspect", str(path), "--private", "--set", "ss_training_comment=public", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    out = tmp_path / "a-edited.safetensors"
    assert Path(done["path"]) == out and set(done["removed"]) == PRIVATE.keys() - {"ss_training_comment"}
    told = read_lora(out)[1]
    assert {key: told[key] for key in PUBLIC} == PUBLIC and told["ss_training_comment"] == "public"
    text = out.read_bytes().decode("utf-8", "replace")
    assert "ann" not in text.lower() and "10_penny" not in text and "red hair" not in text
    assert data_of(out) == data_of(path)


def test_the_helper_answers_alike(tmp_path: Path) -> None:
    path, out = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write(path, "lora", **PRIVATE)
    assert answer("inspect", {"path": str(path)}) == inspect(path)
    wanted = {"path": str(path), "out": str(out), "set": {"title": "Penny"}, "remove": ["ss_network_dim"], "private": True}
    done = answer("edit_metadata", wanted)
    assert done["path"] == str(out) and done["set"] == ["title"] and "ss_network_dim" in done["removed"]
    assert data_of(out) == data_of(path) and read_lora(out)[1]["title"] == "Penny"
    for more, told in (
        (wanted, "is there already"),
        ({**wanted, "set": {"a": 1}}, "keys and texts"),
        ({"path": "x"}, "out is"),
    ):
        with pytest.raises(UserError, match=told):
            answer("edit_metadata", more)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--remove", "nothing"], 1, "no metadata called nothing"),
        (["--set", "sshs_model_hash=0"], 1, "is computed from the tensors"),
        (["--set", "ss_network_dim=2"], 1, "are so already"),
        (["--private"], 1, "nothing private"),
        (["--set", "title"], 2, "KEY=VALUE"),
        (["--out", "b.safetensors"], 2, "--out needs"),
        (["--set", "a=b", "--keys"], 2, "give either"),
        (["--metadata", "--keys"], 2, "--metadata stands alone"),
        (["--model", "b.safetensors"], 2, "give the file, once"),
    ],
)
def test_what_cannot_be_done_is_refused(words: list[str], status: int, told: str, tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "a.safetensors", "lora")
    assert main(["inspect", str(tmp_path / "a.safetensors"), *words]) == status
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1 and len(list(tmp_path.glob("*.safetensors"))) == 1


def test_what_is_no_lora_is_refused(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "page.safetensors").write_text("<html>", encoding="utf-8")
    assert main(["inspect", str(tmp_path / "page.safetensors")]) == 1
    assert "web page" in capsys.readouterr().err
