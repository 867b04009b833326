"""What a tuned model has learnt, as a LoRA: put on the original it is the tuned model but for the error that was told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.tests.trainer_core.tools.tuned import TRAINED, write_tuned
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.format import by_module, read_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.extract import Wanted, best_factors, extract


@pytest.fixture(scope="module")
def tuned(random_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tuned(random_base, tmp_path_factory.mktemp("tuned") / "tuned.safetensors")


def length(differences: Any) -> float:
    return float(sum(one.double().square().sum() for one in differences)) ** 0.5


@pytest.mark.parametrize("conv_dim", [None, 8])
def test_put_on_the_original_it_is_the_tuned_model_within_the_error(
    random_base: Path, tuned: Path, tmp_path: Path, conv_dim: int | None
) -> None:
    done = extract(random_base, tuned, Wanted(8, conv_dim), tmp_path / "a.safetensors")
    original, other = (load_model(path, parts=("text_encoder", "unet")) for path in (random_base, tuned))
    with applied(original, [(tmp_path / "a.safetensors", 1.0, 1.0)]):
        pairs = [
            (one, two)
            for part in ("text_encoder", "unet")
            for one, two in zip(getattr(original, part).parameters(), getattr(other, part).parameters(), strict=True)
        ]
        left = length(one.float() - two.float() for one, two in pairs)
    assert left == pytest.approx(done.left, rel=1e-3)
    before = length(
        one.float() - two.float()
        for part in ("text_encoder", "unet")
        for one, two in zip(getattr(original, part).parameters(), getattr(other, part).parameters(), strict=True)
    )
    assert before == pytest.approx(done.difference, rel=1e-3)
    assert done.error < 0.02 * done.reached and done.left > done.error
    assert (left < 0.6 * before) is (conv_dim is not None)
    assert done.modules == done.candidates and set(done.by_part) == {"text_encoder", "unet"}


def test_the_error_is_near_the_least_that_the_rank_allows(random_base: Path, tuned: Path, tmp_path: Path) -> None:
    done = extract(random_base, tuned, Wanted(4), tmp_path / "a.safetensors")
    one, two = load_file(random_base), load_file(tuned)
    name = "model.diffusion_model.middle_block.1.proj_in.weight"
    difference = (two[name] - one[name]).flatten(1)
    values = torch.linalg.svdvals(difference.double())
    own = by_module(read_lora(tmp_path / "a.safetensors")[0])["lora_unet_mid_block_attentions_0_proj_in"]
    product = own["lora_up.weight"].flatten(1) @ own["lora_down.weight"].flatten(1)
    best = float(values[4:].square().sum()) ** 0.5
    assert best <= float((difference - product).norm()) * 1.000001 and float((difference - product).norm()) < 1.001 * best
    assert float(own["alpha"]) == 4 and done.error < done.reached


@pytest.mark.parametrize(("rank", "near"), [(2, 1.001), (10, 1.000001)])  # looked for at random, and decomposed
@pytest.mark.parametrize("shape", [(300, 400), (400, 300)])
def test_also_what_falls_slowly_is_found(shape: tuple[int, int], rank: int, near: float) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(1))  # all its singular values are of one size
    up, down = best_factors(matrix, rank)
    values = torch.linalg.svdvals(matrix.double()).square()
    assert (up.shape, down.shape) == ((shape[0], rank), (rank, shape[1])) and torch.allclose(up.norm(dim=0), down.norm(dim=1))
    left = float((matrix.double() - up.double() @ down.double()).square().sum())
    assert left <= near * float(values[rank:].sum())
    assert values.sum() - left > 0.99 * values[:rank].sum()  # of what that rank can hold


def test_a_rank_beyond_what_differs_is_filled_with_zeros() -> None:
    matrix = torch.ones(6, 5)
    up, down = best_factors(matrix, 4)
    assert torch.allclose(up @ down, matrix, atol=1e-6) and bool(torch.isfinite(up).all() and torch.isfinite(down).all())


@pytest.mark.parametrize("family", ["tiny_sd2", "tiny_sdxl"])
def test_other_families_merge_back(family: str, tmp_path: Path, request: Any, capsys: Any) -> None:
    base = request.getfixturevalue(family)
    tuned = write_tuned(base, tmp_path / "tuned.safetensors")
    lora, merged = tmp_path / "lora.safetensors", tmp_path / "merged.safetensors"
    words = ["--model_org", str(base), "--model_tuned", str(tuned), "--save_to", str(lora), "--dim", "10", "--conv_dim", "10"]
    assert main(["extract", *words]) == 0
    assert main(["merge", "--sd_model", str(base), "--models", str(lora), "--save_to", str(merged)]) == 0
    assert "warning" not in capsys.readouterr().out
    one, two, three = load_file(base), load_file(tuned), load_file(merged)
    names = [name for name in one if name.endswith("in_proj_weight") or "proj_in.weight" in name or "to_q.weight" in name]
    names = [name for name in names if not torch.equal(one[name], three[name])]
    assert any("in_proj_weight" in name for name in names) and any("to_q" in name for name in names)
    assert length(two[name] - three[name] for name in names) < 0.05 * length(two[name] - one[name] for name in names)
    changed = {name for name in one if not torch.equal(one[name], three[name])}
    assert changed and all(name.startswith(TRAINED) and "weight" in name for name in changed)


def test_what_differs_too_little_is_left_out(random_base: Path, tmp_path: Path) -> None:
    tuned = write_tuned(random_base, tmp_path / "tuned.safetensors", lambda name: "output_blocks.5" in name)
    done = extract(random_base, tuned, Wanted(2), tmp_path / "a.safetensors")
    names = by_module(read_lora(tmp_path / "a.safetensors")[0])
    assert done.modules == len(names) and all("up_blocks_1_attentions_2" in name for name in names)
    assert set(done.by_part) == {"unet"}


def test_min_diff_leaves_out_text_encoders_as_kohyas_script_does(random_base: Path, tuned: Path, tmp_path: Path) -> None:
    done = extract(random_base, tuned, Wanted(2, min_diff=5.0), tmp_path / "a.safetensors")
    assert set(done.by_part) == {"unet"} and done.error < done.reached and done.left > done.error
    whole = extract(random_base, tuned, Wanted(2, min_diff=0.001), tmp_path / "b.safetensors")
    assert whole.by_part == done.by_part | {"text_encoder": 18} and whole.left < done.left
    one = write_tuned(random_base, tmp_path / "one.safetensors", lambda name: name.startswith("cond_stage_model."))
    with pytest.raises(UserError, match="only the text encoder's differ, and by no more than --min_diff 5"):
        extract(random_base, one, Wanted(2, min_diff=5.0), tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


def test_clamping_leaves_more_and_says_so(random_base: Path, tuned: Path, tmp_path: Path) -> None:
    plain = extract(random_base, tuned, Wanted(4), tmp_path / "a.safetensors")
    clamped = extract(random_base, tuned, Wanted(4, clamp_quantile=0.9), tmp_path / "b.safetensors")
    assert clamped.error > 1.5 * plain.error
    own = by_module(read_lora(tmp_path / "b.safetensors")[0])["lora_unet_mid_block_attentions_0_proj_in"]
    name = "model.diffusion_model.middle_block.1.proj_in.weight"
    u, values, vt = torch.linalg.svd((load_file(tuned)[name] - load_file(random_base)[name]).flatten(1))
    sizes = torch.cat([(u[:, :4] * values[:4]).flatten(), vt[:4].flatten()]).abs()  # kohya's factors
    assert float(own["lora_up.weight"].abs().max()) == pytest.approx(float(sizes.quantile(0.8)), rel=0.01)
    assert float(own["lora_down.weight"].abs().max()) <= float(own["lora_up.weight"].abs().max())


def test_the_command_says_what_it_found(random_base: Path, tuned: Path, tmp_path: Path, capsys: Any) -> None:
    before = random_base.read_bytes(), tuned.read_bytes()
    out = tmp_path / "a.safetensors"
    words = ["extract", "--model_org", str(random_base), "--model-tuned", str(tuned), "--save_to", str(out), "--dim", "8"]
    assert main([*words, "--save_precision", "fp16"]) == 0
    said = capsys.readouterr().out
    tensors, metadata = read_lora(out)
    modules = len(by_module(tensors))
    assert f"{modules} of {modules} modules differ" in said and "error left: " in said and "--conv_dim takes" in said
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    told = json.loads(metadata["lora_workbench_extracted"])
    assert told["model_tuned"] == "tuned.safetensors" and 0 < told["error"] < told["left"] < told["difference"]
    assert (metadata["ss_network_dim"], metadata["ss_base_model_version"]) == ("8", "sd_v1")
    assert len(metadata["ss_new_sd_model_hash"]) == 64 and len(metadata["sshs_model_hash"]) == 64
    assert main(words) == 1 and "is there already" in capsys.readouterr().err
    words[6:7] = [str(out.with_suffix(".ckpt")), "--load_precision", "bf16"]
    assert main([*words, "--overwrite", "--no_metadata"]) == 0
    assert "note: --load_precision changes nothing here: " in capsys.readouterr().out
    assert "lora_workbench_extracted" not in read_lora(out)[1]
    assert (random_base.read_bytes(), tuned.read_bytes()) == before


@pytest.mark.parametrize(
    ("other", "more", "told"),
    [
        ("same", [], "there is nothing to extract"),
        ("itself", [], "Both models are the same"),
        ("norms", [], "No module that this LoRA would go to differs"),
        ("cut", [], "is truncated"),
        ("lora", [], "is a LoRA, not a base model"),
        ("sdxl", [], "is Stable Diffusion XL"),
        ("same", ["--sdxl"], "--sdxl was given, but"),
        ("same", ["--device", "mars"], "--device mars can't be computed on"),
        ("none", [], "There is no model at"),
    ],
)
def test_what_cannot_be_extracted_is_refused(
    other: str, more: list[str], told: str, random_base: Path, tiny_sdxl: Path, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "tuned.safetensors"
    if other in ("same", "cut"):
        path.write_bytes(random_base.read_bytes()[: None if other == "same" else -1000])
    elif other == "norms":
        write_tuned(random_base, path, lambda name: name.endswith("norm1.weight"))
    elif other == "lora":
        save_file({"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": torch.ones(1, 2)}, path)
    path = {"itself": random_base, "sdxl": tiny_sdxl}.get(other, path)
    before = {one: one.read_bytes() for one in (random_base, path) if one.is_file()}
    out = tmp_path / "out.safetensors"
    words = ["--model_org", str(random_base), "--model_tuned", str(path), "--save_to", str(out), *more]
    assert main(["extract", *words]) == 1
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1 and not out.exists()
    assert {one: one.read_bytes() for one in before} == before
