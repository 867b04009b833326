"""A LoRA of fewer ranks: the best one that there is of each module's change. NumPy, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..models.header import TensorInfo
from ..problems import UserError
from .file_metadata import minimum, now, one_or_dynamic, record, with_ranks
from .lora_arrays import Arrays, LoraFile, read_lora_file, scale_of
from .low_rank import Factors, chosen_rank, distance, factors_of, file_arrays, is_plain, shortened, singular
from .module_kinds import counted_kinds
from .outputs import PRECISIONS, Piece, Tell, each, packed, unpacked, write_lora_file

METADATA = "lora_workbench_resized"


@dataclass(frozen=True)
class Wanted:
    """`conv_rank`: the most for convolutions wider than 1×1 (None: `rank`). With a method `rank` is the most of any module."""

    rank: int
    conv_rank: int | None = None
    method: str | None = None
    parameter: float | None = None
    precision: str | None = None

    def most(self, kernel: int) -> int:
        return self.rank if kernel == 1 or self.conv_rank is None else self.conv_rank


@dataclass(frozen=True)
class Resized:
    """What was written. `before`: the length of the whole change; `error`: of what the new file lacks or has otherwise;
    `allowed`: the least that these ranks could leave out (Eckart, Young). `others`: modules of kinds without ranks."""

    path: Path
    modules: int
    shortened: int
    others: int
    ranks: tuple[int, int]
    before: float
    error: float
    allowed: float


@dataclass
class _Sums:
    before: float = 0.0
    error: float = 0.0
    allowed: float = 0.0
    shortened: int = 0


def resize(path: str | Path, wanted: Wanted, out: Path, *, metadata: bool = True, tell: Tell | None = None) -> Resized:
    """Writes the file with at most the wanted ranks; each module keeps its alpha by rank. The one at `path` stays as it is.

    Modules that are short enough keep their bytes. UserError where no module has more ranks, or the kind has none.
    """
    file = read_lora_file(path)
    plain = [module for module, infos in file.modules.items() if is_plain(list(infos))]
    if not plain:
        raise UserError(f"{file.path.name} has no ranks to take away: it is of the kind {', '.join(counted_kinds(file))}.")
    pieces: dict[str, Piece] = {}
    ranks: dict[str, tuple[int, int, float]] = {}  # rank, kernel, alpha
    sums = _Sums()
    for module in each(file.modules, tell):
        own = _shorter(file, module, wanted, sums, ranks) if module in plain else as_it_is(file, module, wanted.precision)
        pieces |= {f"{module}.{suffix}": piece for suffix, piece in own.items()}
    if not sums.before:
        raise UserError(f"{file.path.name} changes nothing: all of it is 0, so there is nothing to keep.")
    if not sums.shortened:
        raise UserError(f"Nothing in {file.path.name} would change: none of its {len(plain)} modules has more ranks than that.")
    told = _metadata(file, wanted, ranks)
    write_lora_file(out, pieces, told if metadata else minimum(told))
    all_ranks = [rank for rank, _, _ in ranks.values()]
    return Resized(
        out,
        len(file.modules),
        sums.shortened,
        len(file.modules) - len(plain),
        (min(all_ranks), max(all_ranks)),
        math.sqrt(sums.before),
        math.sqrt(sums.error),
        math.sqrt(sums.allowed),
    )


def _shorter(
    file: LoraFile, module: str, wanted: Wanted, sums: _Sums, ranks: dict[str, tuple[int, int, float]]
) -> dict[str, Piece]:
    arrays = file.read(module)
    change, scale = factors_of(arrays), scale_of(arrays)
    whole = singular(change)
    most = wanted.most(change.kernel)
    rank = chosen_rank(whole.values, most, wanted.method, wanted.parameter or 0.0)
    sums.before += change.norm() ** 2
    if rank >= change.rank or not scale:
        ranks[module] = (change.rank, change.kernel, scale * change.rank)
        return as_it_is(file, module, wanted.precision)
    ranks[module] = (rank, change.kernel, scale * rank)
    infos = file.modules[module]
    pieces = rounded(shortened(whole, rank, change.tail), scale, infos, wanted.precision, module)
    kept = {suffix: info for suffix, info in infos.items() if suffix not in ("alpha", *_FACTORS)}
    pieces |= {suffix: _piece(file, module, suffix, wanted.precision) for suffix in kept}
    sums.error += distance(change, factors_of(arrays_of(pieces))) ** 2
    sums.allowed += whole.left_out(rank) ** 2
    sums.shortened += 1
    return pieces


_FACTORS = ("lora_up.weight", "lora_down.weight", "lora_mid.weight")


def rounded(
    change: Factors, scale: float, infos: Mapping[str, TensorInfo], precision: str | None, module: str
) -> dict[str, Piece]:
    """{suffix: tensor} of a plain module, in the wanted precision or that of the file's tensors."""
    dtype = PRECISIONS[precision] if precision else infos["lora_down.weight"].dtype
    return {suffix: packed(array, dtype, f"{module}.{suffix}") for suffix, array in file_arrays(change, scale).items()}


def as_it_is(file: LoraFile, module: str, precision: str | None = None) -> dict[str, Piece]:
    """{suffix: tensor} of a module, its bytes as they are or in another precision."""
    return {suffix: _piece(file, module, suffix, precision) for suffix in file.modules[module]}


def _piece(file: LoraFile, module: str, suffix: str, precision: str | None) -> Piece:
    info = file.modules[module][suffix]
    if precision is None or info.dtype == PRECISIONS[precision] or not (info.dtype.startswith("F") or info.dtype == "BF16"):
        return TensorInfo(info.shape, info.dtype), file.bytes_of(module, suffix)
    return packed(file.read_one(module, suffix), PRECISIONS[precision], f"{module}.{suffix}")


def arrays_of(pieces: Mapping[str, Piece]) -> Arrays:
    """What a written module's numbers are."""
    return {suffix: unpacked(piece) for suffix, piece in pieces.items()}


def _metadata(file: LoraFile, wanted: Wanted, ranks: Mapping[str, tuple[int, int, float]]) -> dict[str, str]:
    plain = [(rank, alpha) for rank, kernel, alpha in ranks.values() if kernel == 1]
    wide = [(rank, alpha) for rank, kernel, alpha in ranks.values() if kernel > 1]
    dim, alpha = (one_or_dynamic([pair[place] for pair in plain or wide]) for place in (0, 1))
    conv = (one_or_dynamic([rank for rank, _ in wide]), one_or_dynamic([alpha for _, alpha in wide])) if wide else None
    told = {
        "of": file.path.name,
        "of_sshs_model_hash": file.metadata.get("sshs_model_hash", ""),
        "new_rank": wanted.rank,
        "new_conv_rank": wanted.conv_rank,
        "dynamic_method": wanted.method,
        "dynamic_param": wanted.parameter,
        "of_network_dim": file.metadata.get("ss_network_dim", ""),
        "date": now(),
        **({"before": file.metadata[METADATA]} if METADATA in file.metadata else {}),
    }
    return {**with_ranks(file.metadata, dim, alpha, conv), METADATA: record(told)}
