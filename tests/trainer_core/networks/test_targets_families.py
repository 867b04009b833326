"""Module names and shapes of SDXL's LoRAs against kohya's own table, and those of Stable Diffusion 2.x."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tests.trainer_core.networks.making import lora_shapes
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.models.header import ModelHeader, TensorInfo, read_header
from lora_workbench.trainer_core.networks.targets import lora_names, lora_targets, prefixes

TABLE = Path(__file__).parents[2] / "data" / "lora_modules_sdxl.tsv"


def table(conv: bool) -> dict[str, tuple[int, ...]]:
    """{tensor name in the file: shape} at rank 16 and conv_dim 8."""
    found: dict[str, tuple[int, ...]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# C3Lier") and not conv:
            break
        if not line.startswith("#"):
            name, *shapes = line.split("\t")
            down, up = (tuple(map(int, shape.split(","))) for shape in shapes)
            found |= {f"{name}.alpha": (), f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    return found


def full_size(size: str) -> ModelHeader:
    """The header of a full-size checkpoint, without the checkpoint."""
    from lora_workbench.benchmarks.make_checkpoint import checkpoint_shapes

    return ModelHeader(Path("m"), {name: TensorInfo(shape, "F16") for name, shape in checkpoint_shapes(size).items()})


@pytest.mark.parametrize(("conv", "count"), [(False, 2958), (True, 3156)])
def test_sdxls_keys_and_shapes_are_kohyas(conv: bool, count: int) -> None:
    ours: dict[str, tuple[int, ...]] = {}
    for target in lora_targets(full_size("sdxl"), conv=conv):
        ours |= lora_shapes(target, 16, 8 if conv else None)
    assert len(ours) == count and ours == table(conv)


def test_sd2s_modules_are_named_as_diffusers_does_and_linear() -> None:
    """23 layers of text encoder: the file's 24th is never run."""
    targets = {target.name: target for target in lora_targets(full_size("sd2"))}
    layers = {
        name.split("_layers_")[1].split("_")[0] for name in targets if name.startswith("lora_te_text_model_encoder_layers_")
    }
    assert layers == {str(number) for number in range(23)}
    assert len(targets) == 23 * 6 + 192
    proj_in = targets["lora_unet_down_blocks_0_attentions_0_proj_in"]
    assert (proj_in.kind, proj_in.in_, proj_in.out) == ("linear", 320, 320)


@pytest.mark.parametrize("name", ["tiny_sd2", "tiny_sdxl"])
def test_modules_lead_to_the_models_own(name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(name)
    model = load_model(path, parts=("text_encoder", "text_encoder_2", "unet"))
    targets = lora_targets(read_header(path), conv=True)
    assert {target.part for target in targets} == set(prefixes(model.family)) == set(model.facts.parts)
    for target in targets:
        module = getattr(model, target.part).get_submodule(target.module)
        assert module.weight.shape[:2] == (target.out, target.in_)
        assert tuple(module.weight.shape[2:]) == ((target.kernel,) * 2 if target.kind == "conv" else ())
    named = lora_names(model.family, "unet", [one for one, module in model.unet.named_modules() if hasattr(module, "weight")])
    assert {target.name for target in targets if target.part == "unet"} <= set(named.values())
