"""Kills trainings at random moments, lets them go on, and compares them with one that was never killed.

    OMP_NUM_THREADS=1 python -m lora_workbench.benchmarks.resume_kills --kills 20

For each optimizer and each kind of network the same command, with `--resume auto`, is started and killed with SIGKILL: by turns
at a moment by the clock, and as it touches its output folder for the n-th time, which is mostly in the middle of a save. When
it comes to its end, all of its files, states, samples and steps are compared, and it begins anew until it was killed often
enough. For POSIX.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..trainer_core.events import read_events
from ..trainer_core.optimizer_table import TABLE
from ..trainer_core.problems import UserError
from .killable import Started, get_warm, start
from .make_checkpoint import make_checkpoint
from .same_run import differing

STEPS, SEED = 6, 7
_PATIENCE = 900.0  # seconds that a process may take
_TOUCHES = 40  # a save of LoRA and state touches the folder 14 times
# Everything that draws, and a schedule; a state after each step, so that saves are under way often.
DRAWING_WORDS = (
    "--shuffle_caption", "--caption_tag_dropout_rate=0.3", "--flip_aug", "--noise_offset=0.1", "--lr_scheduler=cosine",
    f"--max_train_steps={STEPS}", "--save_every_n_steps=1", "--save_state", f"--seed={SEED}", "--output_name=killed",
    "--network_dim=2", "--network_alpha=2", "--caption_extension=.txt", "--resolution=64", "--cache_latents",
    "--cache_latents_to_disk", "--sample_every_n_steps=2", "--train_batch_size=2",
)  # fmt: skip
_PROMPTS = "penny, red hat --w 64 --h 64 --s 2 --d 1\n"
# A part of the network is enough to see whether it goes on, and quicker: one block deep inside, and what is around it.
_FEW_BLOCKS = ("down_lr_weight=0,0,0,0,0,0,0,1,0,0,0,0", "mid_lr_weight=0", "up_lr_weight=0,0,0,0,0,1,0,0,0,0,0,0")
NETWORKS: dict[str, tuple[str, ...]] = {
    "lora": (),
    "locon": ("conv_dim=2",),
    "dylora": ("unit=1",),
    **{name: (f"algo={name}",) for name in ("loha", "lokr", "glora", "ia3", "full", "diag-oft", "boft")},
}
_MODULES = {"lora": "networks.lora", "locon": "networks.lora", "dylora": "networks.dylora"}


@dataclass(frozen=True)
class Result:
    """`at`: the step that was done when each kill hit; `in_a_save`: kills that left something half-written; `ends`: how often
    it came to its end; `differing`: what was not the same then."""

    at: list[int]
    in_a_save: int
    ends: int
    differing: list[str]


def kill_and_compare(words: Sequence[str], folder: Path, kills: int, chosen: random.Random, *, forked: bool = False) -> Result:
    """Trains once without and until its end with kills; `words`: a training's, without folders and without resume."""
    prompts = folder / "prompts.txt"
    prompts.write_text(_PROMPTS, encoding="utf-8")
    words = [*words, f"--sample_prompts={prompts}", "--resume=auto"]
    whole, job = folder / "whole", folder / "job-whole"
    seconds = _train(words, whole, job)  # in a process of its own, whose sets have another order
    at: list[int] = []
    found: list[str] = []
    in_a_save = ends = 0
    while len(at) < kills:
        out, jobs = folder / f"killed-{ends}", [folder / f"job-{ends}-0"]
        while len(at) < kills:
            touches = chosen.randrange(1, _TOUCHES) if len(at) % 2 else 0
            moment = chosen.random() * seconds / 2
            before = half_written(out)
            process = _start(words, out, jobs[-1], touches, forked)
            status = _wait_until(process, jobs[-1], None if touches else moment)
            if status == 0:
                break
            if status != -9:
                raise UserError(f"The training ended by itself, with exit status {status}: {_last_words(jobs[-1])}")
            at.append(max(_steps(jobs), default=0))
            in_a_save += bool(half_written(out) - before)
            jobs.append(folder / f"job-{ends}-{len(jobs)}")
        else:
            _train(words, out, jobs[-1], forked)
        ends += 1
        found += [f"{one} (end {ends})" for one in differing((whole, [job]), (out, jobs))]
    return Result(at, in_a_save, ends, found)


def _train(words: Sequence[str], out: Path, job: Path, forked: bool = False) -> float:
    """Trains to the end; the seconds that it took after its plan."""
    process = _start(words, out, job, 0, forked)
    begun = 0.0
    end = time.monotonic() + _PATIENCE
    while process.poll() is None:
        begun = begun or (time.monotonic() if any(read_events(job)) else 0.0)
        _patient(end, process, job, 0.02)
    if process.wait() != 0:
        raise UserError(f"A training that was not to be killed failed: {_last_words(job)}")
    return time.monotonic() - begun


def _start(words: Sequence[str], out: Path, job: Path, touches: int, forked: bool) -> Started:
    return start([*words, f"--output_dir={out}", f"--job_dir={job}"], touches, out, _log(job), forked=forked)


def _log(job: Path) -> Path:
    return job.with_suffix(".log")


def _last_words(job: Path) -> str:
    return _log(job).read_text(encoding="utf-8", errors="replace")[-2000:]


def _wait_until(process: Started, job: Path, moment: float | None) -> int:
    """Its exit status; `moment`: seconds from its job's folder until it is killed, None where it kills itself."""
    end, begun = time.monotonic() + _PATIENCE, 0.0
    while (status := process.poll()) is None:
        if moment is not None:
            begun = begun or (time.monotonic() if job.is_dir() else 0.0)
            if begun and time.monotonic() >= begun + moment:
                process.kill()
                return process.wait()
        _patient(end, process, job, 0.002)
    return status


def _patient(end: float, process: Started, job: Path, pause: float) -> None:
    if time.monotonic() > end:
        process.kill()
        raise UserError(f"A training did not end within {_PATIENCE:g} seconds: {_last_words(job)}")
    time.sleep(pause)


def half_written(out: Path) -> set[str]:
    return {path.name for path in out.rglob(".*") if path.name.endswith((".tmp", ".old"))} if out.is_dir() else set()


def _steps(jobs: Sequence[Path]) -> list[int]:
    return [event["step"] for job in jobs for event in read_events(job) if event["kind"] in ("start", "progress")]


def cases() -> dict[str, tuple[str, ...]]:
    """{name: words} of each optimizer with a LoRA, and of each kind of network with AdamW."""
    found = {}
    for name, spec in TABLE.items():
        found[name] = (*_network("lora"), f"--optimizer_type={name}", f"--learning_rate={'1' if spec.adaptive else '1e-3'}")
    return {**found, **{name: (*_network(name), "--learning_rate=1e-3") for name in NETWORKS}}


def _network(name: str) -> tuple[str, ...]:
    module = _MODULES.get(name, "lycoris.kohya")
    dropout = ("--network_dropout=0.1",) if name == "lora" else ()
    return (f"--network_module={module}", *dropout, "--network_args", *NETWORKS[name], *_FEW_BLOCKS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="base model (default: a tiny one of random weights)")
    parser.add_argument("--pictures", help="folder of pictures as kohya lays it out (default: five made ones)")
    parser.add_argument("--kills", type=int, default=20, help="kills of each training (default 20)")
    parser.add_argument("--only", nargs="*", choices=sorted(cases()), help="these cases alone")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = given.base or make_checkpoint(Path(folder) / "base.safetensors", "tiny", dtype="fp32")
        pictures = given.pictures or make_pictures(Path(folder) / "pictures")
        shared = [f"--pretrained_model_name_or_path={base}", f"--train_data_dir={pictures}", f"--data_dir={folder}/data"]
        get_warm()
        return _run_all(given, [*shared, *DRAWING_WORDS], Path(folder))


def _run_all(given: argparse.Namespace, shared: Sequence[str], folder: Path) -> int:
    kills = saves = ends = failed = 0
    begun = time.monotonic()
    for name, words in cases().items():
        if given.only and name not in given.only:
            continue
        own = folder / name
        own.mkdir()
        result = kill_and_compare([*shared, *words], own, given.kills, random.Random(f"{given.seed} {name}"), forked=True)
        kills, saves, ends = kills + len(result.at), saves + result.in_a_save, ends + result.ends
        failed += bool(result.differing)
        verdict = f"DIFFERS: {', '.join(result.differing[:5])}" if result.differing else "the same"
        told = f"killed {len(result.at)} times, {result.in_a_save} in a save, after steps {', '.join(map(str, result.at))}"
        print(f"{name}: {told}; {result.ends} ends, {verdict}", flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(f"{kills} kills, {saves} of them in a save; {ends} ends, {failed} cases differ; {minutes:.1f} minutes", flush=True)
    return 1 if failed else 0


def make_pictures(folder: Path) -> Path:
    """Five small pictures in two shapes, with captions."""
    from PIL import Image

    subset = folder / "1_penny"
    subset.mkdir(parents=True)
    for number in range(5):
        size = (64, 64) if number < 3 else (96, 48)
        picture = Image.linear_gradient("L").resize(size).rotate(90 * number).convert("RGB")
        picture.putpixel((number, 0), (255, 0, 0))
        picture.save(subset / f"{number}.png")
        (subset / f"{number}.txt").write_text(f"penny, red hat, smile, number {number}", encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
