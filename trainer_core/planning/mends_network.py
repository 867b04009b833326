"""Mends of the network, rank, alpha, kind, and the LoRA to go on from, and of what is too large for a GPU. Settings only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .mend import Mend, Mender, rank_and_alpha, sets, with_arguments
from .subject import wanted_ranks

if TYPE_CHECKING:
    from ..plan import Plan

_USUAL_RANK, _USUAL_SDXL, _ENOUGH = 32, 16, 128
_ARGUMENTS_OF_KINDS = ("algo", "factor", "decompose_both", "full_matrix", "unbalanced_factorization", "preset")


def _alpha_to_rank(plan: Plan) -> Mend:
    """No alpha above its rank, of convolutions too."""
    settings, options = plan.settings, plan.settings.network_options()
    values: dict[str, Any] = {}
    if settings.network_alpha > (settings.network_dim or 4):
        values["network_alpha"] = float(settings.network_dim or 4)
    if options["conv_dim"] and options["conv_alpha"] and options["conv_alpha"] > options["conv_dim"]:
        values["network_args"] = with_arguments(settings.network_args, conv_alpha=float(options["conv_dim"]))
    return Mend(settings=values)


def _full_alpha(plan: Plan) -> Mend:
    return Mend(settings={"network_alpha": float(plan.settings.network_dim or 4)})


def _usual_rank(plan: Plan) -> Mend:
    """What the subject takes, else the usual; an alpha that isn't given comes with it."""
    ranks = wanted_ranks(plan.settings, plan.header)
    rank = ranks[0] if ranks else _USUAL_RANK
    alpha = {} if "network_alpha" in plan.settings.given else {"network_alpha": float(rank)}
    return Mend(settings={"network_dim": rank, **alpha})


def _within_class(plan: Plan) -> Mend | None:
    """The nearest rank of those that the subject takes."""
    ranks = wanted_ranks(plan.settings, plan.header)
    if ranks is None:
        return None
    return rank_and_alpha(plan.settings, min(max(plan.settings.network_dim or 4, ranks[0]), ranks[1]))


def _plain_lora(plan: Plan) -> Mend:
    words = with_arguments(plan.settings.network_args, **dict.fromkeys(_ARGUMENTS_OF_KINDS))
    return Mend(settings={"network_module": "networks.lora", "network_args": words})


def _lighter(plan: Plan) -> Mend | None:
    """All that makes the run fit the GPU, where something does."""
    forecast = plan.forecast
    if not (forecast.card and forecast.lighter and forecast.card.fits(forecast.lighter[-1].peak)):
        return None
    return Mend(settings={name: value for one in forecast.lighter for name, value in one.settings.items()})


MENDS: dict[str, Mender] = {
    "alpha-above-rank": _alpha_to_rank,
    "alpha-default": _full_alpha,
    "rank-default": _usual_rank,
    "rank-high": lambda plan: rank_and_alpha(plan.settings, _ENOUGH),
    "rank-high-sdxl": lambda plan: rank_and_alpha(plan.settings, _USUAL_SDXL),
    "rank-above-class": _within_class,
    "rank-below-class": _within_class,
    "network-for-class": _plain_lora,
    "network-weights-rank": sets(dim_from_weights=True),
    "network-weights-alpha": sets(dim_from_weights=True),
    "network-weights-kind": sets(dim_from_weights=True),
    "memory-above-card": _lighter,
}
