"""One arm with one seed: its settings, its regularization pictures, the training, and the measures of what came of it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from ...demo.run.pictures import regularization_prompts
from ...demo.run.recipe import Job
from ...trainer_core.files import read_json, write_atomically, write_json
from ...trainer_core.settings import Settings
from ...trainer_core.settings.toml_files import write_config
from .advised import run_advised
from .experiments import Arm
from .lab import CONFIG, CREATURE, Lab, measure, prepare, steps_to_learn
from .next_run import run_next

CLASS_WORD = "1creature"
RESULT = "result.json"


def run_arm(lab: Lab, experiment: str, arm: Arm, seed: int) -> dict[str, Any]:
    """Trains and measures, or reads what was measured before; the result as result.json holds it."""
    folder = lab.folder / experiment / arm.name / f"seed-{seed}"
    if (folder / RESULT).is_file():
        return read_json(folder / RESULT)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.txt").open("w", encoding="utf-8") as said, contextlib.redirect_stdout(said):
        if arm.dataset:
            result = run_advised(lab, arm.dataset, seed, folder)
            write_json(folder / RESULT, result)
            return result
        material = prepare(lab.folder, seed, lab.recipe)
        settings = _settings(lab, arm, material, folder)
        write_config(folder / CONFIG, settings)
        if arm.reg != "none":
            _regularization(lab, arm, material, folder)
        begun, cpu = time.monotonic(), time.process_time()
        lora = _train(settings)
        result = {"seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - cpu}
        result |= {"lora": str(lora), **measure(lab, material, lora)}
        if arm.watch:
            result["learnt"] = steps_to_learn(lab, material, lora)
        if arm.next_run:
            result |= run_next(lab, material, lora, folder)
    write_json(folder / RESULT, result)
    return result


def _settings(lab: Lab, arm: Arm, material: Job, folder: Path) -> dict[str, Any]:
    values = {
        "pretrained_model_name_or_path": str(lab.job.base),
        "train_data_dir": str(material.out / "pictures"),
        "output_dir": str(folder / "lora"),
        "output_name": CREATURE,
        "job_dir": str(folder / "job"),
        "data_dir": str(folder / "data"),
        "seed": material.seed,
        "overwrite": True,
        **lab.recipe.training,
        **arm.training,
    }
    if lab.steps is not None:
        values |= {"max_train_steps": lab.steps, "lr_warmup_steps": 0}
    if lab.steps is not None and values.get("stages"):
        each = max(1, lab.steps // len(values["stages"]))
        values |= {"max_train_steps": None, "stages": [{**one, "max_train_steps": each} for one in values["stages"]]}
    if arm.reg != "none":
        values["reg_data_dir"] = str(folder / "reg")
    return {name: value for name, value in values.items() if value is not None}


def _train(values: dict[str, Any]) -> Path:
    from ...trainer_core.train import train

    return train(Settings.from_dict(values))


def _regularization(lab: Lab, arm: Arm, material: Job, folder: Path) -> None:
    """The set, by the `reg` command itself; the random one by the demo's prompts."""
    if arm.reg == "random":
        _random_set(lab, material, folder / "reg" / "1_creature")
        return
    from ...trainer_core.reg.command import main as reg

    sampler = lab.recipe.sampler
    words = [
        "--config_file",
        str(folder / CONFIG),
        "--class_word",
        CLASS_WORD,
        "--folder",
        f"1_{CLASS_WORD}",
        "--batch_size",
        "16",
    ]
    words += ["--sampler", "DDIM", "--steps", str(sampler["steps"]), "--cfg", str(sampler["cfg"])]
    if arm.reg == "class":
        words += ["--kind", "class", "--count", str(lab.recipe.pictures)]
    elif arm.reg == "matched_index":
        words += ["--seeds", "index"]
    reg(words)


def _random_set(lab: Lab, material: Job, folder: Path) -> None:
    prompts = regularization_prompts(lab.recipe.pictures, 900 + material.seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (prompt, image) in enumerate(zip(prompts, lab.draw(prompts, 70_000 + 1000 * material.seed), strict=True)):
        image.save(folder / f"{number:02d}.png")
        write_atomically(folder / f"{number:02d}.txt", prompt + "\n")
