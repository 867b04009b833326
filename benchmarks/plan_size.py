"""What plans of a large dataset of real pictures cost: in a process of their own each time, and from the resident helper.

    python -m lora_workbench.benchmarks.plan_size --pictures 10000

A few pictures are encoded, and written again and again with another comment in each and a caption of twenty tags. The first
plan sees every file for the first time, the others after it. `--base`: a base model, so that the file's size is planned too.
"""

from __future__ import annotations

import argparse
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from PIL import Image

from .live_plan import TAGS, TAGS_EACH, measured

# Sides in pixels and kinds, as they come from cameras, webui and the net.
KINDS = (
    ((1024, 1024), "PNG"), ((832, 1216), "PNG"), ((1280, 1920), "JPEG"), ((1600, 1200), "JPEG"), ((768, 1024), "JPEG"),
    ((900, 1350), "WEBP"), ((512, 768), "PNG"), ((2048, 1365), "JPEG"),
)  # fmt: skip
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Measure plans of a large dataset of real pictures.")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--plans", type=int, default=3, help="plans of each kind")
    parser.add_argument("--base", help="base model of the plans in processes of their own")
    words = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="plan_size_") as name:
        folder = Path(name)
        size = make_pictures(folder / "set" / "1_penny", words.pictures)
        print(f"{words.pictures} pictures, {size / 1e9:.2f} GB")
        for number in range(1, words.plans + 1):
            seconds, cpu = one_process(folder, words.base)
            print(f"plan {number}, in a process of its own: {seconds:.2f} s, {cpu:.2f} s of the processor", flush=True)
        for number, (seconds, cpu) in enumerate(measured(folder, words.plans), start=1):
            print(f"plan {number} of the helper: {seconds:.2f} s, {cpu:.2f} s of the processor", flush=True)
    return 0


def make_pictures(folder: Path, count: int) -> int:
    """Writes the pictures and their captions; the pictures' bytes, all together."""
    folder.mkdir(parents=True)
    made = [(kind, _encoded(size, kind, folder)) for size, kind in KINDS]
    choose, total = random.Random(1), 0
    tags = [f"tag {number}" for number in range(TAGS)]
    for number in range(count):
        kind, content = made[number % len(made)]
        content = commented(content, kind, str(number).encode())
        (folder / f"{number:05d}{ENDINGS[kind]}").write_bytes(content)
        total += len(content)
        caption = ", ".join(["penny", *choose.sample(tags, TAGS_EACH)])
        (folder / f"{number:05d}.txt").write_text(caption, encoding="utf-8")
    return total


def _encoded(size: tuple[int, int], kind: str, folder: Path) -> bytes:
    """A picture with a little noise on shapes, so that it takes about as many bytes as a drawing does."""
    width, height = size
    noise = Image.effect_noise((width // 8, height // 8), 40).resize(size, Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", (noise, Image.linear_gradient("L").resize(size), Image.radial_gradient("L").resize(size)))
    path = folder / "encoded"
    picture.quantize(64).convert("RGB").save(path, kind)
    content = path.read_bytes()
    path.unlink()
    return content


def commented(content: bytes, kind: str, comment: bytes) -> bytes:
    """The file with a comment in its head; a WebP gets a chunk behind its picture."""
    if kind == "JPEG":
        return content[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + content[2:]
    if kind == "PNG":
        text = b"tEXtComment\0" + comment
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        return content[:33] + chunk + content[33:]
    comment += b" " * (len(comment) % 2)
    chunk = b"note" + struct.pack("<I", len(comment)) + comment
    return content[:4] + struct.pack("<I", len(content) - 8 + len(chunk)) + content[8:] + chunk


def one_process(folder: Path, base: str | None = None) -> tuple[float, float]:
    """Seconds by the clock and of the processor that a `plan` takes from its start to its end."""
    words = [f"--train_data_dir={folder / 'set'}", f"--output_dir={folder / 'out'}", f"--data_dir={folder / 'data'}"]
    words += ["--resolution=512", "--enable_bucket", "--caption_extension=.txt"]
    words += [f"--pretrained_model_name_or_path={base}"] if base else []
    command = [sys.executable, "-X", "utf8", "-m", "lora_workbench.trainer_core", "plan", "--json", *words]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if not done.stdout.startswith(b"{"):
        raise RuntimeError(f"there was no plan: {done.stderr.decode()[-500:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
