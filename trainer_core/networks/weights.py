"""What each kind of network makes of a weight: one formula a kind, for training, for sampling and for baking alike.

`tensors` are those of one module, {suffix: tensor} as in the file. Kinds are told by their suffixes, so that a file needs no
word about its kind. Formulas and meanings are those of webui's loaders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from .kind_shapes import in_webui_order

Tensors = Mapping[str, torch.Tensor]


def changed_weight(tensors: Tensors, weight: torch.Tensor, scale: float) -> torch.Tensor:
    """The weight with the whole change, in float32 and `weight`'s shape; `scale`: alpha by rank, see `kind_shapes.scale_of`."""
    weight = weight.float()
    if "oft_blocks" in tensors:
        return _turned(tensors, weight)
    if "on_input" in tensors:
        return weight * (1 + _along(tensors["weight"].float(), weight, 1 if int(tensors["on_input"]) else 0))
    changed = weight + difference(tensors, weight, scale)
    return _decomposed(changed, tensors["dora_scale"].float()) if "dora_scale" in tensors else changed


def difference(tensors: Tensors, weight: torch.Tensor, scale: float) -> torch.Tensor:
    """What is added to the weight by kinds that add, in float32 and `weight`'s shape, before DoRA."""
    formula = next(formula for suffix, formula in _FORMULAS.items() if suffix in tensors)
    return formula({name: tensor.float() for name, tensor in tensors.items()}, weight).reshape(weight.shape) * scale


def adds(tensors: Mapping[str, object]) -> bool:
    """Whether the kind adds to the weight (and does not multiply it)."""
    return any(suffix in tensors for suffix in _FORMULAS)


def bias_difference(tensors: Tensors) -> torch.Tensor | None:
    """What is added to the bias, in float32."""
    for suffix in ("diff_b", "b_norm"):
        if suffix in tensors:
            return tensors[suffix].float()
    return None


def factors(tensors: Mapping[str, object]) -> list[str]:
    """The suffixes that the difference is a product of, so that shrinking each by the n-th root shrinks it as a whole."""
    return [suffix for suffix in tensors if suffix == "diff" or suffix.startswith(("lora_", "hada_", "lokr_"))]


def _lora(tensors: Tensors, _weight: torch.Tensor) -> torch.Tensor:
    up, down = tensors["lora_up.weight"].flatten(1), tensors["lora_down.weight"].flatten(1)
    if "lora_mid.weight" in tensors:
        return torch.einsum("rs...,or,si->oi...", tensors["lora_mid.weight"], up, down)
    return up @ down


def _loha(tensors: Tensors, _weight: torch.Tensor) -> torch.Tensor:
    products = []
    for number in ("1", "2"):
        left, right = tensors[f"hada_w{number}_a"], tensors[f"hada_w{number}_b"]
        core = tensors.get(f"hada_t{number}")
        products.append(left @ right if core is None else torch.einsum("rs...,ro,si->oi...", core, left, right))
    return products[0] * products[1]


def _lokr(tensors: Tensors, weight: torch.Tensor) -> torch.Tensor:
    small = tensors["lokr_w1"] if "lokr_w1" in tensors else tensors["lokr_w1_a"] @ tensors["lokr_w1_b"]
    if "lokr_w2" in tensors:
        large = tensors["lokr_w2"]
    elif "lokr_t2" in tensors:
        large = torch.einsum("rs...,ro,si->oi...", tensors["lokr_t2"], tensors["lokr_w2_a"], tensors["lokr_w2_b"])
    else:
        large = tensors["lokr_w2_a"] @ tensors["lokr_w2_b"]
    large = large.reshape(weight.shape[0] // small.shape[0], weight.shape[1] // small.shape[1], *weight.shape[2:]).contiguous()
    return torch.kron(small.reshape(*small.shape, *[1] * (weight.dim() - 2)), large)


def _glora(tensors: Tensors, weight: torch.Tensor) -> torch.Tensor:
    """W·a2·a1 + b2·b1."""
    tensors = in_webui_order(tensors)
    a1, a2, b1, b2 = (tensors[f"{name}.weight"].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    flat = weight.flatten(2) if weight.dim() > 2 else weight
    through = torch.einsum("oi...,ir,rj->oj...", flat, a2, a1)
    return through.reshape(weight.shape) + (b2 @ b1).reshape(weight.shape)


def _full(tensors: Tensors, _weight: torch.Tensor) -> torch.Tensor:
    return tensors["diff"]


def _norm(tensors: Tensors, _weight: torch.Tensor) -> torch.Tensor:
    return tensors["w_norm"]


_FORMULAS: dict[str, Callable[[Tensors, torch.Tensor], torch.Tensor]] = {
    "lora_down.weight": _lora,
    "hada_w1_a": _loha,
    "lokr_w1": _lokr,
    "lokr_w1_a": _lokr,
    "a1.weight": _glora,
    "diff": _full,
    "w_norm": _norm,
}


def _along(vector: torch.Tensor, weight: torch.Tensor, axis: int) -> torch.Tensor:
    shape = [1] * weight.dim()
    shape[axis] = -1
    return vector.reshape(shape)


def _decomposed(changed: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """DoRA: the weight's directions with the learnt lengths, of each input [1, in] or, in others' files, output [out, 1]."""
    by_output = length.shape[0] == changed.shape[0] and length.shape[0] > 1
    kept = 0 if by_output else 1
    norm = changed.square().sum(dim=[axis for axis in range(changed.dim()) if axis != kept], keepdim=True).sqrt()
    return changed * (length.reshape(norm.shape) / (norm + torch.finfo(torch.float32).eps))


def _turned(tensors: Tensors, weight: torch.Tensor) -> torch.Tensor:
    """Diag-OFT's blocks [n, b, b], or BOFT's stages of them [m, n, b, b], as rotations of the outputs (Cayley's transform)."""
    blocks = tensors["oft_blocks"].float()
    skew = blocks - blocks.transpose(-1, -2)
    one = torch.eye(blocks.shape[-1], device=blocks.device)
    turns = (one + skew) @ torch.linalg.inv(one - skew)
    turned = weight.flatten(1)
    if turns.dim() == 3:
        turned = _each_block(turns.transpose(-1, -2), turned)
    else:
        for stage, turn in enumerate(turns):
            stride = 2**stage * (turn.shape[-1] // 2)
            turned = turned.unflatten(0, (-1, 2, stride)).transpose(1, 2).flatten(0, 2)
            turned = _each_block(turn, turned)
            turned = turned.unflatten(0, (-1, stride, 2)).transpose(1, 2).flatten(0, 2)
    turned = turned.reshape(weight.shape)
    return turned * _along(tensors["rescale"].float(), weight, 0) if "rescale" in tensors else turned


def limited_turn(blocks: torch.Tensor, limit: float) -> torch.Tensor:
    """OFT's blocks of a file with a constraint (its alpha; `limit`: times outputs): no longer than that, 0 sets none.

    Trained blocks may be longer, since kohya and LyCORIS shorten them each time they act; webui's loader does too.
    """
    length = torch.linalg.vector_norm((blocks - blocks.transpose(-1, -2)).float())
    return blocks * (limit / length) if 0 < limit < float(length) else blocks


def _each_block(turns: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Each block's turn [n, b, b] on its own rows of [n·b, in]."""
    return (turns @ rows.reshape(turns.shape[0], turns.shape[1], -1)).reshape(rows.shape)
