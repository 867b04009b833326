"""Checkpoints of random weights: the size of the real model, and the same bytes for the same seed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lora_workbench.benchmarks.make_checkpoint import checkpoint_shapes, main, make_checkpoint
from lora_workbench.trainer_core.models.header import read_header

# Parameters of Stable Diffusion 1.5 as published for its parts.
PUBLISHED = {"model.diffusion_model.": 859_520_964, "first_stage_model.": 83_653_863, "cond_stage_model.": 123_060_480}


def test_full_size_has_the_published_number_of_parameters() -> None:
    shapes = checkpoint_shapes("sd15")
    for start, count in PUBLISHED.items():
        assert sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(start)) == count
    assert shapes["model.diffusion_model.input_blocks.3.0.op.weight"] == (320, 320, 3, 3)
    assert shapes["model.diffusion_model.output_blocks.2.1.conv.weight"] == (1280, 1280, 3, 3)
    assert shapes["model.diffusion_model.output_blocks.5.2.conv.weight"] == (1280, 1280, 3, 3)
    assert shapes["first_stage_model.decoder.mid.attn_1.q.weight"] == (512, 512, 1, 1)
    assert shapes["first_stage_model.decoder.up.3.upsample.conv.weight"] == (512, 512, 3, 3)


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        ("sd2", {"model.diffusion_model.": 865_910_724, "first_stage_model.": 83_653_863}),
        (
            "sdxl",
            {
                "model.diffusion_model.": 2_567_463_684,
                "first_stage_model.": 83_653_863,
                "conditioner.embedders.0.": 123_060_480,
                "conditioner.embedders.1.": 694_659_840,
            },
        ),
    ],
)
def test_other_families_have_their_published_numbers_too(size: str, parts: dict[str, int]) -> None:
    shapes = checkpoint_shapes(size)
    for start, count in parts.items():
        assert sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(start)) == count


def test_marks_are_empty_tensors(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "a.safetensors", "toy", marks=("v_pred",))
    assert read_header(path).tensors["v_pred"].shape == (0,) and load_file(path)["v_pred"].numel() == 0


def test_toy_file_is_streamed_readable_and_keyed_by_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = make_checkpoint(tmp_path / "a.safetensors", "toy", seed=3, metadata={"note": "x"})
    assert main([str(tmp_path / "b.safetensors"), "--size", "toy", "--seed", "4", "--dtype", "fp32"]) == 0
    assert f"{(tmp_path / 'b.safetensors').stat().st_size / 1e6:.0f} MB" in capsys.readouterr().out
    again = make_checkpoint(tmp_path / "c.safetensors", "toy", seed=3, metadata={"note": "x"})
    assert one.read_bytes() == again.read_bytes()
    header = read_header(one)
    assert header.metadata == {"text_encoder_heads": "8", "note": "x"}
    assert {name: info.shape for name, info in header.tensors.items()} == checkpoint_shapes("toy")
    a, b = load_file(one), load_file(tmp_path / "b.safetensors")
    name = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    assert not a[name].float().equal(b[name]) and b[name].std().item() == pytest.approx((128 * 9) ** -0.5, rel=0.05)
    assert {info.dtype for info in header.tensors.values()} == {"F16"}
