"""The parameters text, letter by letter as webui writes it, and its way into a PNG."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.generate.base_model import Base
from lora_workbench.trainer_core.generate.infotext import infotext, save_png
from lora_workbench.trainer_core.generate.request import Request


def test_all_of_it() -> None:
    request = Request("zibbo, <lora:zibbo:1>", "blurry, (bad:1.2)", 512, 768, 42, 20, 7.0, "DPM++ 2M", 2)
    loras = {"zibbo": "0123456789abcdef", "other": "f" * 64}
    assert infotext(request, Base("toy_base", "aabbccddeeff0011", "0099" * 16, Path("vae/soft.safetensors")), loras) == (
        "zibbo, <lora:zibbo:1>\n"
        "Negative prompt: blurry, (bad:1.2)\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x768, "
        "Model hash: aabbccddee, Model: toy_base, VAE hash: 0099009900, VAE: soft.safetensors, Clip skip: 2, RNG: CPU, "
        'Lora hashes: "zibbo: 0123456789ab, other: ffffffffffff"'
    )


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ("Euler", "Sampler: Euler, Schedule type: Automatic, "),
        ("DDIM", "Sampler: DDIM, Schedule type: Automatic, CFG scale: 4.5, "),
    ],
)
def test_the_least(sampler: str, words: str) -> None:
    text = infotext(Request("one", width=64, height=64, seed=1, steps=3, cfg=4.5, sampler=sampler), Base())
    first, last = text.split("\n")
    assert first == "one" and words in last and last.endswith("Seed: 1, Size: 64x64, RNG: CPU")


@pytest.mark.parametrize("prompt", ["plain", "帽子, “quoted”"])
def test_png_holds_it_as_webui_reads_it(tmp_path: Path, prompt: str) -> None:
    text = infotext(Request(prompt), Base())
    save_png(tmp_path / "new" / "a.png", Image.new("RGB", (8, 8), "red"), text)
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert image.info["parameters"] == text and image.getpixel((0, 0)) == (255, 0, 0)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
