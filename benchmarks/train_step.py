"""What a training step on a full-size model costs, measured through the trainer itself.

    python -m lora_workbench.benchmarks.train_step --threads 1
    python -m lora_workbench.benchmarks.train_step --size sdxl --steps 3 --cache_text_encoder_outputs

Makes a checkpoint of random weights (Stable Diffusion 1.5: 2.1 GB, SDXL: 6.9 GB; kept with --base), trains a few steps in a
process of its own and prints the process's CPU seconds a step, its peak memory and the time from its start to the first
step; then checks the file's keys. Words that it doesn't know go on to the trainer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PICTURES = 8
CAPTION = "sks style, outdoors, night, smile, looking at viewer, simple background, circle {}, square"


def main(argv: list[str]) -> int:
    if argv[:1] == ["--child"]:
        return _train_measured(Path(argv[1]), argv[2:])
    parser = argparse.ArgumentParser(description="Measure training steps on a full-size model of random weights.")
    parser.add_argument("--size", choices=["sd15", "sd2", "sdxl"], default="sd15", help="model that is trained on")
    parser.add_argument("--base", help="checkpoint to train on; made where it doesn't exist; a temporary one unless given")
    parser.add_argument("--dtype", choices=["fp16", "fp32"], default="fp16", help="dtype of a checkpoint that is made")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--conv_dim", type=int, help="train LoRA-C3Lier with this rank for 3×3 convolutions")
    parser.add_argument("--gradient_checkpointing", action="store_true")
    words, more = parser.parse_known_args(argv)
    if words.steps < 3:
        parser.error("--steps: the first step is slower than the others, give at least 3")
    with tempfile.TemporaryDirectory(prefix="train_step_") as folder:
        _measure(words, more, Path(folder))
    return 0


def _measure(words: argparse.Namespace, more: list[str], folder: Path) -> None:
    from .make_checkpoint import make_checkpoint

    base = Path(words.base) if words.base else folder / f"{words.size}.safetensors"
    if not base.is_file():
        print(f"making {base} …", flush=True)
        make_checkpoint(base, words.size, dtype=words.dtype)
    _make_pictures(folder / "train" / f"{max(1, -(-words.steps // PICTURES))}_sks", words.resolution)
    report = folder / "report.json"
    flags = [
        *("--child", str(report), "--pretrained_model_name_or_path", str(base), "--train_data_dir", str(folder / "train")),
        *("--output_dir", str(folder / "out"), "--output_name", "bench", "--data_dir", str(folder / "data")),
        *("--resolution", str(words.resolution), "--max_train_steps", str(words.steps), "--caption_extension", ".txt"),
        *("--network_dim", "16", "--network_alpha", "8", "--max_token_length", "225"),
        *("--optimizer_type", "AdamW", "--learning_rate", "1e-4", "--min_snr_gamma", "5", "--seed", "420", "--cache_latents"),
    ]
    flags += ["--network_args", f"conv_dim={words.conv_dim}"] if words.conv_dim else []
    flags += ["--gradient_checkpointing"] if words.gradient_checkpointing else []
    flags += ["--clip_skip", "2"] if words.size == "sd15" else []
    flags += more
    environment = {**os.environ, "OMP_NUM_THREADS": str(words.threads), "MKL_NUM_THREADS": str(words.threads)}
    command = [sys.executable, "-X", "utf8", "-m", "lora_workbench.benchmarks.train_step", *flags]
    started = time.time()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    _print_report(words, json.loads(report.read_text()), started)
    if words.size != "sd2":
        _check_keys(folder / "out" / "bench.safetensors", words.size, words.conv_dim)


def _make_pictures(folder: Path, size: int) -> None:
    import numpy as np
    from PIL import Image

    from ..trainer_core.randomness import generator

    folder.mkdir(parents=True)
    for number in range(PICTURES):
        pixels = generator(0, "picture", number).integers(0, 256, (size // 8, size // 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((size, size)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(CAPTION.format(number), encoding="utf-8")


def _train_measured(report: Path, words: list[str]) -> int:
    """In the process that is measured: trains, and notes time, CPU time and memory after each optimizer step."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from ..trainer_core.train import main as train

    steps: list[dict[str, float]] = []

    def note(*_anything: object) -> None:
        steps.append({"time": time.time(), "cpu": time.process_time(), "peak": _peak_bytes()})

    register_optimizer_step_post_hook(note)
    status = train(words)
    report.write_text(json.dumps({"steps": steps, "peak": _peak_bytes(), "torch": torch.__version__}))
    return status


def _peak_bytes() -> int:
    """The most memory that this process has held so far (0 where the system doesn't say, as on Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _print_report(words: argparse.Namespace, report: dict[str, object], started: float) -> None:
    steps = report["steps"]
    differences = {
        name: [after[name] - before[name] for before, after in zip(steps, steps[1:], strict=False)] for name in ("time", "cpu")
    }
    usual = {name: median(values[1:] or values) for name, values in differences.items()}
    print(f"{words.resolution} px, batch 1, {words.threads} threads, torch {report['torch']}")
    print(f"CPU seconds a step   {usual['cpu']:6.2f}   (all steps: {', '.join(f'{one:.2f}' for one in differences['cpu'])})")
    print(f"seconds a step       {usual['time']:6.2f}")
    print(f"peak memory          {report['peak'] / 1e9:6.2f} GB   ({steps[0]['peak'] / 1e9:.2f} GB after the first step)")
    print(f"to the first step    {steps[0]['time'] - started - usual['time']:6.1f} s by the clock")
    print(f"                     {steps[0]['cpu'] - usual['cpu']:6.1f} s of CPU")


def _check_keys(path: Path, size: str, conv_dim: int | None) -> None:
    """Names and shapes of the file against kohya's table; a run may leave the text encoders out."""
    from ..trainer_core.models.header import read_header

    expected: dict[str, tuple[int, ...]] = {}
    for line in (ROOT / "tests" / "data" / f"lora_modules_{size}.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("# C3Lier") and not conv_dim:
            break
        if not line.startswith("#"):
            name, *shapes = line.split("\t")
            down, up = (tuple(map(int, shape.split(","))) for shape in shapes)
            if conv_dim and down[2:] == (3, 3):
                down, up = (conv_dim, *down[1:]), (up[0], conv_dim, *up[2:])
            expected |= {f"{name}.alpha": (), f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    found = {name: info.shape for name, info in read_header(path).tensors.items()}
    if not any(name.startswith("lora_te") for name in found):
        expected = {name: shape for name, shape in expected.items() if name.startswith("lora_unet")}
    if found != expected:
        raise SystemExit(f"{path}: {len(found.items() ^ expected.items())} names or shapes differ from kohya's")
    print(f"file                 {len(found)} tensors, names and shapes as kohya's, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
