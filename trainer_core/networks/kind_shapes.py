"""The tensors of one trained module, by kind: their names in the file (without the module's) and shapes. Without torch.

Names and meanings are LyCORIS' and kohya's, as webui's loaders take them; alphas are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..problems import UserError
from .targets import Target

Shapes = dict[str, tuple[int, ...]]
# Each kind has one of these in every module.
KNOWN_SUFFIXES = (
    "lora_down.weight",
    "hada_w1_a",
    "lokr_w1",
    "lokr_w1_a",
    "on_input",
    "a1.weight",
    "diff",
    "w_norm",
    "oft_blocks",
)
# A kind whose files have no alpha: webui's loaders would take it for a scale.
WITHOUT_ALPHA = ("diff", "w_norm", "oft_blocks", "on_input")


@dataclass(frozen=True)
class KindOptions:
    """The arguments of network_args that change shapes or start values."""

    use_tucker: bool = False
    dora_wd: bool = False
    factor: int = -1
    decompose_both: bool = False
    full_matrix: bool = False
    unbalanced_factorization: bool = False
    rs_lora: bool = False
    rescaled: bool = False
    unit: int = 1
    blocks_given: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], module: str) -> KindOptions:
        """From network_options; `module` is network_module: networks.oft gives the number of blocks, not their size."""
        given = {name: options[name] for name in cls.__dataclass_fields__ if options.get(name) is not None}
        unit = options.get("unit") or options.get("block_size")
        return cls(**{**given, **({"unit": unit} if unit else {}), "blocks_given": module == "networks.oft"})


def module_shapes(kind: str, target: Target, rank: int, options: KindOptions) -> Shapes:
    """{suffix: shape}; UserError where the kind can't be made for such a module."""
    if target.kind == "norm":
        return {"w_norm": (target.out,), "b_norm": (target.out,)}
    shapes = _SHAPES[kind](target, rank, options)
    if options.dora_wd and kind in ("lora", "loha", "lokr"):
        shapes["dora_scale"] = (1, target.in_, *_ones(target))
    return shapes


def _ones(target: Target) -> tuple[int, ...]:
    return (1, 1) if target.kind == "conv" else ()


def _kernel(target: Target) -> tuple[int, ...]:
    return (target.kernel, target.kernel) if target.kind == "conv" else ()


def _in_columns(target: Target) -> int:
    return target.in_ * target.kernel**2


def _lora(target: Target, rank: int, options: KindOptions) -> Shapes:
    up = (target.out, rank, *_ones(target))
    if options.use_tucker and target.kernel > 1:
        mid = (rank, rank, *_kernel(target))
        return {"lora_down.weight": (rank, target.in_, 1, 1), "lora_mid.weight": mid, "lora_up.weight": up}
    return {"lora_down.weight": (rank, target.in_, *_kernel(target)), "lora_up.weight": up}


def _loha(target: Target, rank: int, options: KindOptions) -> Shapes:
    if options.use_tucker and target.kernel > 1:
        left, right, core = (rank, target.out), (rank, target.in_), (rank, rank, *_kernel(target))
        factors = {"hada_w1_a": left, "hada_w1_b": right, "hada_w2_a": left, "hada_w2_b": right}
        return {**factors, "hada_t1": core, "hada_t2": core}
    left, right = (target.out, rank), (rank, _in_columns(target))
    return {"hada_w1_a": left, "hada_w1_b": right, "hada_w2_a": left, "hada_w2_b": right}


def _lokr(target: Target, rank: int, options: KindOptions) -> Shapes:
    in_m, in_n = factorization(target.in_, options.factor)
    out_l, out_k = factorization(target.out, options.factor)
    if options.unbalanced_factorization:
        out_l, out_k = out_k, out_l
    kernel, whole = _kernel(target), options.full_matrix
    shapes: Shapes = {"lokr_w1": (out_l, in_m)}
    if options.decompose_both and rank < max(out_l, in_m) / 2 and not whole:
        shapes = {"lokr_w1_a": (out_l, rank), "lokr_w1_b": (rank, in_m)}
    if rank >= max(out_k, in_n) / 2 or whole:
        return {**shapes, "lokr_w2": (out_k, in_n, *kernel)}
    if options.use_tucker and target.kernel > 1:
        return {**shapes, "lokr_t2": (rank, rank, *kernel), "lokr_w2_a": (rank, out_k), "lokr_w2_b": (rank, in_n)}
    return {**shapes, "lokr_w2_a": (out_k, rank), "lokr_w2_b": (rank, in_n * target.kernel**2)}


def _ia3(target: Target, _rank: int, _options: KindOptions) -> Shapes:
    from .kind_targets import IA3_ON_INPUT

    return {"weight": (target.in_ if target.module.endswith(IA3_ON_INPUT) else target.out,), "on_input": ()}


def _glora(target: Target, rank: int, _options: KindOptions) -> Shapes:
    """In the order that webui's loaders read: W' = W + b2·b1 + W·a2·a1. (Newer LyCORIS has the numbers the other way round.)"""
    return {
        "a1.weight": (rank, target.in_),
        "a2.weight": (target.in_, rank),
        "b1.weight": (rank, target.in_),
        "b2.weight": (target.out, rank),
    }


def _full(target: Target, _rank: int, _options: KindOptions) -> Shapes:
    shapes: Shapes = {"diff": (target.out, target.in_, *_kernel(target))}
    return {**shapes, "diff_b": (target.out,)} if target.bias else shapes


def _oft(target: Target, rank: int, options: KindOptions) -> Shapes:
    if options.blocks_given:
        count = rank
        if target.out % count:
            raise UserError(
                f"networks.oft: {target.name} has {target.out} outputs, which can't be cut into network_dim {count} blocks; "
                "give a network_dim that divides them, such as 4 or 8."
            )
        size = target.out // count
    else:
        size, count = factorization(target.out, rank)
    return {"oft_blocks": (count, size, size), **_rescale(target, options)}


def _boft(target: Target, rank: int, options: KindOptions) -> Shapes:
    size, count = power_of_two_factorization(target.out, rank)
    if not count:
        raise UserError(
            f"boft: the {target.out} outputs of {target.name} can't be cut into a power of two of even blocks up to "
            f"network_dim {rank}; give a larger network_dim."
        )
    stages = bin(count - 1).count("1") + 1
    return {"oft_blocks": (stages, count, size, size), **_rescale(target, options)}


def _rescale(target: Target, options: KindOptions) -> Shapes:
    return {"rescale": (target.out, 1, *_ones(target))} if options.rescaled else {}


_SHAPES = {
    "lora": _lora,
    "dylora": _lora,
    "loha": _loha,
    "lokr": _lokr,
    "ia3": _ia3,
    "glora": _glora,
    "full": _full,
    "diag-oft": _oft,
    "boft": _boft,
}


def rank_of(shapes: Mapping[str, Sequence[int]]) -> int:
    """The rank that an alpha is divided by, as webui's loaders read it from a module's shapes; 1 where a kind has none."""
    for suffix in ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b", "a1.weight"):
        if suffix in shapes:
            return int(shapes[suffix][0])
    return 1


def scale_of(module: Mapping[str, Any], alpha: float | None) -> float:
    """alpha by rank of a module's tensors: 1 where a kind has no rank, or the file no alpha."""
    ranked = any(suffix.startswith(("lora_", "hada_", "lokr_", "a1.")) for suffix in module)
    if alpha is None or not ranked or {"lokr_w1", "lokr_w2"} <= module.keys():
        return 1.0
    return alpha / rank_of({suffix: tensor.shape for suffix, tensor in in_webui_order(module).items()})


def in_webui_order(module: Mapping[str, Any]) -> dict[str, Any]:
    """A module's tensors or shapes with GLoRA's pairs named as webui reads them; newer LyCORIS has them the other way round."""
    first = module.get("a1.weight")
    shape = getattr(first, "shape", first)
    if shape is None or shape[0] <= shape[1]:
        return dict(module)
    pairs = {"a1.weight": "a2.weight", "a2.weight": "a1.weight", "b1.weight": "b2.weight", "b2.weight": "b1.weight"}
    return {pairs.get(suffix, suffix): value for suffix, value in module.items()}


def on_target(suffix: str, shape: Sequence[int], target: Target) -> tuple[int, ...]:
    """A file's shape as the module has it: kohya's scripts write SD 2.x' linear layers as 1×1 convolutions."""
    shape = tuple(shape)
    if suffix not in ("lora_down.weight", "lora_up.weight") or target.kernel > 1:
        return shape
    if target.kind == "linear" and shape[2:] == (1, 1):
        return shape[:2]
    return (*shape, 1, 1) if target.kind == "conv" and len(shape) == 2 else shape


def factorization(dimension: int, factor: int = -1) -> tuple[int, int]:
    """LyCORIS' two factors of a dimension, the smaller first: `factor` where it divides, else the most even ones up to it."""
    if factor > 0 and dimension % factor == 0:
        return min(factor, dimension // factor), max(factor, dimension // factor)
    limit = dimension if factor < 0 else factor
    small, large = 1, dimension
    for divisor in range(2, min(limit, dimension) + 1):
        if small >= large:
            break
        if dimension % divisor == 0:
            if divisor + dimension // divisor > small + large:
                break
            small, large = divisor, dimension // divisor
    return min(small, large), max(small, large)


def power_of_two_factorization(dimension: int, factor: int) -> tuple[int, int]:
    """BOFT's blocks: an even size up to `factor` and their number, a power of two; the largest such size, or (0, 0)."""
    for size in range(min(factor, dimension) // 2 * 2, 0, -2):
        count = dimension // size
        if dimension % size == 0 and count & (count - 1) == 0:
            return size, count
    return 0, 0
