"""Every optimizer, and all else in pairs, on every family of base models: three steps of the real loop, a file that loads,
and the same tensors again when a second run goes on from the state after the second step.

The model is read once a family; what each case makes anew is all that its settings touch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.trainer_core.preparing import Prepared, begun, prepared_run
from lora_workbench.trainer_core.networks.format import read_lora
from lora_workbench.trainer_core.optimizer_table import TABLE
from lora_workbench.trainer_core.resuming import Resumed
from lora_workbench.trainer_core.run import _go_on
from lora_workbench.trainer_core.state import load_state
from lora_workbench.trainer_core.train import _loop

FAMILIES = ("random_base", "tiny_sd2", "tiny_sdxl")
RATES = {**dict.fromkeys((name for name, spec in TABLE.items() if spec.adaptive), 1.0)}
MORE: dict[str, dict[str, Any]] = {
    "DAdaptSGD": {"optimizer_args": ["growth_rate=1.05", "momentum=0.9"]},
    "RAdamScheduleFree": {"optimizer_args": ["silent_sgd_phase=False"]},  # else its first steps do nothing by intention
}


@pytest.fixture(scope="module", params=FAMILIES)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    ready = prepared_run(request.getfixturevalue(request.param), tmp_path_factory.mktemp(request.param))
    yield ready
    ready.events.close()


def goes_on(prepared: Prepared, saved: Path, out: Path, **changes: Any) -> Path:
    """A run that begins anew and takes in a state; the file that it ends with."""
    run, _, saver = begun(prepared, out, **changes)
    run = replace(run, settings=run.settings.replaced(resume=saved))
    return _loop(run, _go_on(run, Resumed(saved, *load_state(saved))), saver, prepared.events)


def check(prepared: Prepared, folder: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """Trains, loads what was saved, goes on from the state after the second step, and compares; the file's tensors."""
    run, state, saver = begun(prepared, folder / "whole", **changes)
    path = _loop(run, state, saver, prepared.events)
    tensors, _ = read_lora(path)
    assert run.network.load(tensors) == []  # nothing in the file is unknown to the network
    assert tensors.keys() == prepared.network.keys()
    ups = [name for name in tensors if name.endswith("lora_up.weight")]
    assert any(bool(tensors[name].any()) for name in ups), "nothing was learnt"
    assert all(bool(one.isfinite().all()) for one in tensors.values())

    again, _ = read_lora(goes_on(prepared, folder / "whole" / "penny-step00000002-state", folder / "again", **changes))
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)
    return tensors


@pytest.mark.parametrize("name", TABLE)
def test_optimizer(prepared: Prepared, tmp_path: Path, name: str) -> None:
    check(prepared, tmp_path, optimizer_type=name, learning_rate=RATES.get(name, 1e-3), **MORE.get(name, {}))


LEVELS: dict[str, Sequence[dict[str, Any]]] = {
    "family": [{"family": name} for name in FAMILIES],
    "prediction": [{"velocity": False}, {"velocity": True}],
    "loss": [{}, {"loss_type": "l1"}, {"loss_type": "huber"}, {"loss_type": "smooth_l1", "huber_schedule": "exponential"}],
    "weight": [{}, {"min_snr_gamma": 5}, {"debiased_estimation_loss": True}, {"share": 0.2}],
    "noise": [
        {},
        {"noise_offset": 0.1, "noise_offset_random_strength": True, "adaptive_noise_scale": 0.01},
        {"multires_noise_iterations": 4},
        {"ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": True},
    ],
    "schedule": [
        {},
        {"lr_scheduler": "cosine", "lr_warmup_steps": 0.4},
        {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 2},
        {"lr_scheduler": "warmup_stable_decay", "lr_scheduler_min_lr_ratio": 0.1},
        {"lr_scheduler": "inverse_sqrt"},
        {"lr_scheduler_type": "CosineAnnealingLR", "lr_scheduler_args": ["T_max=3"]},
    ],
    "average": [{}, {"ema_decay": 0.9}, {"ema_decay": 0.9, "ema_save": "instead"}],
    "network": [{}, {"scale_weight_norms": 0.001}, {"network_args": ["loraplus_lr_ratio=4"]}, {"network_dropout": 0.1}],
    "prior": [{}, {"prior_preservation": "doll", "prior_loss_weight": 0.5}],
    "measured": [{"measured": False}, {"measured": True}],
}


def pairs(levels: dict[str, Sequence[Any]]) -> list[dict[str, int]]:
    """Rows of levels' numbers in which each two levels of different factors meet at least once; greedy, always the same."""
    names = list(levels)
    missing = {
        (one, two, first, second)
        for one, two in itertools.combinations(names, 2)
        for first in range(len(levels[one]))
        for second in range(len(levels[two]))
    }
    rows = []
    while missing:
        one, two, first, second = min(missing)
        row = {one: first, two: second}
        for name in names:
            if name not in row:
                gains = [
                    sum(_pair(name, level, other, row[other]) in missing for other in row) for level in range(len(levels[name]))
                ]
                row[name] = gains.index(max(gains))
        ordered = {name: row[name] for name in names}
        missing -= {_pair(one, ordered[one], two, ordered[two]) for one, two in itertools.combinations(names, 2)}
        rows.append(ordered)
    return rows


def _pair(one: str, first: int, two: str, second: int) -> tuple[str, str, int, int]:
    order = list(LEVELS)
    return (one, two, first, second) if order.index(one) < order.index(two) else (two, one, second, first)


ROWS = sorted(pairs(LEVELS), key=lambda row: row["family"])  # so that each family's model is read once


def case(row: dict[str, int]) -> Any:
    changes = {name: value for factor, level in row.items() for name, value in LEVELS[factor][level].items()}
    if share := changes.pop("share", None):  # each prediction has the one that fits it
        changes |= {"scale_v_pred_loss_like_noise_pred": True} if changes["velocity"] else {"v_pred_like_loss": share}
    return pytest.param(changes.pop("family"), changes, id="-".join(map(str, row.values())))


@pytest.mark.parametrize(("prepared", "changes"), [case(row) for row in ROWS], indirect=["prepared"])
def test_pairs(prepared: Prepared, tmp_path: Path, changes: dict[str, Any]) -> None:
    tensors = check(prepared, tmp_path, **changes)
    beside = tmp_path / "whole" / "penny-ema.safetensors"
    assert beside.is_file() == (changes.get("ema_decay") is not None and changes.get("ema_save") is None)
    if beside.is_file():
        average, _ = read_lora(beside)
        ups = [name for name in tensors if name.endswith("lora_up.weight")]
        assert any(not torch.equal(average[name], tensors[name]) for name in ups)
