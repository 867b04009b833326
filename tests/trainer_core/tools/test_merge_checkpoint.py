"""LoRAs merged into a checkpoint: the same model, and the same picture, as with the LoRAs put on for drawing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.networks.making import chosen, filled, network_of
from lora_workbench.tests.trainer_core.tools.test_resize import LINEAR, save
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.sample import generate
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.block_weights import parse_block_weights
from lora_workbench.trainer_core.networks.format import save_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.merge_checkpoint import METADATA, merge_into_checkpoint
from lora_workbench.trainer_core.tools.weighted import Weighted

PARTS = ("text_encoder", "unet")
WEIGHTS = "0.5," + ",".join(["0"] * 14 + ["0.25"] * 11)


def write_lora(base: Path, path: Path, *words: str, size: float = 0.1, seed: int = 0, **metadata: str) -> Path:
    """A LoRA of random numbers, of the kind that the words of network_args ask for."""
    model = load_model(base, parts=PARTS)
    network = filled(network_of(model, chosen(base, "lycoris.kohya", *words)), seed=seed, size=size)
    save_lora(path, network.tensors(), metadata)
    return path


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return {f"{part}.{name}": one.float().clone() for part in PARTS for name, one in getattr(model, part).named_parameters()}


@pytest.mark.parametrize(
    "words",
    [("algo=locon", "train_norm=true"), ("algo=loha",), ("algo=lokr", "dora_wd=true"), ("algo=full",), ("algo=diag-oft",)],
)
def test_every_kind_is_merged_as_it_is_put_on(words: tuple[str, ...], random_base: Path, tmp_path: Path) -> None:
    lora = write_lora(random_base, tmp_path / "a.safetensors", *words)
    model = load_model(random_base, parts=PARTS)
    before = weights_of(model)
    blocks = None if words[0] == "algo=diag-oft" else parse_block_weights(WEIGHTS, "sd1", whole=True).values
    with applied(model, [(lora, 0.8 * 0.5, 0.8, blocks)]):
        expected = weights_of(model)
    one = Weighted(lora, 0.8, te=0.5, block_weights=WEIGHTS if blocks else None)
    done = merge_into_checkpoint(random_base, [one], tmp_path / "out.safetensors")
    made = weights_of(load_model(tmp_path / "out.safetensors", parts=PARTS))
    assert expected.keys() == made.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(made[name], weight, atol=1e-6, rtol=1e-6)
    changed = [name for name in made if not torch.equal(made[name], before[name])]
    change = sum(float((made[name] - before[name]).double().square().sum()) for name in changed) ** 0.5
    assert done.tensors == len(changed) > 20 and done.change == pytest.approx(change, rel=1e-4)


def test_the_picture_is_that_of_the_lora_at_run_time(toy_base: Path, tmp_path: Path) -> None:
    """In float32; in the base's own half precision the merged weights are rounded once more, which pictures hardly show."""
    loras = [write_lora(toy_base, tmp_path / f"{seed}.safetensors", "algo=locon", size=0.05, seed=seed) for seed in (1, 2)]
    asked = [Request("a fox", width=64, height=64, seed=7, steps=6, cfg=4.0)]
    model = load_model(toy_base)

    def pixels(drawn_with: Any) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(generate(drawn_with, asked)[0]).astype(int)

    plain = pixels(model)
    with applied(model, [(loras[0], 0.7, 0.7), (loras[1], 0.5, 0.5)]):
        expected = pixels(model)
    assert np.abs(plain - expected).max() > 20
    for precision, allowed in (("float", 2), ("fp16", 8)):
        out = tmp_path / f"{precision}.safetensors"
        merge_into_checkpoint(toy_base, [Weighted(loras[0], 0.7), Weighted(loras[1], 0.5)], out, precision=precision)
        largest = int(np.abs(pixels(load_model(out)) - expected).max())
        print(
            f"{precision}: a pixel differs by {largest} of 255 at most, from the plain one by {np.abs(plain - expected).max()}"
        )
        assert largest <= allowed


def test_what_no_lora_changes_keeps_its_bytes_and_place(random_base: Path, tmp_path: Path) -> None:
    lora = write_lora(random_base, tmp_path / "a.safetensors", "preset=attn-only")
    before, own = random_base.read_bytes(), lora.read_bytes()
    merge_into_checkpoint(random_base, [Weighted(lora, te=0.0)], tmp_path / "out.safetensors")
    one, two = load_file(random_base), load_file(tmp_path / "out.safetensors")
    changed = {name for name in one if not torch.equal(one[name], two[name])}
    assert changed and all(name.startswith("model.diffusion_model.") and ".attn" in name for name in changed)
    with safe_open(random_base, "pt") as first, safe_open(tmp_path / "out.safetensors", "pt") as second:
        assert list(first.offset_keys()) == list(second.offset_keys())
    assert random_base.read_bytes() == before and lora.read_bytes() == own


def test_kohyas_own_names_of_oft_are_known(random_base: Path, tmp_path: Path) -> None:
    own = {"oft_blocks": torch.randn(4, 32, 32, generator=torch.Generator().manual_seed(1)), "alpha": torch.tensor(0.001)}
    for name in (LINEAR, LINEAR.replace("lora_", "oft_", 1)):
        path = save(tmp_path / f"{name}.safetensors", {name: own})
        done = merge_into_checkpoint(random_base, [Weighted(path)], tmp_path / f"{name}-out.safetensors")
        assert done.matched == (1,) and done.change > 0
    one, other = (load_file(path)["model.diffusion_model.middle_block.1.proj_in.weight"] for path in tmp_path.glob("*-out.*"))
    assert torch.equal(one, other)


def test_the_command(random_base: Path, tmp_path: Path, capsys: Any) -> None:
    hashes = {"ss_sd_model_name": "nai", "ss_new_sd_model_hash": "f" * 64}
    lora = write_lora(random_base, tmp_path / "a.safetensors", "preset=attn-only", **hashes)
    out = tmp_path / "out.safetensors"
    words = ["merge", "--sd_model", str(random_base), "--models", str(lora), "--ratios", "0.5", "--save_to", str(out)]
    assert main([*words, "--save_precision", "fp16"]) == 0
    said = capsys.readouterr().out
    assert "warning: a.safetensors was trained on nai (ffffffffff), not on random_base" in said
    assert "modules matched" in said and "tensors changed by a length of" in said
    tensors = load_file(out)
    assert {one.dtype for one in tensors.values() if one.is_floating_point()} == {torch.float16}
    with safe_open(out, "pt") as file:
        metadata = file.metadata()
    told = json.loads(metadata[METADATA])
    assert (told["base"], told["parents"][0]["name"], told["parents"][0]["ratio"]) == (
        "random_base.safetensors",
        "a.safetensors",
        0.5,
    )
    assert metadata["modelspec.merged_from"] == "random_base, a"
    assert main(words) == 1 and "is there already" in capsys.readouterr().err
    assert main([*words, "--new_rank", "4"]) == 2
    assert main([*words, "--overwrite", "--v2"]) == 1 and "--v2 was given, but" in capsys.readouterr().err


def test_kohyas_flags_are_carried_out_or_told_to_be_idle(random_base: Path, tmp_path: Path, capsys: Any) -> None:
    old = {"modelspec.title": "old", "modelspec.hash_sha256": "0x1", "modelspec.author": "Ann"}
    with safe_open(random_base, "pt") as file:
        own = file.metadata()
    save_file(load_file(random_base), tmp_path / "base.safetensors", {**own, **old})
    lora, out = write_lora(random_base, tmp_path / "a.safetensors", "conv_dim=2"), tmp_path / "out.safetensors"
    seventeen = str([1.0] * 17)
    words = ["merge", "--sd_model", str(tmp_path / "base.safetensors"), str(lora), "--save_to", str(out), "--lbws", seventeen]
    assert main([*words, "--precision", "bf16", "--shuffle", "--device", "cuda"]) == 0
    said = capsys.readouterr().out
    assert "note: --shuffle changes nothing here: " in said and "note: --device changes nothing here: " in said
    assert "The list has 17 numbers: the blocks that it leaves out, IN00, IN03, IN06" in said
    assert {one.dtype for one in load_file(out).values() if one.is_floating_point()} == {torch.bfloat16}
    with safe_open(out, "pt") as file:
        told = file.metadata()
    assert (told["modelspec.title"], told["modelspec.author"]) == ("out", "Ann") and "modelspec.hash_sha256" not in told
    assert main([*words, "--no_metadata", "--overwrite"]) == 0
    with safe_open(out, "pt") as file:
        assert file.metadata() == {**own, "modelspec.author": "Ann"}


def test_nothing_is_written_where_nothing_would_change(random_base: Path, tmp_path: Path) -> None:
    own = {"lora_down.weight": torch.ones(1, 128, 1, 1), "lora_up.weight": torch.zeros(128, 1, 1, 1)}
    zero = save(tmp_path / "zero.safetensors", {LINEAR: own})
    other = save(tmp_path / "xl.safetensors", {"lora_unet_input_blocks_4_1_proj_in": own})
    named = save(tmp_path / "named.safetensors", {LINEAR: own}, ss_base_model_version="sdxl_base_v1-0")
    wide = save(tmp_path / "wide.safetensors", {LINEAR: {**own, "lora_down.weight": torch.ones(1, 64, 1, 1)}})
    out = tmp_path / "out.safetensors"
    for path, ratio, told in (
        (zero, 1.0, "what these LoRAs add is 0"),
        (zero, 0.0, "the strengths of all LoRAs are 0"),
        (other, 1.0, "which that model hasn't"),
        (named, 1.0, "is for Stable Diffusion XL"),
        (wide, 1.0, "doesn't fit this model"),
    ):
        with pytest.raises(UserError, match=told):
            merge_into_checkpoint(random_base, [Weighted(path, ratio)], out)
    save_file({"model.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="is not a Stable Diffusion checkpoint"):
        merge_into_checkpoint(tmp_path / "model.safetensors", [Weighted(zero)], out)
    assert not out.exists() and not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]
