"""What drawing costs beside the network itself: pictures per second through `generate`, and of the bare UNet and VAE calls.

    python -m lora_workbench.benchmarks.sampling --threads 1                            the toy base
    python -m lora_workbench.benchmarks.sampling --random --size 256 --steps 4 --pictures 2 --batch 2

One drawing is watched: how often UNet and VAE are called, and with how much. Then drawings and rows of exactly these calls on
tensors of the same shapes take turns, and their times are compared: seconds of the processor on a CPU, by the clock on a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOY = Path(__file__).resolve().parents[1] / "demo" / "models" / "toy_base.safetensors"
AIM = 0.9


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Compare drawing with the bare calls of UNet and VAE.")
    parser.add_argument("--base", type=Path, default=TOY, help="a checkpoint; default: the toy base")
    parser.add_argument("--random", action="store_true", help="a full-size SD 1.5 of random weights, made for this run")
    parser.add_argument("--size", type=int, default=64, help="pixels of each side")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sampler", default="Euler a")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    words = parser.parse_args(argv)
    import torch

    torch.set_num_threads(words.threads)
    with contextlib.ExitStack() as stack:
        base = words.base
        if words.random:
            from .make_checkpoint import make_checkpoint

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sampling_"))
            base = make_checkpoint(Path(folder) / "sd15.safetensors", "sd15", dtype="fp16")
        drawn, bare = measured(base, words)
    device = "the GPU, by the clock" if torch.cuda.is_available() else f"the processor, {words.threads} thread(s)"
    print(f"{words.pictures} pictures of {words.size} px, {words.steps} steps, batches of {words.batch}; seconds of {device}")
    print(f"drawn: {shown(drawn)}\nbare:  {shown(bare)}")
    print(f"pictures per second: {words.pictures / min(drawn):.3f} drawn, {words.pictures / min(bare):.3f} bare")
    print(f"ratio of the sums {sum(bare) / sum(drawn):.3f}, of the best {min(bare) / min(drawn):.3f} (aim: {AIM})")
    return 0


def shown(seconds: list[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in seconds)


def measured(base: Path, words: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds of each drawing and of each row of bare calls, which take turns."""
    import torch

    from ..trainer_core.generate.request import Request
    from ..trainer_core.generate.sample import generate
    from ..trainer_core.models.checkpoint import load_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(base, dtype=torch.float16 if device == "cuda" else torch.float32)
    requests = [
        Request(
            f"penny, red hat, smile, number {number}",
            "ghost, night",
            words.size,
            words.size,
            seed=number,
            steps=words.steps,
            sampler=words.sampler,
        )
        for number in range(words.pictures)
    ]

    def draw() -> None:
        generate(model, requests, device=device, batch_size=words.batch)

    with watched(model) as calls:
        draw()

    def call() -> None:
        with torch.inference_mode():
            for one in calls:
                one()

    drawn, bare = [], []
    for _ in range(words.rounds):
        drawn.append(seconds_of(draw))
        bare.append(seconds_of(call))
    return drawn, bare


@contextlib.contextmanager
def watched(model: Any) -> Iterator[list[Callable[[], Any]]]:
    """The calls of UNet and VAE that are made meanwhile, each as a function that makes it again on random tensors."""
    import torch

    unet, decode, calls = model.unet.forward, model.vae.decode, []

    def same(given: Any) -> Any:
        random = isinstance(given, torch.Tensor) and given.is_floating_point()
        return torch.randn(given.shape, dtype=given.dtype, device=given.device) if random else given

    def watch(call: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*given: Any, **named: Any) -> Any:
            alike, timesteps = [same(one) for one in given], given[1:2]
            alike[1:2] = timesteps  # a timestep is no noise
            calls.append(lambda: call(*alike, **{name: same(one) for name, one in named.items()}))
            return call(*given, **named)

        return watching

    model.unet.forward, model.vae.decode = watch(unet), watch(decode)
    try:
        yield calls
    finally:
        model.unet.forward, model.vae.decode = unet, decode


def seconds_of(work: Callable[[], None]) -> float:
    """Of the processor, all threads together; by the clock where a GPU works."""
    import torch

    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize()
    begun = clock()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - begun


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
