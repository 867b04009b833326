"""From the settings and a model's header: which modules are trained, of what kind, rank, shapes and rate. Without torch.

The plan counts the file's bytes from it, the run makes the network of it: both see the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import data_folder
from ..models.families import identify
from ..models.header import ModelHeader, read_header
from ..problems import UserError
from ..settings import Settings
from ..settings.network_kinds import NetworkKind, is_lycoris, kind_of
from .block_presets import FILE_NAME
from .block_weights import BlockWeights, all_ones, parse_block_weights, user_presets
from .blocks import BASE, block_of
from .foreign_names import plain_name
from .kind_shapes import WITHOUT_ALPHA, KindOptions, Shapes, in_webui_order, module_shapes, on_target, rank_of
from .kind_targets import PRESETS, TargetPreset, kind_targets
from .kohya_blocks import RATE_WORDS, BlockRanks, block_ranks, rate_weights
from .targets import Target


@dataclass(frozen=True)
class Placed:
    """One module of the network. `shapes`: {suffix in the file: shape}, without the alpha; `rate`: factor of its part's rate.

    `alpha` is the number in the file, so that it acts with alpha divided by rank.
    """

    target: Target
    kind: str
    rank: int
    alpha: float
    shapes: Shapes
    rate: float = 1.0

    @property
    def has_alpha(self) -> bool:
        return not any(name in self.shapes for name in WITHOUT_ALPHA)

    def file_shapes(self) -> Shapes:
        """{tensor's name in the file: shape}."""
        shapes: Shapes = {f"{self.target.name}.alpha": ()} if self.has_alpha else {}
        return {**shapes, **{f"{self.target.name}.{suffix}": shape for suffix, shape in self.shapes.items()}}


@dataclass(frozen=True)
class Choice:
    """A whole network, before it is made."""

    kind: NetworkKind
    placed: tuple[Placed, ...]
    options: KindOptions
    weights: BlockWeights
    notices: tuple[str, ...]

    def rates(self) -> set[float]:
        """The factors of the learning rate that its blocks have: more than one where blocks learn at different speeds."""
        return {one.rate for one in self.placed}


def choose_network(settings: Settings, header: ModelHeader) -> Choice:
    """The network that the settings ask for on a base model. UserError with one sentence where they can't be met."""
    given = settings.network_options()
    module, family = settings.network_module, identify(header)
    kind, lycoris = kind_of(module, given["algo"]), is_lycoris(module, given["algo"])
    options = KindOptions.of(given, module)
    file = read_header(settings.network_weights) if settings.network_weights and settings.dim_from_weights else None
    preset, conv = _preset(module, lycoris, kind, given, file)
    weights, notices = _weights(settings, given, family, whole=bool(conv) and preset.resnets == "all")
    targets = kind_targets(
        header,
        preset,
        unet=not settings.network_train_text_encoder_only,
        text_encoder=not settings.network_train_unet_only,
        conv=conv,
        linear_only=kind.linear_only,
        norms=bool(given["train_norm"]) and file is None,
    )
    ranks = _Ranks.of(settings, given, lycoris, kind, family)
    placed = _from_file(file, targets, header) if file else _placed(targets, kind.name, ranks, options)
    rated = [(one, weights.of(one.target.module, _block(one.target))) for one in placed]
    chosen = tuple(_with_rate(one, rate) for one, rate in rated if rate > 0)
    if placed and not chosen:
        raise UserError("Nothing would be trained: the weights of all blocks are 0; give at least one block a weight.")
    return Choice(kind, chosen, options, weights, (*notices, *_notices(settings, given, kind, options, file)))


def _preset(
    module: str, lycoris: bool, kind: NetworkKind, given: Mapping[str, Any], file: ModelHeader | None
) -> tuple[TargetPreset, bool]:
    """Which modules, and whether convolutions wider than 1×1 are among them."""
    if file is not None:
        return PRESETS["full"], True
    if module == "networks.oft":
        name = "oft-conv" if given["enable_conv"] else "oft-linear" if given["enable_all_linear"] else "oft"
        return PRESETS[name], bool(given["enable_conv"])
    if lycoris:
        return PRESETS[given["preset"] or kind.preset], given["conv_dim"] != 0
    conv = bool(given["conv_dim"] or given["conv_block_dims"])
    return PRESETS["c3lier" if conv else "lierla"], conv


def _block(target: Target) -> str | None:
    return BASE if target.part != "unet" else block_of(target.module)


def _with_rate(one: Placed, rate: float) -> Placed:
    return Placed(one.target, one.kind, one.rank, one.alpha, one.shapes, rate)


def _weights(settings: Settings, given: Mapping[str, Any], family: str, whole: bool) -> tuple[BlockWeights, tuple[str, ...]]:
    """The blocks' weights from block_weights, or from kohya's words."""
    by_kohya = rate_weights(given, family)
    text = given["block_weights"]
    if text is None:
        if given["x"] is not None:
            raise UserError("network_args: x is for block_weights, which isn't given; take it out.")
        return by_kohya or all_ones(), ()
    if by_kohya is not None:
        told = next(name for name in RATE_WORDS if given[name])
        raise UserError(f"network_args: block_weights and {told} can't be given together; take one out.")
    own = given["block_presets"]
    if own and not Path(own).expanduser().is_file():
        raise UserError(f"network_args: there is no file {own}; check the path given as block_presets.")
    files = [Path(own).expanduser()] if own else []
    presets = user_presets([*files, data_folder(settings.data_dir) / FILE_NAME])
    weights = parse_block_weights(text, family, whole=whole, x=given["x"], presets=presets)
    if any(weight < 0 for weight in weights.values.values()):
        raise UserError(
            "network_args: block_weights has a number below 0; in training the smallest is 0, which leaves a block out."
        )
    return weights, weights.notices


@dataclass(frozen=True)
class _Ranks:
    """Rank and alpha of modules, by what they are and, where that is given, by block."""

    rank: int
    alpha: float
    conv_rank: int
    conv_alpha: float
    blocks: BlockRanks | None

    @classmethod
    def of(cls, settings: Settings, given: Mapping[str, Any], lycoris: bool, kind: NetworkKind, family: str) -> _Ranks:
        rank, alpha = settings.network_dim or 4, settings.network_alpha
        conv_rank = given["conv_dim"] or rank
        default = alpha if lycoris or kind.name == "dylora" else 1.0
        if not given["conv_dim"] and not lycoris:
            default = alpha
        conv_alpha = default if given["conv_alpha"] is None else given["conv_alpha"]
        if kind.name == "dylora" and conv_rank != rank:
            raise UserError(f"network_args: DyLoRA's conv_dim must equal network_dim, {rank}; set it so, or take it out.")
        block_alpha = 0.0 if _asks_for_rank(settings) else alpha
        return cls(rank, alpha, conv_rank, conv_alpha, block_ranks(given, family, rank, block_alpha))

    def of_target(self, target: Target) -> tuple[int, float]:
        wide = target.kernel > 1
        if self.blocks is not None and target.part == "unet":
            return self.blocks.of(target.module, _block(target), wide)
        return (self.conv_rank, self.conv_alpha) if wide else (self.rank, self.alpha)


def _asks_for_rank(settings: Settings) -> bool:
    """Whether network_alpha was given as 0: where blocks have ranks of their own, that is the rank of each, not network_dim."""
    asked = settings.as_dict(only_given=True).get("network_alpha")
    return asked is not None and float(asked) == 0


def _placed(targets: Sequence[Target], kind: str, ranks: _Ranks, options: KindOptions) -> list[Placed]:
    placed = []
    for target in targets:
        rank, alpha = ranks.of_target(target)
        if rank:
            shapes = module_shapes(kind, target, rank, options)
            placed.append(Placed(target, kind, rank, file_alpha(shapes, rank, alpha or rank, options), shapes))
    if kind == "dylora" and ranks.rank % options.unit:
        raise UserError(f"network_args: network_dim {ranks.rank} must be a multiple of DyLoRA's unit, {options.unit}.")
    return placed


def acts_by_alpha(shapes: Mapping[str, object]) -> bool:
    """Whether a module acts with alpha divided by rank: not where there is no rank, nor where no loader reads its alpha."""
    whole = "lokr_w1" in shapes and "lokr_w2" in shapes
    return not (whole or any(name in shapes for name in (*WITHOUT_ALPHA, "a1.weight")))


def same_alpha(one: float, other: float) -> bool:
    """Whether they are the same, as far as a file in 16 bits can tell."""
    return math.isclose(one, other, rel_tol=5e-3)


def file_alpha(shapes: Shapes, rank: int, alpha: float, options: KindOptions) -> float:
    """What stands in the file. With rs_lora it makes up for loaders that divide by the rank and not its root.

    Where both of LoKr's factors are whole there is no rank to divide by; GLoRA's is read by no loader.
    """
    if "a1.weight" in shapes or ("lokr_w1" in shapes and "lokr_w2" in shapes):
        return float(rank)
    return float(alpha * math.sqrt(rank) if options.rs_lora else alpha)


def _from_file(file: ModelHeader, targets: Sequence[Target], header: ModelHeader) -> list[Placed]:
    """The modules that a file has, with its shapes; alphas are taken when it is loaded."""
    own = {name: in_webui_order(shapes) for name, shapes in file_shapes(file).items()}
    everything = {one.name: one for one in [*targets, *_norm_targets(header, own)]}
    found = {
        target: {suffix: on_target(suffix, shape, target) for suffix, shape in own[name].items()}
        for name, target in everything.items()
        if name in own
    }
    placed = [Placed(target, "", rank_of(shapes), 1.0, shapes) for target, shapes in found.items()]
    if not placed:
        raise UserError(f"network_weights: {file.path} holds no module of this model; give a LoRA of the same kind of model.")
    return placed


def file_shapes(file: ModelHeader) -> dict[str, Shapes]:
    """{module: {suffix: shape}} of a LoRA file, alphas left out."""
    found: dict[str, Shapes] = {}
    for key, info in file.tensors.items():
        name, _, suffix = key.partition(".")
        if suffix != "alpha":
            found.setdefault(plain_name(name), {})[suffix] = tuple(info.shape)
    return found


def _norm_targets(header: ModelHeader, own: Mapping[str, Shapes]) -> list[Target]:
    if not any("w_norm" in shapes for shapes in own.values()):
        return []
    return [one for one in kind_targets(header, PRESETS["full"], text_encoder=False, norms=True) if one.kind == "norm"]


def _notices(
    settings: Settings, given: Mapping[str, Any], kind: NetworkKind, options: KindOptions, file: ModelHeader | None
) -> list[str]:
    found = []
    plain = kind.name in ("lora", "dylora") and not (options.dora_wd or options.use_tucker)
    if (settings.network_dropout or given["dropout"]) and not plain:
        found.append(f"network_dropout does nothing with {kind.title}; rank_dropout and module_dropout do.")
    if given["bypass_mode"]:
        found.append("network_args: bypass_mode changes how LyCORIS computes, not what; it is passed over.")
    if not kind.has_alpha and "network_alpha" in settings.given and file is None:
        found.append(f"network_alpha does nothing with {kind.title}: webui reads no alpha of it.")
    if not kind.has_rank and "network_dim" in settings.given and file is None:
        found.append(f"network_dim does nothing with {kind.title}, which has no rank.")
    return found
