"""LoRAs merged with each other: the file's change is the sum of the parents' at their strengths, module by module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.making import BLOCKS, module, write
from lora_workbench.tests.trainer_core.tools.test_resize import CONV, LINEAR, dense, lora, save
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.networks.format import by_module, read_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.merge_loras import METADATA, merge_loras
from lora_workbench.trainer_core.tools.weighted import Weighted

TEXT = BLOCKS["BASE"]


def changes(path: Path) -> dict[str, torch.Tensor]:
    return {name: dense(own) for name, own in by_module(read_lora(path)[0]).items()}


def test_two_halves_at_full_strength_are_the_whole(tmp_path: Path) -> None:
    whole = {LINEAR: lora(8, 4.0), CONV: lora(6, 3.0, conv=True, seed=1)}
    halves = []
    for number, rows in enumerate((slice(0, 3), slice(3, None))):
        own = {}
        for name, one in whole.items():
            down, up = one["lora_down.weight"][rows], one["lora_up.weight"][:, rows]
            own[name] = {"alpha": torch.tensor(down.shape[0] / 2), "lora_down.weight": down, "lora_up.weight": up}
        halves.append(save(tmp_path / f"{number}.safetensors", own))
    done = merge_loras([Weighted(path) for path in halves], tmp_path / "out.safetensors")
    made, before = (
        by_module(read_lora(tmp_path / "out.safetensors")[0]),
        by_module(read_lora(save(tmp_path / "whole.safetensors", whole))[0]),
    )
    assert all(torch.equal(made[name][suffix], before[name][suffix]) for name in whole for suffix in before[name])
    assert done.error == 0 and done.alike == done.modules == 2


def test_a_ratio_acts_once(tmp_path: Path) -> None:
    """Twice the same LoRA at 1/1 is twice its change, not four times; at ½ and ½ it is the LoRA."""
    path = save(tmp_path / "a.safetensors", {LINEAR: lora(4, 2.0)})
    own = changes(path)[LINEAR]
    for ratios, factor in (((1, 1), 2.0), ((0.5, 0.5), 1.0), ((0.5, -0.25), 0.25)):
        out = tmp_path / f"{ratios}.safetensors"
        done = merge_loras([Weighted(path, ratio) for ratio in ratios], out)
        torch.testing.assert_close(changes(out)[LINEAR], own * factor, atol=1e-6, rtol=1e-6)
        assert done.lengths == pytest.approx([abs(ratio) * float(own.norm()) for ratio in ratios], rel=1e-6)
        assert done.length == pytest.approx(factor * float(own.norm()), rel=1e-6)


@pytest.mark.parametrize("rank", [None, 3])
def test_ranks_alphas_and_modules_may_differ(tmp_path: Path, rank: int | None) -> None:
    one = save(tmp_path / "a.safetensors", {LINEAR: lora(4, 2.0), CONV: lora(2, 1.0, conv=True, seed=3)})
    two = save(tmp_path / "b.safetensors", {LINEAR: lora(6, 1.0, seed=1), TEXT: module("lora", 2)})
    done = merge_loras([Weighted(one, 0.8), Weighted(two, 1.5)], tmp_path / "out.safetensors", rank=rank)
    first, second, made = changes(one), changes(two), changes(tmp_path / "out.safetensors")
    expected = {LINEAR: 0.8 * first[LINEAR] + 1.5 * second[LINEAR], CONV: 0.8 * first[CONV], TEXT: 1.5 * second[TEXT]}
    least = 0.0
    for name, whole in expected.items():
        values = torch.linalg.svdvals(whole)[rank:] if rank else torch.zeros(1)
        assert float((made[name] - whole).norm()) == pytest.approx(float(values.norm()), rel=1e-4, abs=1e-5)
        least += float(values.square().sum())
    assert done.error == pytest.approx(least**0.5, rel=1e-4, abs=1e-5) and (done.modules, done.alike) == (3, 1)
    ranks = {name: own["lora_down.weight"].shape[0] for name, own in by_module(read_lora(done.path)[0]).items()}
    assert ranks == ({LINEAR: 10, CONV: 2, TEXT: 2} if rank is None else {LINEAR: 3, CONV: 2, TEXT: 2})


def test_parts_and_blocks_have_strengths_of_their_own(tmp_path: Path) -> None:
    modules = write(tmp_path / "a.safetensors", "lora")
    weights = "0.5,1,1,-0.25,1,1,1,0,1,1,1,1,1,1,1,1,1"
    merge_loras(
        [Weighted(tmp_path / "a.safetensors", 2.0, te=0.5, unet=3.0, block_weights=weights)], tmp_path / "o.safetensors"
    )
    made = changes(tmp_path / "o.safetensors")
    assert BLOCKS["M00"] not in made
    for block, strength in {"BASE": 0.5, "IN04": -1.5, "OUT05": 6.0}.items():
        torch.testing.assert_close(made[BLOCKS[block]], dense(modules[block]) * strength, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["full", "norm"])
def test_kinds_that_add_plainly_are_added(kind: str, tmp_path: Path) -> None:
    modules = write(tmp_path / "a.safetensors", kind)
    write(tmp_path / "b.safetensors", kind)
    merge_loras(
        [Weighted(tmp_path / "a.safetensors", 0.5), Weighted(tmp_path / "b.safetensors", 2.0)], tmp_path / "o.safetensors"
    )
    for key, tensor in load_file(tmp_path / "o.safetensors").items():
        name, _, suffix = key.partition(".")
        block = next(block for block, own in BLOCKS.items() if own == name)
        torch.testing.assert_close(tensor, 2.5 * modules[block][suffix])


def test_metadata_list_the_parents_and_keep_what_they_share(tmp_path: Path) -> None:
    shared = {"ss_base_model_version": "sd_v1", "ss_sd_model_name": "nai", "note": "both"}
    one = save(tmp_path / "a.safetensors", {LINEAR: lora(4, 2.0)}, **shared, ss_new_sd_model_hash="1" * 64, ss_epoch="3")
    two = save(
        tmp_path / "b.safetensors", {LINEAR: lora(4, 2.0, seed=1)}, **shared, ss_new_sd_model_hash="2" * 64, ss_epoch="4"
    )
    done = merge_loras([Weighted(one), Weighted(two, 0.5, block_weights="ALL")], tmp_path / "out.safetensors")
    metadata = read_lora(tmp_path / "out.safetensors")[1]
    parents = json.loads(metadata[METADATA])["parents"]
    assert [(parent["name"], parent["ratio"]) for parent in parents] == [("a.safetensors", 1.0), ("b.safetensors", 0.5)]
    assert parents[1]["block_weights"] == "ALL" and parents[0]["base_hash"] == "1" * 64
    assert (metadata["note"], metadata["ss_sd_model_name"], metadata["modelspec.merged_from"]) == ("both", "nai", "a, b")
    assert (metadata["ss_network_dim"], metadata["ss_network_alpha"]) == ("8", "4") and "ss_epoch" not in metadata
    assert "different base models" in done.notices[0] and len(metadata["sshs_model_hash"]) == 64


def test_precision(tmp_path: Path) -> None:
    write(tmp_path / "a.safetensors", "lora", torch.float16)
    write(tmp_path / "b.safetensors", "lora", torch.bfloat16)
    pair = [Weighted(tmp_path / "a.safetensors"), Weighted(tmp_path / "b.safetensors")]
    for loras, precision, dtype in (
        (pair, None, torch.float32),
        (pair[:1] * 2, None, torch.float16),
        (pair, "bf16", torch.bfloat16),
    ):
        merge_loras(loras, tmp_path / "o.safetensors", precision=precision)
        assert {tensor.dtype for tensor in load_file(tmp_path / "o.safetensors").values()} == {dtype}
    with pytest.raises(UserError, match="F16 can't"):
        merge_loras([Weighted(tmp_path / "a.safetensors", 1e6)], tmp_path / "p.safetensors", precision="fp16")


def other(path: Path, what: str) -> Path:
    """A file that can't be merged with one of LINEAR for Stable Diffusion 1.x."""
    if what == "sdxl":
        return save(path, {"lora_unet_input_blocks_4_1_proj_in": module("lora")})
    if what == "sd2":
        return save(path, {LINEAR: lora(4, 2.0)}, ss_v2="True")
    if what == "wide":
        wide = lora(4, 2.0)
        return save(path, {LINEAR: {**wide, "lora_down.weight": torch.ones(4, 30)}})
    if what in ("loha", "dora", "full"):
        return save(path, {LINEAR: module(what)})
    if what == "opposite":
        own = lora(4, 2.0)
        return save(path, {LINEAR: {**own, "lora_up.weight": -own["lora_up.weight"]}})
    if what == "model":
        save_file({"model.weight": torch.ones(2)}, path)
    elif what == "cut":
        path.write_bytes(save(path, {LINEAR: lora(4, 2.0)}).read_bytes()[:-50])
    return path


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("sdxl", "is for Stable Diffusion 1.x and b.safetensors for SDXL"),
        ("sd2", "is for Stable Diffusion 1.x and b.safetensors for Stable Diffusion 2.x"),
        ("wide", "are for different models"),
        ("loha", "as LoHa, which can't be added"),
        ("dora", "as DoRA, which can't be added"),
        ("full", "is of different kinds"),
        ("opposite", "would change nothing"),
        ("model", "is not a LoRA"),
        ("cut", "is truncated"),
        ("none", "There is no file"),
    ],
)
def test_what_cannot_be_merged_is_refused(what: str, told: str, tmp_path: Path, capsys: Any) -> None:
    one, two, out = (
        save(tmp_path / "a.safetensors", {LINEAR: lora(4, 2.0)}),
        tmp_path / "b.safetensors",
        tmp_path / "o.safetensors",
    )
    other(two, what)
    before = one.read_bytes()
    assert main(["merge", "--models", str(one), str(two), "--save_to", str(out)]) == 1
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1 and not out.exists() and one.read_bytes() == before


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    paths = [str(save(tmp_path / f"{name}.safetensors", {LINEAR: lora(4, 2.0, seed=ord(name))})) for name in "ab"]
    out = str(tmp_path / "o.safetensors")
    assert main(["merge", *paths, "--ratios", "0", "0"]) == 1 and "all their strengths are 0" in capsys.readouterr().err
    kohyas = [
        "merge",
        "--models",
        *paths,
        "--ratios",
        "1",
        "0.5",
        "--save_to",
        out,
        "--concat",
        "--shuffle",
        "--precision",
        "float",
    ]
    assert main(kohyas) == 0
    said = capsys.readouterr().out
    assert "1 modules, 1 of them in all 2 LoRAs; rank 8" in said and "b.safetensors at 0.5" in said and "error left" in said
    assert main(["merge", *paths, "--new_rank", "2"]) == 0 and (tmp_path / "a-b-merged.safetensors").is_file()
    for words, told in (
        (["merge", *paths, "--ratios", "1"], "has 1 values for 2 LoRAs"),
        (["merge", paths[0]], "is itself"),
        (["merge"], "give the LoRAs"),
        (["merge", *paths, "--new_rank", "2", "--concat"], "give one of them"),
        (["merge", *paths, "--ratios", "1", "nan"], "plain numbers"),
    ):
        capsys.readouterr()
        assert main(words) == 2
        assert told in capsys.readouterr().err
    assert main(kohyas) == 1 and "is there already" in capsys.readouterr().err
