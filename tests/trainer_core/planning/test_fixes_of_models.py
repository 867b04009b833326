"""Mends that look at the base model, at a LoRA to go on from, or at how regularization pictures were drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.tests.trainer_core.planning.conftest import Fill, Make, told
from lora_workbench.tests.trainer_core.test_plan import lora
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.planning.fixes import fix


def mend(made: Any, code: str) -> dict[str, Any]:
    """What the mend sets; afterwards the problem is gone."""
    assert all(one.fixable for one in made.problems if one.code == code)
    fixed = fix(code, made)
    assert fixed.changes and code not in told(make_plan(fixed.settings))
    return {name: after for name, (_, after) in fixed.changes.items()}


@pytest.mark.parametrize(
    ("code", "changes", "wanted"),
    [
        ("rank-high-sdxl", {"network_dim": 96, "network_alpha": 48}, {"network_dim": 16, "network_alpha": 16.0}),
        ("bf16-preferred", {"mixed_precision": "fp16"}, {"mixed_precision": "bf16"}),
        ("clip-skip-family", {"clip_skip": 2}, {"clip_skip": None}),
        ("size-step", {"bucket_reso_steps": 8}, {"bucket_reso_steps": 64}),
        ("resolution-small", {}, {"resolution": "1024", "max_bucket_reso": 1536}),
        ("resolution-missing", {"resolution": None}, {"resolution": "1024", "max_bucket_reso": 1536}),
        (
            "offset-zero-terminal",
            {"noise_offset": 0.1, "v_parameterization": True, "zero_terminal_snr": True},
            {"noise_offset": None},
        ),
    ],
)
def test_what_goes_with_sdxl(
    fill: Fill, plan: Make, tiny_sdxl: Path, code: str, changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    fill("1_penny", count=1, caption="penny")
    assert mend(plan(pretrained_model_name_or_path=str(tiny_sdxl), **changes), code) == wanted


def test_the_clip_skip_of_the_bases_name(fill: Fill, plan: Make, toy_base: Path, tmp_path: Path) -> None:
    fill("1_penny", count=1, caption="penny")
    base = shutil.copy(toy_base, tmp_path / "animefull.safetensors")
    assert mend(plan(pretrained_model_name_or_path=str(base)), "clip-skip") == {"clip_skip": 2}


def test_a_lora_of_another_rank_gives_its_own(fill: Fill, plan: Make, toy_base: Path, tmp_path: Path) -> None:
    fill("1_penny", count=1, caption="penny")
    made = plan(pretrained_model_name_or_path=str(toy_base), network_weights=lora(tmp_path / "a.safetensors", 6))
    assert mend(made, "network-weights-rank") == {"dim_from_weights": True}


def test_the_seed_of_the_regularization_pictures(fill: Fill, plan: Make, tmp_path: Path) -> None:
    folder = tmp_path / "reg" / "1_doll"
    shutil.copytree(fill("1_penny", count=2, caption="penny"), folder)
    entry = {"request": {"prompt": "doll"}, "training_seed": 420, "base": "", "vae": "", "source": "", "text": "", "sha256": ""}
    content = {"version": 1, "kind": "simple", "seed": 1, "seeds": "training", "base_name": "b", "pending": {}}
    text = json.dumps({**content, "pictures": {"0.png": entry}})
    (folder / "reg_images.json").write_text(text, encoding="utf-8")
    made = plan(reg_data_dir=str(folder.parent), max_train_epochs=2000)
    assert mend(made, "reg-seed") == {"seed": 420}


@pytest.mark.parametrize(("rates", "refused"), [((1e-4, 1e-4), False), ((1e-4, 1e-5), True)])
def test_one_rate_written_twice_is_one(fill: Fill, plan: Make, toy_base: Path, rates: tuple[float, ...], refused: bool) -> None:
    """kohya_ss writes the text encoder's rate twice into its files, also for a model that has one text encoder."""
    fill("1_penny", count=1, caption="penny")
    made = plan(pretrained_model_name_or_path=str(toy_base), text_encoder_lr=rates)
    assert ("text-encoder-rates" in told(made)) is refused
    assert made.learning_rates["text_encoder_lr"] == 1e-4
