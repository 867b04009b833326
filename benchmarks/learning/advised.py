"""Trains a toy dataset with the settings that `advise` writes, as they are, and measures what came of it."""

from __future__ import annotations

import contextlib
import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...demo.run import measures
from ...demo.world.evaluate import THRESHOLD
from ...trainer_core.advise.command import main as advise
from ...trainer_core.files import read_json, write_json
from ...trainer_core.settings import read_settings
from .datasets import DATASETS, Dataset, make, prompts, true_pictures

if TYPE_CHECKING:
    from .lab import Lab

CONFIG = "advised.toml"
CLASS_WORD = "1creature"


def run_advised(lab: Lab, name: str, seed: int, folder: Path) -> dict[str, Any]:
    """What run_arm returns, and the steps and values advised."""
    from .lab import base_kept

    dataset = DATASETS[name]
    words = _pictures(dataset, folder, seed)
    told = _advice(lab, dataset, folder)
    if "reg_data_dir" in told["settings"]:
        _draw_reg(lab, folder)
    begun, cpu = time.monotonic(), time.process_time()
    lora = _train(lab, folder)
    result: dict[str, Any] = {"seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - cpu, "lora": str(lora)}
    result |= {"steps": told["steps"], "advised": told["settings"]}
    return result | _measure(lab, dataset, words, lora, seed) | base_kept(lab, seed, lora)


def _pictures(dataset: Dataset, folder: Path, seed: int) -> list[list[str]]:
    """The dataset's folder, made once; a folder that is unfinished stops the run."""
    done = folder / "words.json"
    if not done.is_file():
        if (folder / "pictures").exists():
            raise FileExistsError(f"{folder / 'pictures'} is unfinished: remove it and run again.")
        write_json(done, make(dataset, folder / "pictures", seed))
    return read_json(done)


def _advice(lab: Lab, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """What `advise --json` tells; its settings file is kept beside the pictures, and written once."""
    kept = folder / "advice.json"
    if not kept.is_file():
        said = io.StringIO()
        words = [str(folder / "pictures"), "--base", str(lab.job.base), *dataset.answers, "--out", str(folder / CONFIG)]
        with contextlib.redirect_stdout(said):
            status = advise([*words, "--json", "--data_dir", str(folder / "data")])
        if status:
            raise RuntimeError(f"advise ended with {status}: {said.getvalue()}")
        write_json(kept, json.loads(said.getvalue()))
    return read_json(kept)


def _draw_reg(lab: Lab, folder: Path) -> None:
    """The set that the advice asks for, by the `reg` command with its own defaults, but for the toy base's guidance."""
    from ...trainer_core.reg.command import main as reg

    sampler = lab.recipe.sampler
    reg([
        "--config_file", str(folder / CONFIG), "--class_word", CLASS_WORD, "--batch_size", "16",
        "--steps", str(sampler["steps"]), "--cfg", str(sampler["cfg"]), "--data_dir", str(folder / "data"),
    ])  # fmt: skip


def _train(lab: Lab, folder: Path) -> Path:
    from ...trainer_core.train import train

    words = ["--config_file", str(folder / CONFIG), "--job_dir", str(folder / "job"), "--data_dir", str(folder / "data")]
    settings = read_settings(words, "train")
    if lab.steps is not None:
        settings = settings.replaced(max_train_epochs=None, max_train_steps=lab.steps, overwrite=True)
    return train(settings)


def _measure(lab: Lab, dataset: Dataset, trained: list[list[str]], lora: Path, seed: int) -> dict[str, float]:
    wanted = prompts(dataset, lab.samples, seed, trained)
    judged = list(dataset.judged)
    texts = [", ".join(one) for one in wanted]
    with_tag = lab.judge(lab.draw([f"{dataset.activation}, {text}" for text in texts], 1000 * seed, lora))
    without = lab.judge(lab.draw(texts, 1000 * seed, lora))
    before = lab.judge(lab.draw([f"{dataset.activation}, {text}" for text in texts], 1000 * seed))
    of_truth = measures.concept(lab.judge(true_pictures(dataset, lab.samples, seed)), lab.tags, judged)
    share = {
        name: measures.relative(measures.concept(seen, lab.tags, judged), of_truth)
        for name, seen in (("concept_before", before), ("concept_after", with_tag), ("without_tag", without))
    }
    return share | {"context_followed": measures.context_followed(with_tag, lab.tags, wanted, THRESHOLD)}
