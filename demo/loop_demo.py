"""The rare-character loop on the toy world: one picture of a creature that the base has never seen, and no person.

    python -m lora_workbench.demo.loop_demo --out DIR [--creature zibbo] [--seed 1] [--kill_twice]

One tagger accepts candidates and writes captions, the other one judges. --kill_twice kills the loop and its training with
SIGKILL, once during a training and once while candidates are drawn; the same command goes on each time.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..trainer_core.events import read_events
from ..trainer_core.files import data_folder, free_name, read_json, write_atomically, write_json
from ..trainer_core.problems import UserError
from ..trainer_core.settings.toml_files import write_config
from .run import measures, recipe
from .run.workflow import without_activation
from .world.creatures import draw_context, own_tags, world
from .world.pictures import make_training_pictures, test_prompts, true_renders

SETTINGS = Path(__file__).parent / "loop_settings.json"
_LOOK = 0.05  # seconds between two looks for the moment to kill
Say = Callable[[str], None]


@dataclass(frozen=True)
class Kill:
    """A moment to kill at: `kind` of event in `round`, from its `step` on."""

    kind: str
    round: int
    step: int


def main(argv: Sequence[str] | None = None) -> int:
    """0: the loop ran and its aims are met; 1: not so; 2: wrong words."""
    words = _words(sys.argv[1:] if argv is None else argv)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", flush=True)

    try:
        result = run(words, say)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    for name, (side, limit) in read_json(SETTINGS)["aims"].items():
        print(f"{name:<18} {result[name]:>8.3f}   {side} {limit:g}: {'missed' if name in result['missed'] else 'met'}")
    print(f"Everything is in {words.out}; loop_demo.json has the figures, loop/loop.json where each picture is from.")
    return 1 if result["missed"] else 0


def run(words: argparse.Namespace, say: Say) -> dict[str, Any]:
    """The whole demo in `words.out`; what loop_demo.json holds."""
    begun, settings = time.monotonic(), read_json(SETTINGS)
    job = recipe.Job(words.out, words.creature, words.seed, False, base=words.base)
    recipe.check(job)
    job.out.mkdir(parents=True, exist_ok=True)
    say(f"One picture of {job.creature}, and prompts in {settings['contexts']} contexts")
    contexts = _begin(job, settings)
    command = loop_command(job, settings)
    kills = [Kill("progress", 2, 2), Kill("candidate", 2, 1)] if words.kill_twice else []
    for number, kill in enumerate(kills, start=1):
        if kill_at(command, job.out / "loop", kill, job.out / "output.txt"):
            say(f"Killed for the {'first' if number == 1 else 'second'} time in round {kill.round}, at a {kill.kind} event")
    with (job.out / "output.txt").open("ab") as output:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT).returncode
    if status:
        last = (job.out / "output.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1]
        raise UserError(f"The loop ended with status {status}: {last}")
    looped = time.monotonic() - begun
    say("The loop is done; the other tagger judges")
    result = {
        **judge(job, settings, contexts, say), "creature": job.creature, "seed": job.seed, "kills": len(kills),
        "loop_seconds": round(looped), "total_seconds": round(time.monotonic() - begun),
    }  # fmt: skip
    result["missed"] = measures.missed_aims(result, settings["aims"])
    write_json(job.out / "loop_demo.json", result)
    return result


def loop_command(job: recipe.Job, settings: dict[str, Any]) -> list[str]:
    """The words that a user would type."""
    own = own_tags(job.creature)
    words = ["--config_file", str(job.out / "settings.toml"), "--prompts", str(job.out / "contexts.txt")]
    words += ["--start", str(job.out / "start" / f"{job.creature}_01.png"), "--tag", job.creature, "--tagger", str(job.tagger)]
    words += ["--accept_by", "tagger", "--wanted", *own, "--leave_out", *own]
    words += [f"--{name}={value}" for name, value in settings["options"].items()]
    python = [sys.executable, "-I", "-u", "-X", "utf8", "-m", "lora_workbench.trainer_core"]
    return [*python, "loop", str(job.out / "loop"), *words]


def kill_at(command: Sequence[str], folder: Path, kill: Kill, output: Path) -> bool:
    """Starts the loop and kills it with its training at that moment; False where it ended before."""
    seen = len(list(read_events(folder)))
    with output.open("ab") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(_LOOK)
            if any(_is_moment(event, kill) for event in list(read_events(folder))[seen:]):
                kill_with_children(process)
                return True
    return False


def _is_moment(event: dict[str, Any], kill: Kill) -> bool:
    what = "training" if kill.kind == "progress" else None
    moment = event.get("kind") == kill.kind and event.get("round") == kill.round and event.get("what") == what
    return moment and event.get("step", kill.step) >= kill.step


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and to the training that it started."""
    import psutil

    several = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in several:
        one.kill()
    process.wait()


def _begin(job: recipe.Job, settings: dict[str, Any]) -> list[list[str]]:
    """The start picture, the prompts and the training's settings; the contexts that it and candidates are drawn in."""
    remembered = make_training_pictures(job.out / "start", job.creature, count=1, seed=job.seed)
    rng = random.Random(f"loop {job.creature} {job.seed}")
    contexts = [list(draw_context(rng).values()) for _ in range(settings["contexts"])]
    lines = [", ".join(["SUBJECT", *world()["always"], *context]) + "\n" for context in contexts]
    write_atomically(job.out / "contexts.txt", "".join(lines))
    own = {"pretrained_model_name_or_path": str(job.base), "seed": job.seed, "data_dir": str(job.out / "data")}
    write_config(job.out / "settings.toml", {**settings["training"], **own})
    return [*contexts, *(one["context"] for one in remembered)]


def judge(job: recipe.Job, settings: dict[str, Any], contexts: list[list[str]], say: Say) -> dict[str, Any]:
    """The demo's measures of the last LoRA by the tagger that accepted nothing, and the concept of each round's before.

    All prompts are in contexts that no candidate and no training picture was asked for.
    """
    from ..trainer_core.models.checkpoint import load_model
    from .run import sampling

    model, known = _on_device(load_model(job.base)), recipe.load_recipe()
    see, tags = sampling.open_judge(job.judge)
    own = own_tags(job.creature)
    tests = test_prompts(job.creature, count=settings["samples"], seed=job.seed, exclude=contexts)
    prompts = [one["prompt"] for one in tests]
    truth = measures.concept(see(true_renders(job.creature, count=settings["samples"], seed=job.seed)), tags, own)

    def drawn(several: Sequence[str], lora: Path | None = None) -> list[Any]:
        return sampling.draw(model, several, 1000 * job.seed, known.sampler, lora, known.strength)

    def share(images: Sequence[Any]) -> float:
        return measures.relative(measures.concept(see(images), tags, own), truth)

    loop = read_json(job.out / "loop" / "loop.json")
    rounds = []
    for one in loop["rounds"]:
        concept = share(drawn(prompts[: settings["samples_of_rounds"]], job.out / "loop" / one["lora"]))
        rounds.append(_round(loop, one, concept))
        say(_round_text(rounds[-1]))
    last = job.out / "loop" / loop["rounds"][-1]["lora"]
    after = drawn(prompts, last)
    trained = next((job.out / "loop" / "rounds" / f"{len(rounds):02d}" / "pictures").iterdir())
    return {
        "concept_before": share(drawn(prompts)),
        "concept_after": share(after),
        "context_followed": measures.context_followed(
            see(after), tags, [list(one["context"]) for one in tests], known.seen_threshold
        ),
        "without_tag": share(drawn([without_activation(prompt, job.creature) for prompt in prompts], last)),
        "nearest_copy": min(measures.nearest_copy(after, _opened(trained))),
        "rounds": rounds,
    }


def _on_device(model: Any) -> Any:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    for part in (model.unet, model.text_encoder, model.vae):
        part.to(device)
    return model


def _round(loop: dict[str, Any], one: dict[str, Any], concept: float) -> dict[str, Any]:
    drawn = [
        picture for picture in loop["pictures"].values() if picture["kind"] == "drawn" and picture["round"] == one["number"]
    ]
    return {
        "number": one["number"], "pictures": len(one["pictures"]), "steps": one["steps"], "concept": concept,
        "candidates": len(drawn), "accepted": sum(picture["state"] == "accepted" for picture in drawn),
    }  # fmt: skip


def _round_text(one: dict[str, Any]) -> str:
    learnt = f"round {one['number']}: {one['pictures']} pictures, {one['steps']} steps, concept {one['concept']:.3f}"
    return f"{learnt}, {one['accepted']} of {one['candidates']} candidates accepted"


def _opened(folder: Path) -> list[Any]:
    from PIL import Image

    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]


def _words(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loop_demo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, help="new folder for everything; one in the data folder unless given")
    parser.add_argument("--creature", default="zibbo", help="zibbo or mirra")
    parser.add_argument("--seed", type=int, default=1, help="seed of pictures, training and samples")
    parser.add_argument("--kill_twice", action="store_true", help="kill the loop twice on the way")
    parser.add_argument("--base", type=Path, default=recipe.MODELS / "toy_base.safetensors", help=argparse.SUPPRESS)
    words = parser.parse_args(list(argv))
    words.out = words.out.expanduser().absolute() if words.out else free_name(data_folder() / "loop_demo")
    return words


if __name__ == "__main__":
    raise SystemExit(main())
