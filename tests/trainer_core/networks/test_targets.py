"""Module names, order, shapes and file sizes against kohya's own table for Stable Diffusion 1.5."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.tests.trainer_core.networks.making import lora_shapes
from lora_workbench.trainer_core.models.header import ModelHeader, TensorInfo, read_header
from lora_workbench.trainer_core.networks.targets import Target, file_bytes, lora_targets

TABLE = Path(__file__).parents[2] / "data" / "lora_modules_sd15.tsv"


def table() -> dict[str, list[tuple[str, tuple[int, ...], tuple[int, ...]]]]:
    """{"LierLa" or "C3Lier": [(module, shape of lora_down, shape of lora_up)]}."""
    kinds: dict[str, list[tuple[str, tuple[int, ...], tuple[int, ...]]]] = {"LierLa": [], "C3Lier": []}
    for line in TABLE.read_text().splitlines():
        if line.startswith("# ") and line.split(":")[0][2:] in kinds:
            kind = line.split(":")[0][2:]
        elif not line.startswith("#"):
            name, down, up = line.split("\t")
            kinds[kind].append((name, tuple(map(int, down.split(","))), tuple(map(int, up.split(",")))))
    return kinds


@pytest.fixture(scope="module")
def header() -> ModelHeader:
    """The header of a full-size checkpoint, without the checkpoint."""
    from lora_workbench.benchmarks.make_checkpoint import checkpoint_shapes

    return ModelHeader(
        Path("sd15.safetensors"), {name: TensorInfo(shape, "F16") for name, shape in checkpoint_shapes("sd15").items()}
    )


def rows(targets: list[Target]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    result = []
    for target in targets:
        shapes = lora_shapes(target, 16, 8)
        assert list(shapes)[0] == f"{target.name}.alpha" and shapes[f"{target.name}.alpha"] == ()
        result.append((target.name, shapes[f"{target.name}.lora_down.weight"], shapes[f"{target.name}.lora_up.weight"]))
    return result


def test_lierla_equals_kohyas_table_in_its_order(header: ModelHeader) -> None:
    expected = table()["LierLa"]
    assert len(expected) == 264
    assert rows(lora_targets(header)) == expected


def test_c3lier_equals_kohyas_table(header: ModelHeader) -> None:
    expected = table()
    assert sorted(rows(lora_targets(header, conv=True))) == sorted(expected["LierLa"] + expected["C3Lier"])


def test_parts_can_be_left_out(header: ModelHeader) -> None:
    assert [len(lora_targets(header, unet=False)), len(lora_targets(header, text_encoder=False))] == [72, 192]
    assert len(lora_targets(header, text_encoder=False, conv=True)) == 278


def test_modules_lead_to_the_models_own(random_base: Path) -> None:
    from lora_workbench.trainer_core.models.checkpoint import load_model

    model = load_model(random_base, parts=("text_encoder", "unet"))
    for target in lora_targets(read_header(random_base), conv=True):
        module = getattr(model, target.part).get_submodule(target.module)
        assert module.weight.shape[:2] == (target.out, target.in_)
        assert tuple(module.weight.shape[2:]) == ((target.kernel,) * 2 if target.kind == "conv" else ())
        assert ("conv" in type(module).__name__.lower()) == (target.kind == "conv")


@pytest.mark.parametrize("precision", ["float", "fp16", "bf16", None])
@pytest.mark.parametrize("conv_dim", [None, 2])
def test_file_size_is_exact_to_the_byte(tmp_path: Path, random_base: Path, precision: str | None, conv_dim: int | None) -> None:
    import torch

    from lora_workbench.trainer_core.networks.format import read_lora, save_lora

    targets = lora_targets(read_header(random_base), conv=conv_dim is not None)
    tensors = {name: torch.zeros(shape) for target in targets for name, shape in lora_shapes(target, 4, conv_dim).items()}
    path = tmp_path / "lora.safetensors"
    save_lora(path, tensors, {"ss_output_name": 'größe "x"'}, precision)
    metadata = len(json.dumps(read_lora(path)[1], separators=(",", ":"), ensure_ascii=False).encode())
    assert path.stat().st_size == file_bytes({name: tuple(one.shape) for name, one in tensors.items()}, precision, metadata)


def test_size_of_kohyas_measured_file(header: ModelHeader) -> None:
    """Rank 16 in fp32 with 94 metadata entries: 37.9 MB, measured with sd-scripts."""
    shapes = {name: shape for target in lora_targets(header) for name, shape in lora_shapes(target, 16).items()}
    assert round(file_bytes(shapes, "float", 4000) / 1e6, 1) == 37.9
