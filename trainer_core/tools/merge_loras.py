"""LoRAs merged with each other: the sum of their changes, exactly by ranks side by side, or the best one of fewer ranks.

Adding up factors, as some scripts do, is no sum of changes: (u₁+u₂)(d₁+d₂) has two products in it that nobody trained, and a
ratio put on both factors acts squared. Here a ratio is put on the change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..models.header import TensorInfo
from ..problems import UserError
from .file_metadata import fresh_metadata, minimum, now, one_or_dynamic, record, shared
from .lora_arrays import Array, LoraFile, read_lora_file, scale_of
from .low_rank import Factors, distance, factors_of, file_arrays, is_plain, joined, shortened, singular
from .module_kinds import OTHER, base_family, kind_of_module
from .outputs import PRECISIONS, Piece, Tell, each, packed, write_lora_file
from .resize import arrays_of
from .weighted import Weighted, list_notices

METADATA = "lora_workbench_merged"
# Kinds that add plainly: {the tensor that tells the kind: all that it adds}.
_ADDED = {"diff": ("diff", "diff_b"), "w_norm": ("w_norm", "b_norm")}
# What the merged file says for itself, whatever its parents say alike.
_OWN = ("ss_network_dim", "ss_network_alpha", "ss_network_args", "ss_network_module", "ss_output_name", "modelspec.title",
        "modelspec.date", "modelspec.hash_sha256")  # fmt: skip
_NOTHING = 1e-6  # of the parents' lengths together: what rounding leaves of changes that cancel out


@dataclass(frozen=True)
class Merged:
    """What was written. `alike`: modules that all parents act on. `lengths`: of each parent's change as it was merged;
    `length`: of the file's; `error`: what the file has otherwise than the sum, by fewer ranks or by rounding."""

    path: Path
    modules: int
    alike: int
    lengths: tuple[float, ...]
    length: float
    error: float
    ranks: tuple[int, int]
    notices: tuple[str, ...]


@dataclass
class _Sums:
    parents: list[float]
    length: float = 0.0
    error: float = 0.0


def merge_loras(
    loras: Sequence[Weighted],
    out: Path,
    *,
    rank: int | None = None,
    conv_rank: int | None = None,
    precision: str | None = None,
    metadata: bool = True,
    tell: Tell | None = None,
) -> Merged:
    """Writes the sum of the LoRAs' changes at their strengths; ranks add up, or are at most `rank` where it is given.

    What has strength 0 is left out. UserError where families or shapes differ, a kind can't be added, or nothing would change.
    """
    files = [read_lora_file(one.path) for one in loras]
    family = _one_family(files)
    strengths = [one.strengths(file) for one, file in zip(loras, files, strict=True)]
    acting = [{module for module, one in own.items() if one and module != "bundle_emb"} for own in strengths]
    names = list(dict.fromkeys(module for own, acts in zip(strengths, acting, strict=True) for module in own if module in acts))
    dtype = PRECISIONS[precision] if precision else _widest(files)
    pieces: dict[str, Piece] = {}
    ranks: dict[str, tuple[int, int, float]] = {}  # rank, kernel, alpha
    sums = _Sums([0.0] * len(files))
    for module in each(names, tell):
        there = [number for number, acts in enumerate(acting) if module in acts]
        own = _Module(module, [files[one] for one in there], [strengths[one][module] for one in there], there)
        if own.added():
            made = own.sum_of_additions(dtype, sums)
        else:
            most = conv_rank if conv_rank is not None and own.kernel() > 1 else rank
            made = own.sum_of_products(dtype, most, sums, ranks)
        pieces |= {f"{module}.{suffix}": piece for suffix, piece in made.items()}
    lengths = tuple(map(math.sqrt, sums.parents))
    if math.sqrt(sums.length) <= _NOTHING * sum(lengths):
        raise UserError("The merged LoRA would change nothing: its parts cancel out, or all their strengths are 0.")
    told = _metadata(loras, files, family, out, ranks)
    write_lora_file(out, pieces, told if metadata else minimum(told))
    all_ranks = [one for one, _, _ in ranks.values()] or [0]
    alike = sum(all(module in acts for acts in acting) for module in names)
    return Merged(
        out,
        len(names),
        alike,
        lengths,
        math.sqrt(sums.length),
        math.sqrt(sums.error),
        (min(all_ranks), max(all_ranks)),
        (*list_notices(loras, files), *_notices(files, alike)),
    )


@dataclass(frozen=True)
class _Module:
    """One module in those files that have it, with its strength in each; `places`: the files' numbers."""

    name: str
    files: Sequence[LoraFile]
    strengths: Sequence[float]
    places: Sequence[int]

    def added(self) -> bool:
        """Whether it is of a kind that adds plainly. UserError where the kinds differ or can't be added here."""
        kinds = [kind_of_module(file.modules[self.name]) for file in self.files]
        for file, kind in zip(self.files, kinds, strict=True):
            if not is_plain(list(file.modules[self.name])) and not self._adds(file):
                raise UserError(
                    f"{file.path.name} holds {self.name} as {kind}, which can't be added to another LoRA; merge it into a "
                    "checkpoint (--sd_model), which takes every kind."
                )
        if len({self._adds(file) for file in self.files}) > 1:
            raise UserError(f"{self.name} is of different kinds in these files ({', '.join(kinds)}), which can't be added.")
        return self._adds(self.files[0])

    def _adds(self, file: LoraFile) -> bool:
        return any(suffix in file.modules[self.name] for suffix in _ADDED)

    def kernel(self) -> int:
        core = self.files[0].modules[self.name]
        shape = (core.get("lora_mid.weight") or core["lora_down.weight"]).shape
        return shape[-1] if len(shape) == 4 else 1

    def sum_of_additions(self, dtype: str, sums: _Sums) -> dict[str, Piece]:
        total: dict[str, Array] = {}
        for file, strength, place in zip(self.files, self.strengths, self.places, strict=True):
            for suffix, array in file.read(self.name).items():
                if suffix not in ("diff", "diff_b", "w_norm", "b_norm"):
                    continue
                own = array.astype(np.float64) * strength
                self._require_shape(total[suffix].shape if suffix in total else own.shape, own.shape)
                total[suffix] = total[suffix] + own if suffix in total else own
                sums.parents[place] += float(np.sum(own**2)) if suffix in _ADDED else 0.0
        pieces = {suffix: packed(array, dtype, f"{self.name}.{suffix}") for suffix, array in total.items()}
        made = arrays_of(pieces)
        sums.length += sum(float(np.sum(made[suffix].astype(np.float64) ** 2)) for suffix in _ADDED if suffix in made)
        sums.error += sum(float(np.sum((made[suffix] - total[suffix]) ** 2)) for suffix in _ADDED if suffix in made)
        return pieces

    def sum_of_products(
        self, dtype: str, rank: int | None, sums: _Sums, ranks: dict[str, tuple[int, int, float]]
    ) -> dict[str, Piece]:
        arrays = [file.read(self.name) for file in self.files]
        parts = [factors_of(one, strength) for one, strength in zip(arrays, self.strengths, strict=True)]
        for part, place in zip(parts, self.places, strict=True):
            self._require_shape((parts[0].up.shape[0], *parts[0].tail), (part.up.shape[0], *part.tail))
            sums.parents[place] += part.norm() ** 2
        whole = joined(parts)
        scale = max((abs(scale_of(one)) for one in arrays), default=1.0) or 1.0
        if rank is not None and rank < whole.rank:
            written = file_arrays(shortened(singular(whole), rank, whole.tail), scale)
        else:
            written = _side_by_side(parts, arrays, scale)
        pieces = {suffix: packed(array, dtype, f"{self.name}.{suffix}") for suffix, array in written.items()}
        made = factors_of(arrays_of(pieces))
        sums.length += made.norm() ** 2
        sums.error += distance(whole, made) ** 2
        ranks[self.name] = (made.rank, made.kernel, scale * made.rank)
        return pieces

    def _require_shape(self, one: tuple[int, ...], other: tuple[int, ...]) -> None:
        if one != other:
            raise UserError(
                f"These LoRAs are for different models: {self.name} changes a weight of {list(one)} in one and of "
                f"{list(other)} in another."
            )


def _side_by_side(parts: Sequence[Factors], arrays: Sequence[Mapping[str, Array]], scale: float) -> dict[str, Array]:
    """{suffix: array} whose product at alpha by rank `scale` is the sum. Downs stay as they are; where no part has another
    scale and its strength is 1, ups do too, so that nothing is rounded."""
    whole = joined(parts)
    up = whole.up / scale
    plain = arrays[0]["lora_up.weight"]
    return {
        "alpha": np.array(scale * whole.rank),
        "lora_down.weight": whole.down.reshape(whole.rank, *whole.tail),
        "lora_up.weight": up[:, :, None, None] if plain.ndim == 4 else up,
    }


def _one_family(files: Sequence[LoraFile]) -> str:
    families = [base_family(file) for file in files]
    words = {"sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "sdxl": "SDXL"}
    for file, family in zip(files, families, strict=True):
        if family == OTHER:
            raise UserError(
                f"{file.path.name} is for no Stable Diffusion 1.x, 2.x or XL (it changes {next(iter(file.modules))}), so it "
                "can't be merged here."
            )
        if family != families[0]:
            raise UserError(
                f"{files[0].path.name} is for {words[families[0]]} and {file.path.name} for {words[family]}: "
                "LoRAs can be merged within one family only."
            )
    return families[0]


def _widest(files: Sequence[LoraFile]) -> str:
    """The dtype that all files share, else float32, which holds what any has."""
    found = {info.dtype for file in files for infos in file.modules.values() for info in _floats(infos)}
    return found.pop() if len(found) == 1 and found <= set(PRECISIONS.values()) else "F32"


def _floats(infos: Mapping[str, TensorInfo]) -> list[TensorInfo]:
    return [info for suffix, info in infos.items() if suffix != "alpha" and (info.dtype[0] == "F" or info.dtype == "BF16")]


def _notices(files: Sequence[LoraFile], alike: int) -> tuple[str, ...]:
    notices = []
    bases = {file.metadata.get("ss_new_sd_model_hash", ""): file.metadata.get("ss_sd_model_name", "") for file in files}
    if len(bases.keys() - {""}) > 1:
        shown = ", ".join(f"{name or 'unnamed'} ({key[:10]})" for key, name in bases.items() if key)
        notices.append(f"They were trained on different base models, {shown}: look at what the sum does.")
    if len(files) > 1 and not alike:
        notices.append("No module is in all of them.")
    return tuple(notices)


def _metadata(
    loras: Sequence[Weighted], files: Sequence[LoraFile], family: str, out: Path, ranks: Mapping[str, tuple[int, int, float]]
) -> dict[str, str]:
    plain = [(rank, alpha) for rank, kernel, alpha in ranks.values() if kernel == 1]
    wide = [(rank, alpha) for rank, kernel, alpha in ranks.values() if kernel > 1]
    dim, alpha = (one_or_dynamic([pair[place] for pair in plain or wide]) for place in (0, 1))
    conv = (one_or_dynamic([rank for rank, _ in wide]), one_or_dynamic([alpha for _, alpha in wide])) if wide else None
    parents = [one.record(file.metadata) for one, file in zip(loras, files, strict=True)]
    fresh = fresh_metadata(family, out.stem, dim, alpha, conv)
    alike = shared([file.metadata for file in files])
    return {
        **fresh,
        **{key: value for key, value in alike.items() if key not in _OWN},
        "modelspec.merged_from": ", ".join(one.path.stem for one in loras),
        METADATA: record({"parents": parents, "date": now()}),
    }
