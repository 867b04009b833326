"""Twenty steps on the toy world: whether this machine's trainings compute what they should, and its LoRAs change pictures.

    python -m lora_workbench.demo.self_test full       a line of JSON: {"findings": [[what was found, its mend or ""], …]}
    python -m lora_workbench.demo.self_test half       the same in half precision with 8-bit states, where there is a GPU
    python -m lora_workbench.demo.self_test write      takes what is computed here as what should be, into self_test.json

Randomness is keyed and the same on every device, so the losses are those of any other machine but for rounding. An update that
silently spoils what is trained shows here before it spoils a LoRA. `install.py doctor --train` starts it, a process each.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..trainer_core.events import read_events
from ..trainer_core.files import read_json, write_json
from ..trainer_core.problems import UserError
from .run.recipe import MODELS
from .world.creatures import own_tags, world
from .world.pictures import make_training_pictures

EXPECTED = Path(__file__).with_name("self_test.json")
CREATURE, STEPS = "zibbo", 20
_ANEW = "remove trainer_core/venv, then python install.py setup; where it stays so, look at the GPU's driver, clocks and memory"
_EIGHT_BIT = "train with AdamW and in full precision until python install.py setup has mended it"
_SETTINGS = {
    "resolution": 128, "caption_extension": ".txt", "network_dim": 4, "network_alpha": 4, "optimizer_type": "AdamW",
    "learning_rate": 2e-3, "max_train_steps": STEPS, "train_batch_size": 1, "seed": 420, "output_name": CREATURE,
    "mixed_precision": "no", "save_precision": "float",
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A way to train. `tolerance`: by how much of it a loss may differ; `mend`: what to do where it differs by more."""

    name: str
    tolerance: float
    mend: str
    settings: dict[str, Any] = field(default_factory=dict)


# On a CPU half precision and 8-bit states moved no loss by more than 0.6 %; half the rate moves one by 20 %, and a text encoder
# that isn't trained by 2 %.
TRIALS = {
    "full": Trial("in full precision", 0.01, _ANEW),
    "half": Trial(
        "in half precision with AdamW8bit", 0.03, _EIGHT_BIT, {"mixed_precision": "bf16", "optimizer_type": "AdamW8bit"}
    ),
}


def main(argv: Sequence[str]) -> int:
    """Prints the findings as JSON; 1 where something is wrong, 2 where the words are."""
    word = argv[0] if len(argv) == 1 else ""
    if word not in (*TRIALS, "write"):
        print(f"error: self_test takes one word: {', '.join(TRIALS)} or write.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lora_workbench-self_test-") as name, contextlib.redirect_stdout(sys.stderr):
        findings = _done(word, Path(name))
    print(json.dumps({"findings": findings}))
    return 1 if any(mend for _, mend in findings) else 0


def _done(word: str, folder: Path) -> list[tuple[str, str]]:
    if word == "half" and not _has_gpu():
        return []
    make_dataset(folder / "pictures" / f"1_{CREATURE}")
    if word == "write":
        losses, lora = run(TRIALS["full"], folder)
        write_json(EXPECTED, {"losses": [round(loss, 6) for loss in losses], "change": round(change(lora), 4)})
        return []
    return list(findings_of(TRIALS[word], folder, read_json(EXPECTED)))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def findings_of(trial: Trial, folder: Path, expected: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(what was found, its mend or "") of the training and of the picture that its LoRA draws."""
    begun = time.monotonic()
    try:
        losses, lora = run(trial, folder)
    except (UserError, RuntimeError, OSError, ImportError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield f"{STEPS} steps {trial.name} failed: {why}", trial.mend
        return
    words = wrong_losses(losses, expected["losses"], trial.tolerance)
    if words:
        yield f"{STEPS} steps {trial.name}: {words}", trial.mend
        return
    yield (
        f"{STEPS} steps {trial.name}: the losses are what they should be ({time.monotonic() - begun:.0f} s with the start)",
        "",
    )
    changed = change(lora)
    if not changed > expected["change"] / 2:
        yield f"The LoRA changes a picture by {changed:.4f}, where {expected['change']:.4f} is usual", trial.mend
    else:
        yield f"The LoRA changes a picture as it should ({changed:.3f})", ""


def wrong_losses(losses: Sequence[float], expected: Sequence[float], tolerance: float) -> str:
    """The first loss that is not what it should be, in words; "" where all are."""
    if len(losses) != len(expected):
        return f"{len(losses)} of {len(expected)} were counted"
    for step, (loss, wanted) in enumerate(zip(losses, expected, strict=True), start=1):
        if not abs(loss - wanted) <= tolerance * wanted:  # a NaN is wrong too
            return f"the loss of step {step} is {loss:.4f} in place of {wanted:.4f}"
    return ""


def make_dataset(folder: Path) -> None:
    """Eight pictures of a creature that the toy base doesn't know, with the captions that the demo's tagger would give."""
    for one in make_training_pictures(folder, CREATURE, count=8, seed=1):
        tags = [tag for tag in [CREATURE, *world()["always"], *one["context"]] if tag not in own_tags(CREATURE)]
        one["path"].with_suffix(".txt").write_text(", ".join(tags), encoding="utf-8")


def run(trial: Trial, folder: Path) -> tuple[list[float], Path]:
    """The loss of each step, and the LoRA."""
    from ..trainer_core.settings import Settings
    from ..trainer_core.train import train

    own = {"job_dir": folder / "job", "output_dir": folder / "lora", "data_dir": folder / "data"}
    given = {"pretrained_model_name_or_path": MODELS / "toy_base.safetensors", "train_data_dir": folder / "pictures"}
    paths = {name: str(path) for name, path in {**given, **own}.items()}
    lora = train(Settings.of(**{**_SETTINGS, **paths, **trial.settings}))
    return [float(one["loss"]) for one in read_events(folder / "job") if one["kind"] == "progress"], lora


def change(lora: Path) -> float:
    """Mean difference of colours (0 to 1) between the base's picture and that with the LoRA, of the same seed."""
    import numpy as np

    from ..trainer_core.generate.sample import Request, generate
    from ..trainer_core.models.checkpoint import load_model
    from ..trainer_core.networks.apply import applied

    model = load_model(MODELS / "toy_base.safetensors")
    prompt = ", ".join([CREATURE, *world()["always"]])
    asked = [Request(prompt=prompt, seed=1, sampler="Euler", steps=6, cfg=3.0, width=128, height=128)]
    (plain,) = generate(model, asked)
    with applied(model, [(lora, 1.0, 1.0)]):
        (changed,) = generate(model, asked)
    return float(np.abs(np.asarray(plain, dtype=np.float64) - np.asarray(changed, dtype=np.float64)).mean() / 255)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
