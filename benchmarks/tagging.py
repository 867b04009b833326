"""What tagging and editing captions cost, and what a crash does to them.

    python -m lora_workbench.benchmarks.tagging throughput --threads 1
    python -m lora_workbench.benchmarks.tagging memory
    python -m lora_workbench.benchmarks.tagging captions
    python -m lora_workbench.benchmarks.tagging kills --count 200
    python -m lora_workbench.benchmarks.tagging toy

throughput: pictures from JPEG files to captions, against bare onnxruntime on ready-made arrays; the model has wd-swinv2's
products and random weights. memory: the most that a process takes for few and for many pictures. captions: stats, preview and
apply on 10,000 captions. kills: SIGKILL in the middle of batches. toy: the toy tagger's F1 through the real command.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_TURNS = 4


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Measure the tagger.")
    commands = parser.add_subparsers(required=True)
    one = _command(commands, "throughput", throughput)
    one.add_argument("--pictures", type=int, default=200)
    one.add_argument("--threads", type=int, default=1, help="of onnxruntime, in both measurements")
    one.add_argument("--model", type=Path, help="folder of the heavy model, made where it doesn't exist; else a temporary one")
    one = _command(commands, "memory", memory)
    one.add_argument("--counts", type=int, nargs=2, default=[1000, 20000])
    one = _command(commands, "captions", captions)
    one.add_argument("--count", type=int, default=10000)
    one = _command(commands, "kills", kills)
    one.add_argument("--count", type=int, default=200)
    one.add_argument("--seed", type=int, default=1)
    one = _command(commands, "toy", toy)
    one.add_argument("--count", type=int, default=500)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="tagging_") as folder:
        asked.run(asked, Path(folder))
    return 0


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace, Path], None]) -> argparse.ArgumentParser:
    parser = commands.add_parser(name)
    parser.set_defaults(run=run)
    return parser


def throughput(asked: argparse.Namespace, folder: Path) -> None:
    """In turns, a part of the pictures each, so that what else the machine does weighs on both alike; CPU seconds say most."""
    import numpy as np

    from ..tagger.batch import tag_folder
    from ..tagger.model import Tagger
    from ..tagger.store import Store
    from .random_tagger import heavy_tagger

    model = asked.model or folder / "heavy"
    if not (model / "model.onnx").is_file():
        heavy_tagger(model)
    tagger = Tagger.load(model, asked.threads)
    shape = (tagger.batch, tagger.size, tagger.size, 3)
    arrays = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)

    def bare(count: int) -> None:
        for start in range(0, count, tagger.batch):
            part = arrays[: min(tagger.batch, count - start)]
            tagger.session.run([tagger.output_name], {tagger.input_name: part})

    bare(tagger.batch)  # the first call allocates
    part = asked.pictures // _TURNS
    spent = {"bare onnxruntime": [0.0, 0.0], "end to end": [0.0, 0.0]}
    with Store(folder / "cache") as store:
        for turn in range(_TURNS):
            photos = folder / f"photos_{turn}"
            make_photos(photos, part, 1024, seed=turn)
            works = {"bare onnxruntime": partial(bare, part), "end to end": partial(tag_folder, photos, tagger, store=store)}
            for name, work in works.items():
                begun = (time.process_time(), time.perf_counter())
                told = work()
                spent[name][0] += time.process_time() - begun[0]
                spent[name][1] += time.perf_counter() - begun[1]
            if told.written + told.untagged != part:
                raise SystemExit(f"not all pictures were tagged: {told.text()}")
    for name, (cpu, clock) in spent.items():
        print(f"{name}: {cpu / part / _TURNS:.3f} CPU s a picture, {part * _TURNS / clock:.3f} pictures/s by the clock")
    first, second = spent.values()
    print(f"end to end ÷ bare: {first[0] / second[0]:.3f} by CPU seconds, {first[1] / second[1]:.3f} by the clock")


def make_photos(folder: Path, count: int, side: int, seed: int) -> None:
    """JPEGs as detailed as photos: smooth shapes with some noise on them."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    for number in range(count):
        small = Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(smooth + generator.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{number:06d}.jpg", quality=92)


def memory(asked: argparse.Namespace, folder: Path) -> None:
    """Each count in a process of its own, as what a process took at most can't be taken back."""
    from .random_tagger import light_tagger

    light_tagger(folder / "light")
    peaks = []
    for count in asked.counts:
        make_many(folder / f"of_{count}", count)
        command = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.benchmarks.tagging_child", str(folder), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        peaks.append(told["peak"])
        print(f"{count} pictures: at most {told['peak'] / 2**20:.1f} MiB, {told['cpu']:.1f} CPU s, {told['written']} captions")
    print(f"{asked.counts[1]} ÷ {asked.counts[0]} pictures: {peaks[1] / peaks[0]:.3f}")


def make_many(folder: Path, count: int) -> None:
    """Small pictures with a byte of difference each, so that none is known from another one."""
    import io

    from PIL import Image

    folder.mkdir()
    buffer = io.BytesIO()
    Image.effect_noise((256, 256), 60).convert("RGB").save(buffer, "JPEG", quality=80)
    for number in range(count):
        (folder / f"{number:06d}.jpg").write_bytes(buffer.getvalue() + f"{number}".encode())


def captions(asked: argparse.Namespace, folder: Path) -> None:
    from ..tagger.check import check
    from ..tagger.edit import plan, replace
    from ..tagger.folder import open_folder
    from ..tagger.journal import apply_changes, undo
    from ..tagger.merge import merge_edit
    from ..tagger.query import matching
    from ..tagger.stats import stats

    make_captions(folder / "set", asked.count)
    dataset = _timed("open", lambda: open_folder(folder / "set"))
    _timed("stats, with reading", lambda: stats(open_folder(folder / "set")))
    _timed("stats, once open", lambda: stats(dataset))

    def preview(opened: Any) -> Any:
        return plan(matching(opened.entries, "has:red hat and not:smile"), [replace("red hat", ["crimson hat"])])

    _timed("filter and replace, preview, with reading", lambda: preview(open_folder(folder / "set")))
    planned = _timed("filter and replace, preview, once open", lambda: preview(dataset))
    everything = plan(dataset.entries, [replace("1creature", ["creature", "solo"])])
    print(f"  {len(planned.changes)} of {asked.count} captions found by the filter")
    _timed(f"apply to {len(everything.changes)}", lambda: apply_changes(folder / "set", everything.changes, "replaced"))
    _timed("undo", lambda: undo(folder / "set"))
    _timed("merge, preview", lambda: plan(dataset.entries, [merge_edit()]))
    _timed("check", lambda: check(dataset))


def _timed(name: str, work: Callable[[], Any]) -> Any:
    begun, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name}: {time.perf_counter() - begun:.2f} s by the clock, {time.process_time() - cpu:.2f} CPU s", flush=True)
    return result


def make_captions(folder: Path, count: int) -> None:
    """Captions of 20 tags out of 600, and empty picture files beside them: nothing here opens a picture."""
    folder.mkdir()
    chosen = random.Random(1)
    colours = ("red", "blue", "green", "black", "white", "pink")
    things = ("hat", "boots", "hair", "eyes", "scarf", "skirt", "gloves", "bow")
    tags = [f"{colour} {thing}" for colour in colours for thing in things] + ["smile", "boots", "hat", "footwear"]
    tags += [f"thing {number}" for number in range(600 - len(tags))]
    for number in range(count):
        own = ["1creature", *chosen.sample(tags[:60], 8), *chosen.sample(tags[60:], 11)]
        (folder / f"{number:06d}.png").touch()
        (folder / f"{number:06d}.txt").write_text(", ".join(own), encoding="utf-8")


def kills(asked: argparse.Namespace, folder: Path) -> None:
    from .caption_kills import kill_batches

    told = kill_batches(folder, asked.count, asked.seed)
    print(f"{asked.count} kills: {told['half']} batches were cut off half done, {told['before']} before their first caption, ")
    print(f"{told['after']} after their last one; captions lost, empty or half: {told['lost']}")


def toy(asked: argparse.Namespace, folder: Path) -> None:
    from ..tagger.captions import read_caption, split_tags
    from ..tagger.commands import main as tagger

    truth = make_toy_pictures(folder / "toy", asked.count)
    words = ["--model", str(ROOT / "demo" / "models" / "toy_tagger"), "--data_dir", str(folder / "data")]
    if tagger(["tag", str(folder / "toy"), *words]):
        raise SystemExit("the command failed")
    counts: Counter[str] = Counter()
    for path, tags in truth.items():
        found = set(split_tags(read_caption(path.with_suffix(".txt")).text))
        counts.update({"right": len(found & tags), "wrong": len(found - tags), "missed": len(tags - found)})
    print(dict(counts))
    print(f"micro-F1 {micro_f1(counts):.4f} on {asked.count} pictures")


def micro_f1(counts: Counter[str]) -> float:
    return 2 * counts["right"] / (2 * counts["right"] + counts["wrong"] + counts["missed"])


def make_toy_pictures(folder: Path, count: int, seed: int = 990_000_000) -> dict[Path, set[str]]:
    """Creatures as the renderer draws them from seeds that no training used, with their true tags."""
    from ..demo.world.creatures import render
    from ..demo.world.tagger_data import tagger_picture

    folder.mkdir(parents=True)
    truth = {}
    for number in range(count):
        creature, tags = tagger_picture(seed + number)
        path = folder / f"{number:04d}.png"
        render(creature).save(path)
        truth[path] = set(tags)
    return truth


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
