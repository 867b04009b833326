"""What the live plan costs on a large dataset: the first one, and those after it, from the resident helper.

    python -m lora_workbench.benchmarks.live_plan --pictures 5000

Makes that many captioned pictures in a temporary folder, asks the helper for plans whose rank changes, and prints seconds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

SIZES = ((512, 768), (768, 512), (640, 640), (500, 700))
TAGS, TAGS_EACH = 500, 20
WORKER = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.trainer_core.worker", "plan"]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Measure plans of a large dataset.")
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--plans", type=int, default=4)
    words = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="live_plan_") as name:
        folder = Path(name)
        make_pictures(folder / "set" / "1_penny", words.pictures)
        for number, (seconds, cpu) in enumerate(measured(folder, words.plans), start=1):
            print(f"plan {number} of {words.pictures} pictures: {seconds:.2f} s, {cpu:.2f} s of the processor")
    return 0


def make_pictures(folder: Path, count: int) -> None:
    """JPEG files of a few sizes, each with bytes of its own, and a caption of twenty tags."""
    folder.mkdir(parents=True)
    contents = []
    for size in SIZES:
        buffer = io.BytesIO()
        Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, "JPEG")
        contents.append(buffer.getvalue())
    choose = random.Random(1)
    tags = [f"tag {number}" for number in range(TAGS)]
    for number in range(count):
        (folder / f"{number:05d}.jpg").write_bytes(contents[number % len(contents)] + str(number).encode())
        caption = ", ".join(["penny", *choose.sample(tags, TAGS_EACH)])
        (folder / f"{number:05d}.txt").write_text(caption, encoding="utf-8")


def measured(folder: Path, plans: int) -> list[tuple[float, float]]:
    """Seconds by the clock and of the helper's processor time for each plan."""
    import psutil

    environment = {**os.environ, "LORA_WORKBENCH_DATA": str(folder / "data")}
    settings = {"train_data_dir": str(folder / "set"), "resolution": "512", "enable_bucket": True, "caption_extension": ".txt"}
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as helper:
        process, times = psutil.Process(helper.pid), []
        for number in range(plans):
            begun, cpu = time.perf_counter(), sum(process.cpu_times()[:2])
            _ask(helper, {"id": number, "what": "plan", "settings": {**settings, "network_dim": 16 + number}})
            times.append((time.perf_counter() - begun, sum(process.cpu_times()[:2]) - cpu))
        helper.stdin.close()  # type: ignore[union-attr]  its end
    return times


def _ask(helper: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    assert helper.stdin is not None and helper.stdout is not None
    helper.stdin.write(json.dumps(request).encode() + b"\n")
    helper.stdin.flush()
    if "result" not in json.loads(helper.stdout.readline()):
        raise RuntimeError("the helper made no plan")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
