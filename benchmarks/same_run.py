"""Whether two runs are the same but for their times: LoRA files, states, sample pictures, and what was told of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..trainer_core.events import read_events
from ..trainer_core.files import read_json
from ..trainer_core.networks.format import read_lora

TIMES = ("ss_training_started_at", "ss_training_finished_at", "modelspec.date")
_TOLD = ("step", "epoch", "loss", "average", "lr")  # of a step; memory and seconds are the machine's

Trained = tuple[Path, Sequence[Path]]  # output folder, and the folders of its jobs in their order


def differing(one: Trained, other: Trained) -> list[str]:
    """Names of what is not the same; of several reports of a step (it was done again) the last counts."""
    found = []
    for what, described in (("file", _files), ("state", _states), ("sample", _samples)):
        found += [f"{what} {name}" for name in _unequal(described(one[0]), described(other[0]))]
    return [*found, *(f"step {step}" for step in _unequal(_told(one[1]), _told(other[1])))]


def _unequal(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    return sorted(
        name for name in one.keys() | other.keys() if name not in one or name not in other or not same(one[name], other[name])
    )


def same(one: Any, other: Any) -> bool:
    """Equal to the bit, tensors and what holds them too."""
    import torch

    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _files(folder: Path) -> dict[str, Any]:
    """{file and tensor or key of metadata: value}"""
    found: dict[str, Any] = {}
    for path in folder.glob("*.safetensors"):
        tensors, metadata = read_lora(path)
        found |= {f"{path.name} {name}": value for name, value in (tensors | metadata).items() if name not in TIMES}
    return found


def _states(folder: Path) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {}
    for path in folder.glob("*-state"):
        state = {name: value for name, value in read_json(path / "train_state.json").items() if name != "started_at"}
        machinery = torch.load(path / "optimizer.pt", weights_only=True)
        for name, value in {**state, **machinery, "network": read_lora(path / "network.safetensors")}.items():
            found[f"{path.name} {name}"] = value
    return found


def _samples(folder: Path) -> dict[str, bytes]:
    """{name without the time: the picture's bytes}"""
    found = {}
    for path in sorted((folder / "sample").glob("*.png")):
        words = path.stem.rsplit("_", 2)
        found[f"{words[0]}_{words[2]}"] = path.read_bytes()
    return found


def _told(jobs: Sequence[Path]) -> dict[int, dict[str, Any]]:
    steps = {}
    for job in jobs:
        for event in read_events(job):
            if event["kind"] == "progress":
                steps[event["step"]] = {name: event[name] for name in _TOLD}
    return steps
