"""Two processes that torchrun starts draw one set and one grid together: everything once, one manifest, the same pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from lora_workbench.trainer_core.files import file_sha256
from lora_workbench.trainer_core.grids.command import main as grid_main
from lora_workbench.trainer_core.networks.format import save_lora
from lora_workbench.trainer_core.reg.command import main as reg_main
from lora_workbench.trainer_core.reg.manifest import NAME, read_manifest


def torchrun(*words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """`python -m trainer_core …` in two processes, one thread each."""
    command = [sys.executable, "-X", "utf8", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, "-m", "lora_workbench.trainer_core", *words],
        capture_output=True, text=True, encoding="utf-8", timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    return done


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads too as in the two processes: where two share a sum its last digit differs, and so does a picture's channel."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def words(tmp_path: Path, random_base: Path) -> list[str]:
    folder = tmp_path / "pictures" / "1_penny"
    folder.mkdir(parents=True)
    for number in range(5):
        Image.new("RGB", (64, 64), (40 * number, 90, 30)).save(folder / f"p{number}.png")
        (folder / f"p{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")
    settings = {
        "pretrained_model_name_or_path": random_base, "train_data_dir": folder.parent, "resolution": 64,
        "caption_extension": ".txt", "seed": 42,
    }  # fmt: skip
    return [*(f"--{name}={value}" for name, value in settings.items()), "--class_word=doll", "--steps=2", "--batch_size=1"]


def test_a_set_is_drawn_once_by_both(words: list[str], tmp_path: Path) -> None:
    done = torchrun("reg", *words, f"--out={tmp_path / 'two'}", "--seeds=index")
    folder = tmp_path / "two" / "1_doll"
    assert done.stdout.count("5 pictures to draw") == 1 and done.stdout.count("5 pictures drawn into") == 1
    counted = sorted(line for line in done.stderr.splitlines() if line.endswith("pictures drawn"))
    assert counted == [f"{made} of {total} pictures drawn" for made, total in ((1, 2), (1, 3), (2, 2), (2, 3), (3, 3))]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [NAME, *(f"p{number}{end}" for number in range(5) for end in (".png", ".txt"))]
    )
    manifest = read_manifest(folder)
    assert manifest is not None and sorted(manifest.pictures) == [f"p{number}.png" for number in range(5)]
    assert all(manifest.is_ours(folder / name) for name in manifest.pictures) and not manifest.pending
    assert reg_main([*words, f"--out={tmp_path / 'one'}", "--seeds=index"]) == 0
    for number in range(5):
        one, two = (Image.open(tmp_path / which / "1_doll" / f"p{number}.png") for which in ("one", "two"))
        assert one.info["parameters"] == two.info["parameters"] and one.tobytes() == two.tobytes()
    before = {path.name: file_sha256(path) for path in folder.iterdir()}
    assert reg_main([*words, f"--out={tmp_path / 'two'}", "--seeds=index"]) == 0
    assert {path.name: file_sha256(path) for path in folder.iterdir()} == before, "nothing is left to draw"


def test_a_grid_is_drawn_once_by_both(tmp_path: Path, random_base: Path) -> None:
    name = "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_attn1_to_q"
    generator = torch.Generator().manual_seed(1)
    tensors = {
        f"{name}.lora_{way}.weight": torch.randn((2, 64) if way == "down" else (64, 2), generator=generator)
        for way in ("down", "up")
    }
    save_lora(tmp_path / "penny.safetensors", tensors, {})
    words = ["--loras", str(tmp_path / "penny.safetensors"), "--checkpoints", str(random_base), "--prompt", "a", "b"]
    words += ["--width", "32", "--steps", "2", "--batch_size", "1", "--unet", "0.5", "1"]
    done = torchrun("grid", *words, "--out", str(tmp_path / "two"))
    assert done.stdout.count("6 pictures, 6 to draw") == 1 and done.stdout.count("Grid: ") == 1
    assert done.stderr.count("3 of 3 pictures drawn") == 2
    assert grid_main([*words, "--out", str(tmp_path / "one")]) == 0
    grids = [json.loads((tmp_path / which / "grid.json").read_text()) for which in ("one", "two")]
    assert grids[0]["cells"] == grids[1]["cells"]
    for cell in grids[0]["cells"].values():
        one, two = (Image.open(tmp_path / which / cell["file"]) for which in ("one", "two"))
        assert one.tobytes() == two.tobytes()
    assert (tmp_path / "two" / "grid.png").read_bytes() == (tmp_path / "one" / "grid.png").read_bytes()
    assert not list((tmp_path / "two").glob(".*"))


def test_what_is_wrong_ends_all_of_them(words: list[str], tmp_path: Path) -> None:
    done = torchrun("reg", *words, f"--out={tmp_path}", "--prompt_end=<lora:gone:1>", status=1)
    assert "error: The LoRA gone of a prompt is looked for in no folder" in done.stderr
    assert not (tmp_path / "1_doll").exists()


def test_no_thread_of_the_group_outlives_it() -> None:
    """A library that is imported later (diffusers does it) must not keep the group: its threads abort a process that ends."""
    code = (
        "from pathlib import Path\n"
        "from lora_workbench.trainer_core.processes import processes\n"
        "with processes():\n"
        "    import diffusers, torch.distributed.nn.functional\n"
        "names = [(task / 'comm').read_text().strip() for task in Path('/proc/self/task').iterdir()]\n"
        "print('THREADS', sorted(name for name in names if 'gloo' in name))\n"
    )
    torchrun = [sys.executable, "-X", "utf8", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*torchrun, "--no-python", sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("THREADS []") == 2
