"""A DyLoRA cut to its first ranks, which it was trained to do without the rest. NumPy, without torch."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..problems import UserError
from .file_metadata import minimum, now, record, with_ranks
from .lora_arrays import LoraFile, read_lora_file, scale_of
from .low_rank import distance, factors_of, is_plain
from .module_kinds import counted_kinds
from .outputs import Piece, Tell, each, packed, write_lora_file
from .resize import arrays_of, as_it_is

METADATA = "lora_workbench_cut"


@dataclass(frozen=True)
class Cut:
    """What was written. `before`, `after`: the length of the whole change; `change`: of the difference of both, by `before`."""

    path: Path
    modules: int
    cut: int
    before: float
    after: float
    change: float
    notices: tuple[str, ...]


def ranks_by_unit(path: str | Path, unit: int) -> list[int]:
    """The multiples of `unit` below the file's largest rank. UserError where there are none, or it is no DyLoRA."""
    file = read_lora_file(path)
    _require_dylora(file)
    whole = max(infos["lora_down.weight"].shape[0] for infos in file.modules.values() if is_plain(list(infos)))
    if whole <= unit:
        raise UserError(f"{file.path.name} has {whole} ranks at most: give a --unit below that.")
    return list(range(unit, whole, unit))


def cut(path: str | Path, rank: int, out: Path, *, metadata: bool = True, tell: Tell | None = None) -> Cut:
    """Writes the first `rank` ranks of each module; the file at `path` stays as it is.

    alpha becomes alpha · √(rank / ranks before): so many ranks acted that strongly in training. UserError where the file
    says that it is no DyLoRA (its ranks are in no order), or no module has more ranks.
    """
    file = read_lora_file(path)
    _require_dylora(file)
    pieces: dict[str, Piece] = {}
    squares = [0.0, 0.0, 0.0]  # before, after, of the difference
    shorter, alphas = 0, set()
    for module, infos in each(file.modules.items(), tell):
        own = as_it_is(file, module)
        if is_plain(list(infos)) and "lora_mid.weight" not in infos and infos["lora_down.weight"].shape[0] > rank:
            arrays = file.read(module)
            before = factors_of(arrays)
            alpha = scale_of(arrays) * before.rank * math.sqrt(rank / before.rank)
            for suffix, array in {
                "alpha": np.array(alpha),
                "lora_down.weight": arrays["lora_down.weight"][:rank],
                "lora_up.weight": arrays["lora_up.weight"][:, :rank],
            }.items():
                own[suffix] = packed(array, infos["lora_down.weight"].dtype, f"{module}.{suffix}")
            after = factors_of(arrays_of(own))
            squares = [
                one + more**2 for one, more in zip(squares, (before.norm(), after.norm(), distance(before, after)), strict=True)
            ]
            shorter += 1
            alphas.add(round(alpha, 6))
        pieces |= {f"{module}.{suffix}": piece for suffix, piece in own.items()}
    if not shorter:
        raise UserError(f"Nothing in {file.path.name} would change: none of its modules has more than {rank} ranks.")
    told = _metadata(file, rank, alphas)
    write_lora_file(out, pieces, told if metadata else minimum(told))
    start, end, change = map(math.sqrt, squares)
    return Cut(out, len(file.modules), shorter, start, end, change / start if start else 0.0, _notices(file, rank))


def _arguments(file: LoraFile) -> dict[str, Any]:
    try:
        found = json.loads(file.metadata.get("ss_network_args") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_dylora(file: LoraFile) -> bool:
    told = (file.metadata.get("ss_network_module", ""), _arguments(file).get("algo", ""))
    return any("dylora" in str(word) for word in told)


def _require_dylora(file: LoraFile) -> None:
    if not any(is_plain(list(infos)) for infos in file.modules.values()):
        raise UserError(f"{file.path.name} has no ranks to cut: it is of the kind {', '.join(counted_kinds(file))}.")
    if file.metadata.get("ss_network_module") and not _is_dylora(file):
        raise UserError(
            f"{file.path.name} is no DyLoRA ({file.metadata['ss_network_module']}), so its first ranks mean no more "
            "than others: use `resize`, which keeps the most of it."
        )


def _notices(file: LoraFile, rank: int) -> tuple[str, ...]:
    notices = []
    if not _is_dylora(file):
        notices.append("The file doesn't say what it is: if it is no DyLoRA, use `resize`.")
    unit = str(_arguments(file).get("unit") or _arguments(file).get("block_size") or 1)
    if unit.isdigit() and int(unit) > 1 and rank % int(unit):
        notices.append(f"It was trained in units of {unit} ranks: {rank} cuts one of them in two.")
    return tuple(notices)


def _metadata(file: LoraFile, rank: int, alphas: set[float]) -> dict[str, str]:
    alpha = f"{next(iter(alphas)):g}" if len(alphas) == 1 else "Dynamic"
    told = {
        "of": file.path.name,
        "of_sshs_model_hash": file.metadata.get("sshs_model_hash", ""),
        "of_network_dim": file.metadata.get("ss_network_dim", ""),
        "rank": rank,
        "date": now(),
    }
    args = _arguments(file)
    conv = (str(rank), alpha) if args.get("conv_dim") else None
    return {**with_ranks(file.metadata, str(rank), alpha, conv), METADATA: record(told)}
