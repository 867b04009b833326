"""A loop whose training and drawing take no time, so that it can be cut off anywhere, hundreds of times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lora_workbench.trainer_core.files import write_atomically
from lora_workbench.trainer_core.generate.infotext import save_png
from lora_workbench.trainer_core.generate.telling import Between
from lora_workbench.trainer_core.loop import candidates, command, rounds
from lora_workbench.trainer_core.loop.project import Project, Round

TAGGER = Path(__file__).resolve().parents[3] / "demo" / "models" / "toy_tagger"


def noise(seed: int, size: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


@pytest.fixture
def start(tmp_path: Path) -> Path:
    path = tmp_path / "mia.png"
    noise(1).save(path)
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Trainings and pictures by name, as often as they were made; a picture's content follows from its seed."""
    made: dict[str, list[str]] = {"trained": [], "drawn": []}

    def train(project: Project, current: Round, stop: Callable[[], bool], told: Any) -> bool:
        if stop():
            return False
        path = project.round_folder(current.number) / "lora" / f"mia-r{current.number:02d}.safetensors"
        if not path.is_file():
            made["trained"].append(path.name)
            write_atomically(path, f"LoRA {current.number} of {current.pictures}")
        current.lora, current.lora_sha256, current.steps = path.relative_to(project.folder).as_posix(), "0" * 64, 3
        told({"step": 3, "steps": 3, "loss": 0.1, "average": 0.1})
        return True

    def draw(
        project: Project, current: Round, missing: dict[str, Any], stop: Callable[[], bool], between: Between
    ) -> Iterator[list[str]]:
        made_now = 0
        for names in candidates._batches(list(missing), project.options.batch_size):
            if stop():
                return
            between(made_now + len(names) / 2, len(missing))
            made_now += len(names)
            for name in names:
                missing[name].infotext, missing[name].checkpoint_sha256 = f"infotext of {name}", "1" * 64
                save_png(project.path(name), noise(missing[name].request["seed"]), missing[name].infotext)
                made["drawn"].append(name)
            yield names

    monkeypatch.setattr(rounds, "train_round", train)
    monkeypatch.setattr(candidates, "_drawn_batches", draw)
    monkeypatch.setattr(candidates, "model_hashes", lambda *_: ("", "1" * 64))
    return made


@pytest.fixture
def loop(tmp_path: Path, start: Path, random_base: Path) -> Callable[..., int]:
    """The command in this process; with no words it is the one that begins a loop of two rounds and goes on with it."""

    def run(*words: str, begin: bool = True) -> int:
        first = (
            "--start", str(start), "--tag", "mia", "--tagger", str(TAGGER), "--rounds=2", "--candidates=3",
            "--batch_size=2", "--prompt", "SUBJECT, hat", "SUBJECT, smile", f"--pretrained_model_name_or_path={random_base}",
            "--resolution=64", "--enable_bucket=false", "--min_bucket_reso=64", "--seed=5", "--no_wait",
        )  # fmt: skip
        return command.main([str(tmp_path / "loop"), *(first if begin else ()), *words])

    return run


@pytest.fixture
def content(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    return lambda: json.loads((tmp_path / "loop" / "loop.json").read_text(encoding="utf-8"))
