"""What the picture report costs: CPU time and memory of the first look at a folder, and of the next one.

    python -m lora_workbench.benchmarks.picture_report --pictures 400

The pictures are noise at several scales, as JPEG of quality 85; each look is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Linux and a Mac have `resource`; it counts memory in KiB there, in bytes here.
_LOOK = """
import json, resource, sys
from lora_workbench.trainer_core.pictures.command import main
main([sys.argv[1], "--json", "--data_dir", sys.argv[2]])
used = resource.getrusage(resource.RUSAGE_SELF)
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss * unit / 2**20}))
"""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Measure the picture report.")
    parser.add_argument("--pictures", type=int, default=400, metavar="N")
    parser.add_argument("--width", type=int, default=768, metavar="PX")
    parser.add_argument("--height", type=int, default=1024, metavar="PX")
    words = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place, "pictures"), Path(place, "data")
        folder.mkdir()
        for number in range(words.pictures):
            _picture(number, (words.width, words.height)).save(folder / f"{number:05}.jpg", quality=85)
        for look in ("first", "next"):
            told = _looked(folder, data)
            each = 1000 * told["cpu"] / words.pictures
            print(f"{look} look: {told['cpu']:.1f} s CPU, {each:.1f} ms a picture, {told['mib']:.0f} MiB", flush=True)
    return 0


def _picture(seed: int, size: tuple[int, int]):  # noqa: ANN202  Pillow is imported here alone
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(seed)
    layers = [rng.integers(0, 256, (side * 4, side * 3, 3), dtype=np.uint8) for side in (2, 8, 40)]
    images = [Image.fromarray(layer).resize(size, Image.Resampling.BICUBIC) for layer in layers]
    return Image.blend(Image.blend(images[0], images[1], 0.4), images[2], 0.3)


def _looked(folder: Path, data: Path) -> dict[str, float]:
    command = [sys.executable, "-I", "-X", "utf8", "-c", _LOOK, str(folder), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
