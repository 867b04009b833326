"""What a tuned model has learnt, as a LoRA on the model that it was tuned from.

One pair of tensors at a time. For small ranks the difference's largest directions are looked for by a randomised range finder
with power iterations (Halko, Martinsson and Tropp 2011) until a further one finds next to nothing: where, as in tuned models,
the singular values fall slowly, a fixed number of them would leave up to a hundredth more error than need be. For larger
ranks that is no quicker than the best product itself (Eckart and Young 1936), by the eigenvectors of difference · differenceᵀ,
which is as small as the shorter side, in float64. Neither decomposes the whole difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ..models.families import FAMILIES, Family, require_base
from ..models.hashes import model_hashes
from ..models.header import ModelHeader, read_header
from ..models.layout import part_names
from ..models.open_clip import place_info
from ..models.prediction import file_prediction
from ..models.read import read_tensors
from ..networks.format import PRECISIONS, save_lora
from ..networks.kind_shapes import KindOptions, module_shapes
from ..networks.targets import Target, lora_targets
from ..problems import UserError
from .file_metadata import fresh_metadata, minimum, now, record
from .outputs import Tell

METADATA = "lora_workbench_extracted"
_MORE = 16  # directions beyond the rank
_SMALL = 16  # so many times the rank fit into the shorter side: then looking for directions is quicker
_ENOUGH, _MOST_ROUNDS = 3e-4, 25  # a round that finds less than that share more is the last one


@dataclass(frozen=True)
class Wanted:
    """`conv_dim`: the rank of convolutions wider than 1×1, None leaves resnets out. `min_diff`: where no number of the text
    encoders' modules differs by more, they are all left out, as kohya's script does; the UNet isn't. `clamp_quantile`: of both
    factors' numbers, beyond which they are cut off, above 0.5; 1 cuts none. `velocity`: the model predicts velocity, where its
    file doesn't say so."""

    dim: int = 4
    conv_dim: int | None = None
    min_diff: float = 0.0
    clamp_quantile: float = 1.0
    unet: bool = True
    text_encoder: bool = True
    precision: str | None = None
    device: str = "cpu"
    velocity: bool = False


@dataclass(frozen=True)
class Extracted:
    """What was written. `difference`: the length of all that differs in UNet and text encoders; `reached`: of what differs in
    the modules that the file has; `error`: of what the file lacks of these; `left`: of what it lacks of all."""

    path: Path
    modules: int
    candidates: int
    difference: float
    reached: float
    error: float
    left: float
    by_part: Mapping[str, int]


@dataclass
class _Found:
    """Squares of lengths so far, and the tensors of the file."""

    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    by_part: dict[str, int] = field(default_factory=dict)
    difference: float = 0.0
    reached: float = 0.0
    error: float = 0.0
    largest: float = 0.0  # of all numbers' differences in the modules that a LoRA goes to
    done: int = 0

    def leave_out(self) -> None:
        """Forgets the modules so far; what differs in them is lacking then."""
        self.tensors, self.by_part = {}, {}
        self.reached = self.error = 0.0


def extract(
    original: str | Path,
    tuned: str | Path,
    wanted: Wanted,
    out: Path,
    *,
    metadata: bool = True,
    data_dir: str | Path | None = None,
    tell: Tell | None = None,
) -> Extracted:
    """Writes the LoRA. UserError where the models aren't of one shape, or nothing that a LoRA could hold differs.

    tell: called with (modules done, modules in all).
    """
    one, other = read_header(original), read_header(tuned)
    family = _one_family(one, other)
    targets = lora_targets(one, unet=wanted.unet, text_encoder=wanted.text_encoder, conv=bool(wanted.conv_dim))
    found = _Found()
    for part in FAMILIES[family].parts:
        own = {f"{target.module}.weight": target for target in targets if target.part == part}
        if part == "unet" and found.largest <= wanted.min_diff:
            found.leave_out()
        _extract_part(one, other, part, own, wanted, found, (lambda done: tell(done, len(targets))) if tell else None)
    if not found.by_part:
        raise UserError(_nothing(found, wanted))
    sizes = {name: math.sqrt(getattr(found, name)) for name in ("difference", "reached", "error")}
    left = math.sqrt(max(0.0, found.difference - found.reached + found.error))
    told = _metadata(one, other, family, wanted, out, sizes | {"left": left}, data_dir)
    save_lora(out, found.tensors, told if metadata else minimum(told), wanted.precision)
    return Extracted(out, sum(found.by_part.values()), len(targets), **sizes, left=left, by_part=found.by_part)


def _one_family(one: ModelHeader, other: ModelHeader) -> Family:
    families = [require_base(header) for header in (one, other)]
    if families[0] != families[1]:
        titles = [FAMILIES[family].title for family in families]
        raise UserError(
            f"{one.path.name} is {titles[0]}, but {other.path.name} is {titles[1]}: give the model that it was tuned from."
        )
    if one.path.samefile(other.path):
        raise UserError(f"Both models are the same, {one.path}: give the original as --model_org, the tuned as --model_tuned.")
    return families[0]


def _extract_part(
    one: ModelHeader,
    other: ModelHeader,
    part: str,
    targets: Mapping[str, Target],
    wanted: Wanted,
    found: _Found,
    tell: Callable[[int], None] | None,
) -> None:
    places, others = part_names(one, part), part_names(other, part)
    missing = next((name for name in places if name not in others), None)
    if missing:
        raise UserError(f"{other.path.name} lacks {missing} of the {part.replace('_', ' ')}: the two aren't of one kind.")
    for name in places:
        shapes = [place_info(header.tensors, own[name]).shape for header, own in ((one, places), (other, others))]
        if math.prod(shapes[0]) != math.prod(shapes[1]):
            raise UserError(
                f"{other.path.name} has {name} as {list(shapes[1])}, {one.path.name} as {list(shapes[0])}: "
                "the two aren't of one kind."
            )
    before, after = read_tensors(one, places, None), read_tensors(other, others, None)
    order = [*targets, *(name for name in places if name not in targets)]
    for name in order:
        first = before.pop(name).to(wanted.device, torch.float32)
        difference = after.pop(name).to(wanted.device, torch.float32).reshape(first.shape) - first
        _require_finite(difference, name)
        square = float(difference.double().square().sum())
        found.difference += square
        if name in targets:
            found.done += 1
            found.largest = max(found.largest, float(difference.abs().max()))
            if square:
                _take(targets[name], difference, square, wanted, found)
            if tell:
                tell(found.done)


def _require_finite(difference: torch.Tensor, name: str) -> None:
    if not bool(torch.isfinite(difference).all()):
        raise UserError(f"The models hold numbers in {name} that aren't finite: one of them is damaged.")


def _take(target: Target, difference: torch.Tensor, square: float, wanted: Wanted, found: _Found) -> None:
    """Adds the module's factors, and what they lack once they are rounded as the file will have them."""
    flat = difference.flatten(1)
    rank = min(wanted.conv_dim or wanted.dim if target.kernel > 1 else wanted.dim, *flat.shape)
    up, down = best_factors(flat, rank)
    if wanted.clamp_quantile < 1:
        up, down = _clamped(up, down, wanted.clamp_quantile)
    dtype = PRECISIONS[wanted.precision or "float"]
    up, down = up.to(dtype), down.to(dtype)
    found.error += float((flat - up.float() @ down.float()).double().square().sum())
    found.reached += square
    found.by_part[target.part] = found.by_part.get(target.part, 0) + 1
    shapes = module_shapes("lora", target, rank, KindOptions())
    found.tensors |= {
        f"{target.name}.alpha": torch.tensor(float(rank)),
        f"{target.name}.lora_down.weight": down.reshape(shapes["lora_down.weight"]).cpu(),
        f"{target.name}.lora_up.weight": up.reshape(shapes["lora_up.weight"]).cpu(),
    }


@torch.no_grad()
def best_factors(matrix: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(up [m, rank], down [rank, n]), both of the same length, whose product is the best of that rank, or as good as that."""
    if matrix.shape[0] > matrix.shape[1]:
        up, down = best_factors(matrix.t(), rank)
        return down.t().contiguous(), up.t().contiguous()
    is_small = (rank + _MORE) * _SMALL <= matrix.shape[0]
    left, right = _found_at_random(matrix, rank) if is_small else _by_eigenvectors(matrix.double(), rank)
    root = right.norm(dim=1, keepdim=True).sqrt()
    return (left * root.t()).float(), (right / root.clamp(min=torch.finfo(root.dtype).tiny)).float()


def _by_eigenvectors(wide: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(left [m, rank] of length 1 each, right [rank, n]), whose product is the best of that rank."""
    _, vectors = torch.linalg.eigh(wide @ wide.t())  # values rise
    left = vectors[:, -rank:].flip(1)
    return left, left.t() @ wide


def _found_at_random(wide: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same, nearly."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(wide.shape[1], rank + _MORE, generator=generator).to(wide)
    range_, _ = torch.linalg.qr(wide @ start)
    other, side = torch.linalg.qr(wide.t() @ range_)
    for _ in range(_MOST_ROUNDS):
        held = float(side.square().sum())
        range_, _ = torch.linalg.qr(wide @ other)
        other, side = torch.linalg.qr(wide.t() @ range_)
        if float(side.square().sum()) <= (1 + _ENOUGH) * held:
            break
    inner, values, vt = torch.linalg.svd(side.t())
    return range_ @ inner[:, :rank], values[:rank, None] * (vt[:rank] @ other.t())


def _clamped(up: torch.Tensor, down: torch.Tensor, quantile: float) -> tuple[torch.Tensor, torch.Tensor]:
    """As kohya's script has it: up holds all the length, down's rows are of length 1, and what is above a quantile of all their
    numbers is cut off on both sides of zero. There that depends on the vectors' signs, which mean nothing; here it is the mean
    of both, so the quantile 2·q − 1 of the sizes."""
    lengths = down.norm(dim=1).clamp(min=torch.finfo(down.dtype).tiny)
    up, down = up * lengths, down / lengths[:, None]
    sizes = torch.cat([up.flatten(), down.flatten()]).abs()
    limit = float(sizes.kthvalue(max(1, math.ceil((2 * quantile - 1) * len(sizes)))).values)
    return up.clamp(-limit, limit), down.clamp(-limit, limit)


def _nothing(found: _Found, wanted: Wanted) -> str:
    if not found.difference:
        return "Both models have the same weights in UNet and text encoder: there is nothing to extract."
    if found.largest:  # what differs was in text encoders, and too little
        return (
            f"Of the modules that this LoRA would go to, only the text encoder's differ, and by no more than --min_diff "
            f"{wanted.min_diff:g}: lower it."
        )
    mend = (
        "what differs is in norms, biases or embeddings, which a LoRA can't hold."
        if wanted.conv_dim
        else ("give --conv_dim for the convolutions of the resnets, or look whether these are the right models.")
    )
    return f"No module that this LoRA would go to differs in the two models: {mend}"


def _metadata(
    one: ModelHeader,
    other: ModelHeader,
    family: str,
    wanted: Wanted,
    out: Path,
    sizes: Mapping[str, float],
    data_dir: str | Path | None,
) -> dict[str, str]:
    legacy, whole = model_hashes(one.path, data_dir)
    velocity = wanted.velocity or file_prediction(one).prediction == "v_prediction"
    conv = (str(wanted.conv_dim), str(float(wanted.conv_dim))) if wanted.conv_dim else None
    told = {
        "model_org": one.path.name,
        "model_org_hash": whole,
        "model_tuned": other.path.name,
        "model_tuned_hash": model_hashes(other.path, data_dir)[1],
        "min_diff": wanted.min_diff,
        "clamp_quantile": wanted.clamp_quantile,
        **{name: float(f"{size:.6g}") for name, size in sizes.items()},
        "date": now(),
    }
    return {
        **fresh_metadata(family, out.stem, str(wanted.dim), str(float(wanted.dim)), conv, velocity=velocity),
        "ss_sd_model_name": one.path.name,
        "ss_sd_model_hash": legacy,
        "ss_new_sd_model_hash": whole,
        METADATA: record(told),
    }
