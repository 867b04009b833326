"""What resizing a LoRA of a full-size model costs, and how near it comes to the best that its ranks allow.

    python -m lora_workbench.benchmarks.resize_lora --rank 128 --new_rank 16 --threads 1

The LoRA is of random numbers, whose singular values hardly fall: none leaves more out when it is shortened.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m lora_workbench.benchmarks.resize_lora")
    parser.add_argument("--size", choices=("sd15", "sd2", "sdxl"), default="sd15", help="the model that it is for")
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--new_rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1, help="of NumPy's products")
    words = parser.parse_args(argv)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(words.threads)  # before NumPy is imported
    from ..trainer_core.tools.resize import Wanted, resize

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.safetensors"
        modules = _write_random(path, words.size, words.rank)
        clock, processor = time.perf_counter(), time.process_time()
        done = resize(path, Wanted(words.new_rank), Path(folder) / "short.safetensors")
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        sizes = [one.stat().st_size / 1e6 for one in (path, done.path)]
    print(f"{words.size}, rank {words.rank} → {words.new_rank}: {modules} modules, {sizes[0]:.1f} → {sizes[1]:.1f} MB")
    print(f"{processor:.2f} CPU seconds, {clock:.2f} by the clock")
    print(f"length of the change {done.before:.6g}, error left {done.error:.6g}, at best {done.allowed:.6g}")
    return 0


def _write_random(path: Path, size: str, rank: int) -> int:
    """Writes the LoRA in fp16; how many modules it has."""
    import numpy as np

    from ..trainer_core.models.header import ModelHeader, TensorInfo
    from ..trainer_core.networks.kind_shapes import KindOptions, module_shapes
    from ..trainer_core.networks.targets import lora_targets
    from ..trainer_core.tools.outputs import Piece, packed, write_lora_file
    from .make_checkpoint import checkpoint_shapes

    header = ModelHeader(path, {name: TensorInfo(shape, "F16") for name, shape in checkpoint_shapes(size).items()})
    random, pieces = np.random.default_rng(0), dict[str, Piece]()
    targets = lora_targets(header)
    for target in targets:
        pieces[f"{target.name}.alpha"] = packed(np.array(rank / 2), "F16", "alpha")
        for suffix, shape in module_shapes("lora", target, rank, KindOptions()).items():
            numbers = random.standard_normal(shape, np.float32) * np.float32(0.02)
            pieces[f"{target.name}.{suffix}"] = packed(numbers, "F16", suffix)
    write_lora_file(path, pieces, {"ss_network_dim": str(rank)})
    return len(targets)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
